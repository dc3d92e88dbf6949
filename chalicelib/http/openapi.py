"""Builds the OpenAPI 3.1 document of the API from the registry.

Source: OpenAPI Specification 3.1.0 (https://spec.openapis.org/oas/v3.1.0).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chalicelib.domain.foundation.access.key_texts import KEY_PATTERN
from chalicelib.domain.foundation.access.scopes import SENTENCES
from chalicelib.http.credentials import ACCESS_COOKIE, CSRF_COOKIE
from chalicelib.http.models import Document, PlainText, StaffPageQuery
from chalicelib.http.spec import EndpointSpec, operations
from chalicelib.kernel.errors import HearthError
from chalicelib.kernel.ids import Kind, pattern
from chalicelib.runtime.registry import Function

VERSION = "1.0.0"
"""The version of the API; the major number changes with every incompatible change."""

_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_ADMIN = re.compile(r"/v\d+/admin/")

Json = dict[str, Any]


def document(functions: Iterable[Function]) -> Json:
    """Return the document for the endpoints among `functions`, in a stable order."""
    specs = operations(functions)
    parts = _Parts(specs)
    paths: dict[str, Json] = {}
    for spec in specs:
        paths.setdefault(spec.path, {})[spec.method.lower()] = _operation(spec, parts)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hearth",
            "version": VERSION,
            "description": "Prepay a balance, run machines in our regions, and see every second charged.",
        },
        "servers": [{"url": "/api"}],
        "tags": [{"name": name} for name in sorted({_tag(spec) for spec in specs})],
        "paths": paths,
        "components": {
            "securitySchemes": _SECURITY_SCHEMES,
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "responses": dict(sorted(parts.failures.items())),
            "schemas": dict(sorted({**parts.definitions, "ErrorCode": _codes(specs), **_ENVELOPES}.items())),
        },
    }


class _Parts:
    """The components that operations refer to: schemas of requests and answers, and shared errors."""

    def __init__(self, specs: Iterable[EndpointSpec]) -> None:
        self.failures: dict[str, Json] = {}
        taken = {model for spec in specs for model in (spec.body_model,) if model}
        answered = {spec.data_type for spec in specs if _is_model(spec.data_type)}
        ordered: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
            *((model, "validation") for model in sorted(taken, key=_full_name)),
            *((model, "serialization") for model in sorted(answered, key=_full_name)),
        ]
        refs, found = models_json_schema(ordered, ref_template=_REF)
        self._refs: Mapping[Any, Json] = refs
        self.definitions: Json = found.get("$defs", {})

    def taken(self, model: type[BaseModel]) -> Json:
        """Return the schema of a request."""
        return self._refs[model, "validation"]

    def answered(self, data_type: Any) -> Json:
        """Return the schema of an answer's `data`."""
        return self._refs[data_type, "serialization"] if _is_model(data_type) else {"type": "null"}


def _operation(spec: EndpointSpec, parts: _Parts) -> Json:
    summary, _, rest = spec.description.partition("\n\n")
    operation: Json = {
        "operationId": spec.name,
        "tags": [_tag(spec)],
        "summary": " ".join(summary.split()).rstrip("."),
        "description": "\n\n".join(
            filter(None, [" ".join(summary.split()), rest, _aliases_sentence(spec), _scope_sentence(spec)])
        ),
        "security": list(_security(spec)),
        **({"x-required-scope": spec.scope} if spec.scope else {}),
        "parameters": list(_parameters(spec)),
        "responses": {str(spec.status): _success(spec, parts), **_failures(spec, parts)},
    }
    if spec.body_model is not None:
        schema = parts.taken(spec.body_model)
        is_required = any(field.is_required() for field in spec.body_model.model_fields.values())
        operation["requestBody"] = {"required": is_required, "content": {_JSON: {"schema": schema}}}
    return operation


