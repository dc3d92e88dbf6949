"""Checks answers against the OpenAPI document: an endpoint answers only what it declares."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from chalicelib.http.openapi import document
from chalicelib.http.spec import EndpointSpec
from chalicelib.runtime.registry import Place, load_all

_BASE = "urn:hearth"


def hold(spec: EndpointSpec, place: Place, status: int, body: Any) -> None:
    """Fail if `spec` does not declare this status, this error code, or this shape at `place`."""
    method, path = place
    declared = {error.status for error in spec.refusals} | {spec.status}
    code = body["error"]["code"] if status not in {spec.status} and "error" in body else ""
    assert status in declared, f"{spec.name} answers {status} {code}, which it does not declare (errors=…)"
    found = list(_validator(path, method.lower(), str(status)).iter_errors(body))
    assert not found, f"{spec.name} answers {status} {code} not as it declares: " + "; ".join(
        f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message}" for error in found[:3]
    )


@cache
def _validator(path: str, method: str, status: str) -> Draft202012Validator:
    response = _document()["paths"][path][method]["responses"][status]
    place = response.get("$ref") or "#/" + "/".join(map(_escaped, ("paths", path, method, "responses", status)))
    kind = _escaped("text/plain" if "text/plain" in response.get("content", {}) else "application/json")
    return Draft202012Validator({"$ref": f"{_BASE}{place}/content/{kind}/schema"}, registry=_registry())


def _escaped(token: str) -> str:
    """`token` in a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


@cache
def _document() -> dict[str, Any]:
    return document(load_all())


@cache
def _registry() -> "Registry[Any]":
    empty: Registry[Any] = Registry()
    registry: Registry[Any] = empty.with_resource(_BASE, DRAFT202012.create_resource(_document()))
    return registry
