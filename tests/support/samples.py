"""Makes valid input from the models' schemas, and invalid variants of it."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from chalicelib.kernel.ids import Kind, pattern

Json = Any
IdOf = Callable[[Kind], str]

KIND_BY_PATTERN: Mapping[str, Kind] = {pattern(kind): kind for kind in Kind}


@dataclass(frozen=True)
class Spoilt:
    """A body with one invalid change, which `what` describes for the test's message."""

    what: str
    body: Json


def schema_of(model: type[BaseModel]) -> Json:
    """The JSON schema of a request, with its references replaced."""
    schema = model.model_json_schema()
    return _inlined(schema, schema.get("$defs", {}))


def sample(schema: Json, id_of: IdOf) -> Json:
    """A value that fits `schema`: ids from `id_of`, the examples of the schema, else the smallest value."""
    if schema.get("pattern") in KIND_BY_PATTERN:
        return id_of(KIND_BY_PATTERN[schema["pattern"]])
    for fixed in ("examples", "enum"):
        if schema.get(fixed):
            return schema[fixed][0]
    if "const" in schema:
        return schema["const"]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return sample(schema[several][0], id_of)
    return _plain_sample(schema, id_of)


def _plain_sample(schema: Json, id_of: IdOf) -> Json:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: sample(part, id_of) for name, part in properties.items()}
        case "array":
            return [sample(schema["items"], id_of)] * schema.get("minItems", 0)
        case "integer":
            return schema.get("minimum", schema.get("default", 1))
        case "boolean":
            return True
        case "string":
            return "2030-01-01T00:00:00Z" if schema.get("format") == "date-time" else _text(schema)
    raise LookupError(f"give this field an example: {schema}")


def _text(schema: Json) -> str:
    """A text of the least length; a schema with a pattern needs an example, unless letters fit the pattern."""
    length = max(1, schema.get("minLength", 1))
    found = next((text for n in (length, 32, 43, 64) if _fits(text := "a" * n, schema)), None)
    if found is None:
        raise LookupError(f"give this field an example: {schema}")
    return found


def _fits(text: str, schema: Json) -> bool:
    return bool(re.search(schema.get("pattern", ""), text))


def ids_in(schema: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Kind]]:
    """The places of ids in a body, with their kinds."""
    if schema.get("pattern") in KIND_BY_PATTERN:
        yield path, KIND_BY_PATTERN[schema["pattern"]]
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from ids_in(part, path)
    for name, part in schema.get("properties", {}).items():
        yield from ids_in(part, (*path, name))


_WRONG: tuple[Json, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    " ",
    "\x00",
    "’; DROP TABLE x;--",
    "../../etc/passwd",
    "{{7*7}}",
    "🜁" * 50,
    "a" * 5_000,
    [],
    [[]],
    {},
    {"S": "x"},
    {"__proto__": {}},
)
"""The values that are sent for each field in turn. Some are valid for some fields, so callers ask the model."""


def spoilt(body: Json, path: tuple[Any, ...] = ()) -> Iterator[Spoilt]:
    """`body` with each part, at any depth, missing, extended, or replaced by each of many wrong values."""
    part = _at(body, path)
    where = ".".join(map(str, path)) or "body"
    if path:
        for wrong in _WRONG:
            yield Spoilt(f"{where} = {wrong!r:.30}", _with(body, path, wrong))
    if isinstance(part, dict):
        yield Spoilt(f"{where} with something more", _with(body, (*path, "somethingElse"), 1))
        for name in part:
            yield Spoilt(f"{where} without {name}", _without(body, (*path, name)))
            yield from spoilt(body, (*path, name))


MALFORMED = (
    "",
    " ",
    "{",
    "}",
    "nonsense",
    "null",
    "true",
    "0",
    "NaN",
    '"text"',
    "[]",
    "[{}]",
    "{'a': 1}",
    '{"a": 1,}',
    '{"a": NaN}',
    '{"a": -Infinity}',
    '{"a": "\\ud800"}',
    "\ud800",
    "\x00",
    "[" * 60_000,
    '{"a":' * 10_000,
    '{"a": ' + "9" * 50_000 + "}",
)
"""Bodies that every endpoint with a required field refuses."""

TOO_LARGE = '{"a": "' + "a" * 70_000 + '"}'


def _inlined(schema: Json, shared: Mapping[str, Json]) -> Json:
    if isinstance(schema, list):
        return [_inlined(part, shared) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        rest = {name: part for name, part in schema.items() if name != "$ref"}
        schema = {**shared[schema["$ref"].rpartition("/")[2]], **rest}
    return {name: _inlined(part, shared) for name, part in schema.items() if name != "$defs"}


def _at(body: Json, path: tuple[Any, ...]) -> Json:
    for step in path:
        body = body[step]
    return body


def _with(body: Json, path: tuple[Any, ...], value: Json) -> Json:
    changed = copy.deepcopy(body)
    _at(changed, path[:-1])[path[-1]] = value
    return changed


def _without(body: Json, path: tuple[Any, ...]) -> Json:
    changed = copy.deepcopy(body)
    del _at(changed, path[:-1])[path[-1]]
    return changed