def _security(spec: EndpointSpec) -> Iterator[Json]:
    """Yield who may call it: a session with the scope, and an API key if keys can have the scope.

    The scope is listed as OpenAPI 3.1 allows for any scheme ("a list of role names which are required").
    """
    if spec.public:
        return
    yield {"bearer": []}
    yield {"cookie": []}
    if spec.scope in SENTENCES:
        yield {"apiKey": [spec.scope]}


def _parameters(spec: EndpointSpec) -> Iterator[Json]:
    yield from _values(spec.path_model, "path")
    if spec.query_model is not None:
        yield from _values(spec.query_model, "query")
    if spec.idempotent:
        yield {"$ref": "#/components/parameters/IdempotencyKey"}
    if spec.has_cookies_checked:
        yield {"$ref": "#/components/parameters/CsrfToken"}
    if spec.acts_for_a_customer:
        yield {"$ref": "#/components/parameters/CustomerId"}


def _values(model: type[BaseModel], place: str) -> Iterator[Json]:
    """Yield a parameter for each field of `model`; paths and queries have no nested fields."""
    schema = model.model_json_schema(ref_template=_REF)
    shared = schema.pop("$defs", {})
    for name, found in schema.get("properties", {}).items():
        field = _inlined(found, shared)
        field.pop("title", None)
        described = {"description": field.pop("description")} if "description" in field else {}
        required = name in schema.get("required", ())
        yield {"name": name, "in": place, "required": required, **described, "schema": field}


def _inlined(schema: Any, shared: Mapping[str, Json]) -> Any:
    """Return `schema` with each reference to one of `shared` replaced by its definition."""
    if isinstance(schema, list):
        return [_inlined(part, shared) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        rest = {name: part for name, part in schema.items() if name != "$ref"}
        schema = {**shared[schema["$ref"].rpartition("/")[2]], **rest}
    return {name: _inlined(part, shared) for name, part in schema.items()}


def _success(spec: EndpointSpec, parts: _Parts) -> Json:
    if spec.data_type is Document:
        return {"description": "The document.", "content": {_JSON: {"schema": {"type": "object"}}}}
    if spec.data_type is PlainText:
        return {"description": "Success.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    data = parts.answered(spec.data_type)
    envelope = _envelope({"type": "array", "items": data} if spec.is_list else data, _meta(spec))
    headers: Json = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if spec.idempotent:
        headers["Idempotency-Replayed"] = {"$ref": "#/components/headers/IdempotencyReplayed"}
    return {"description": "Success.", "headers": headers, "content": {_JSON: {"schema": envelope}}}


def _meta(spec: EndpointSpec) -> Json:
    """Return the schema of `meta` in a success."""
    meta: Json = {"type": "object", "additionalProperties": False}
    if spec.is_list:
        cursor = {
            "type": ["string", "null"],
            "description": "Send it as `cursor` to get the next page; null at the end.",
        }
        meta |= {"properties": {"nextCursor": cursor}, "required": ["nextCursor"]}
    if spec.query_model is not None and issubclass(spec.query_model, StaffPageQuery):
        meta["properties"] |= _NUMBERING
    return meta


def _envelope(data: Json, meta: Json) -> Json:
    return {
        "type": "object",
        "properties": {"success": {"const": True}, "data": data, "meta": meta},
        "required": ["success", "data", "meta"],
        "additionalProperties": False,
    }


def _failures(spec: EndpointSpec, parts: _Parts) -> dict[str, Json]:
    """Return the errors of an endpoint by status, each with its possible codes."""
    found: dict[str, Json] = {}
    for status, group in groupby(spec.refusals, key=lambda error: error.status):
        errors = list(group)
        name = "Or".join(error.__name__ for error in errors)
        parts.failures.setdefault(name, _failure(errors))
        found[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return found


def _codes(specs: Iterable[EndpointSpec]) -> Json:
    """Return every code that an endpoint can answer, by status."""
    found = {(error.status, error.code) for spec in specs for error in spec.refusals}
    return {"type": "string", "enum": [code for _, code in sorted(found)]}


def _failure(errors: list[type[HearthError]]) -> Json:
    codes = [error.code for error in errors]
    narrowed = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
    headers: Json = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if {error.status for error in errors} & _RETRYABLE:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    examples = {
        error.code: {
            "value": {"success": False, "error": {"code": error.code, "message": error.sentence, "details": []}}
        }
        for error in errors
    }
    schema = {"allOf": [{"$ref": _REF.format(model="Failure")}, narrowed]}
    return {
        "description": " ".join(f"`{error.code}`: {error.sentence}" for error in errors),
        "headers": headers,
        "content": {_JSON: {"schema": schema, "examples": examples}},
    }


def _tag(spec: EndpointSpec) -> str:
    """Return the tag of an endpoint: the first word of its path."""
    rest = _ADMIN.sub("/admin/", spec.path).strip("/").split("/")
    return rest[1] if re.fullmatch(r"v\d+", rest[0]) else rest[0]


def _aliases_sentence(spec: EndpointSpec) -> str:
    """Return a sentence that lists the operation's aliases."""
    others = [f"`{method} {path}`" for method, path in spec.aliases]
    return f"The same as {' and '.join(others)}." if others else ""


def _scope_sentence(spec: EndpointSpec) -> str:
    return f"Needs the scope `{spec.scope}`." if spec.scope else ""


def _is_model(data_type: Any) -> bool:
    return isinstance(data_type, type) and issubclass(data_type, BaseModel)


def _full_name(model: type[BaseModel]) -> str:
    return f"{model.__module__}.{model.__qualname__}"


_RETRYABLE = {409, 429, 503}

_NUMBERING: Json = {
    "page": {"type": "integer", "description": "Present if the page was requested by number."},
    "pageSize": {"type": "integer"},
    "total": {"type": "integer", "description": "How many items there are; see `isTotalExact`."},
    "isTotalExact": {"type": "boolean", "description": "False if there are more than `total`."},
}

_SECURITY_SCHEMES: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The access token of a sign-in.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS_COOKIE,
        "description": "The access token in a cookie; requests that change state also need `X-CSRF-Token`.",
    },
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": KEY_PATTERN,
        "description": "An API key from `POST /api-keys` with the scope that the operation names.",
    },
}

