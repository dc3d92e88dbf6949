"""Endpoint for the API's documentation."""

import json
from functools import cache
from pathlib import Path

from chalicelib.http import Document, Reply, endpoint

_PACKAGED = Path(__file__).parents[3] / "docs/openapi.json"
_CACHEABLE = {"Cache-Control": "public, max-age=300"}


@endpoint("GET", "/docs/openapi.json", public=True, memory_mb=1024)
def read_openapi() -> Reply[Document]:
    """Read this document, which is generated from the functions that serve the API."""
    return Reply(Document(_text()), headers=_CACHEABLE)


@cache
def _text() -> str:
    """The document that `make check` holds to the endpoints; made of them where a project was packaged without."""
    try:
        made = json.loads(_PACKAGED.read_text())
    except FileNotFoundError:
        from chalicelib.http.openapi import document
        from chalicelib.runtime.registry import load_all

        made = document(load_all())
    return json.dumps(made, separators=(",", ":"))
