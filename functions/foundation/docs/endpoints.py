"""Endpoint for the API's documentation."""

import json
from functools import cache

from chalicelib.http import Document, Reply, endpoint

_CACHEABLE = {"Cache-Control": "public, max-age=300"}


@endpoint("GET", "/docs/openapi.json", public=True, memory_mb=1024)
def read_openapi() -> Reply[Document]:
    """Read this document, which is generated from the functions that serve the API."""
    return Reply(Document(_text()), headers=_CACHEABLE)


@cache
def _text() -> str:
    from chalicelib.http.openapi import document
    from chalicelib.runtime.registry import load_all

    return json.dumps(document(load_all()), separators=(",", ":"))