_PARAMETERS: Json = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Repeats with the same key within 24 hours get the first answer and have no effect.",
        "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
    },
    "CsrfToken": {
        "name": "X-CSRF-Token",
        "in": "header",
        "required": False,
        "description": f"The value of the `{CSRF_COOKIE}` cookie; required if the access token is in a cookie.",
        "schema": {"type": "string"},
    },
    "CustomerId": {
        "name": "X-Customer-Id",
        "in": "header",
        "required": False,
        "description": "The customer to act for, one that you belong to; by default the session's.",
        "schema": {"type": "string", "pattern": pattern(Kind.CUSTOMER)},
    },
}

_HEADERS: Json = {
    "RequestId": {"description": "Quote it when you contact support.", "schema": {"type": "string"}},
    "RetryAfter": {
        "description": "Seconds to wait before trying again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "IdempotencyReplayed": {
        "description": "`true` if this is the stored answer of an earlier request with the same key.",
        "schema": {"const": "true"},
    },
}

_ENVELOPES: Json = {
    "FieldError": {
        "type": "object",
        "properties": {
            "field": {"type": "string", "examples": ["storage.sizeGb"]},
            "message": {"type": "string"},
        },
        "required": ["field", "message"],
        "additionalProperties": False,
    },
    "Failure": {
        "type": "object",
        "properties": {
            "success": {"const": False},
            "error": {
                "type": "object",
                "properties": {
                    "code": {"$ref": _REF.format(model="ErrorCode")},
                    "message": {"type": "string"},
                    "details": {"type": "array", "items": {"$ref": _REF.format(model="FieldError")}},
                },
                "required": ["code", "message", "details"],
                "additionalProperties": False,
            },
        },
        "required": ["success", "error"],
        "additionalProperties": False,
    },
}
