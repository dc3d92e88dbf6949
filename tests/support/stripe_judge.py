"""Validates requests to Stripe against two sources of Stripe.

One is the types of the parameters in its SDK, for the API version that Hearth uses. The other is its OpenAPI
document, which is older, but is the usual reference.
"""

import json
import re
import types
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin

import jsonschema
from stripe._request_options import RequestOptions
from typing_extensions import get_type_hints, is_typeddict

Json = Any
SINCE_THE_DOCUMENT = frozenset(
    {
        ("POST /v1/payment_intents", "allowed_payment_method_types"),
        ("POST /v1/setup_intents", "allowed_payment_method_types"),
        ("POST /v1/checkout/sessions", "allowed_payment_method_types"),
        ("GET /v1/checkout/sessions", "created"),
    }
)
"""Parameters that are newer than the document, so that only the SDK can validate them."""

_PLAIN = {
    int: re.compile(r"-?\d+"),
    bool: re.compile(r"true|false"),
    str: re.compile(r".*", re.DOTALL),
}
_OPTIONS = frozenset(RequestOptions.__annotations__)


def complaints_of_sdk(params: Json, kind: Any, path: str = "") -> list[str]:
    """The violations of the SDK's type in parameters decoded from a form, whose values are all texts."""
    origin = get_origin(kind)
    if origin in {NotRequired, Required}:
        return complaints_of_sdk(params, get_args(kind)[0], path)
    if origin in {Union, types.UnionType}:
        against = [complaints_of_sdk(params, option, path) for option in get_args(kind)]
        return min(against, key=len)
    if is_typeddict(kind):
        return _complaints_of_mapping(params, kind, path)
    if origin is list:
        if not isinstance(params, list):
            return [f"{path}: not a list"]
        return [bad for item in params for bad in complaints_of_sdk(item, get_args(kind)[0], f"{path}[]")]
    if origin is Literal:
        return [] if params in get_args(kind) else [f"{path}: {params!r} is none of its values"]
    return _complaints_of_plain(params, kind, path)


def _complaints_of_mapping(params: Json, kind: Any, path: str) -> list[str]:
    if not isinstance(params, Mapping):
        return [f"{path}: not a mapping"]
    hints = get_type_hints(kind, localns={"StripeContext": Any, "Mapping": Mapping}, include_extras=True)
    fields = {name: hint for name, hint in hints.items() if name not in _OPTIONS}
    unknown = [f"{path}.{name}: unknown" for name in params.keys() - fields.keys()]
    missing = [
        f"{path}.{name}: missing"
        for name, hint in fields.items()
        if get_origin(hint) is not NotRequired and name not in params
    ]
    known = [
        bad
        for name in params.keys() & fields.keys()
        for bad in complaints_of_sdk(params[name], fields[name], f"{path}.{name}")
    ]
    return unknown + missing + known


def _complaints_of_plain(params: Json, kind: Any, path: str) -> list[str]:
    if kind in _PLAIN:
        return (
            [] if isinstance(params, str) and _PLAIN[kind].fullmatch(params) else [f"{path}: no {kind.__name__}"]
        )
    # Other values are mappings of texts, such as metadata.
    is_texts = isinstance(params, Mapping) and all(isinstance(value, str) for value in params.values())
    return [] if is_texts else [f"{path}: no mapping of texts"]


class DocumentJudge:
    """Stripe's OpenAPI document."""

    def __init__(self, path: Path) -> None:
        self._document: dict[str, Json] = json.loads(path.read_bytes())

    def complaints(self, method: str, path: str, params: Mapping[str, Json]) -> list[str]:
        """The violations of the document in a request; its schemas allow no additional fields."""
        schema = self._schema(method, path)
        known = {
            name: value for name, value in params.items() if (f"{method} {path}", name) not in SINCE_THE_DOCUMENT
        }
        typed = _typed(known, schema)
        validator = jsonschema.Draft4Validator(schema)
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(typed)]

    @cache  # noqa: B019 - a judge lives as long as the module that uses it
    def _schema(self, method: str, path: str) -> dict[str, Json]:
        operation = self._operation(method, path)
        if method == "POST":
            body: dict[str, Json] = operation["requestBody"]["content"]["application/x-www-form-urlencoded"][
                "schema"
            ]
            return body
        query = [item for item in operation.get("parameters", []) if item["in"] == "query"]
        schema = {
            "type": "object",
            "properties": {item["name"]: item["schema"] for item in query},
            "additionalProperties": False,
        }
        required = [item["name"] for item in query if item.get("required")]
        return schema | ({"required": required} if required else {})

    def _operation(self, method: str, path: str) -> dict[str, Json]:
        found = [
            operations[method.lower()]
            for template, operations in sorted(self._document["paths"].items())
            if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", r"\\w+", template), path)
        ]
        assert found, f"Stripe has no {method} {path}"
        first: dict[str, Json] = found[0]
        return first


def _typed(value: Json, schema: Mapping[str, Json]) -> Json:
    """The texts of a form, converted to the schema's types if possible."""
    for option in schema.get("anyOf", ()):
        typed = _typed(value, option)
        if jsonschema.Draft4Validator(option).is_valid(typed):
            return typed
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        return {name: _typed(item, properties.get(name, {})) for name, item in value.items()}
    if isinstance(value, list):
        return [_typed(item, schema.get("items", {})) for item in value]
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if schema.get("type") == "boolean" and value in {"true", "false"}:
        return value == "true"
    return value
