"""Parameters of a HOT template: their types, defaults and constraints, with Heat's own error texts."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from dev.simulators.http import Json
from dev.simulators.openstack.hot_functions import HotError

CustomConstraint = Callable[[str, Json], str | None]
"""(constraint such as `nova.flavor`, value) -> the reason why the value is refused; None if it is accepted."""

HIDDEN: Final = "******"
_TRUE: Final = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE: Final = frozenset({"0", "f", "false", "off", "n", "no"})


def values(
    schemas: Mapping[str, Json], given: Mapping[str, Json], defaults: Mapping[str, Json], custom: CustomConstraint
) -> dict[str, Json]:
    """The value of each parameter, converted to its type and checked.

    Raises:
        HotError: a value is missing, unknown, or refused by a type or a constraint.
    """
    for name in given:
        if name not in schemas:
            raise HotError(f"The Parameter ({name}) was not defined in template.", "UnknownUserParameter")
    result = {}
    for name, schema in schemas.items():
        if name in given:
            raw = given[name]
        elif name in defaults:
            raw = defaults[name]
        elif "default" in schema:
            raw = schema["default"]
        else:
            raise HotError(f"The Parameter ({name}) was not provided.", "UserParameterMissing")
        result[name] = _checked(name, schema, raw, custom)
    return result


def shown(schemas: Mapping[str, Json], parameters: Mapping[str, Json]) -> dict[str, str]:
    """The parameters in a stack's answer: all as text, hidden ones masked."""
    return {
        name: HIDDEN if _is_hidden(schemas[name]) else _text(value)
        for name, value in parameters.items()
        if name in schemas
    }


def summary(schemas: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters in the answer of template validation."""
    return {name: _described(name, schema) for name, schema in schemas.items()}


def _described(name: str, schema: Mapping[str, Json]) -> dict[str, Json]:
    described: dict[str, Json] = {
        "Type": _TYPE_LABELS[_type(schema)],
        "Description": schema.get("description", ""),
        "NoEcho": "true" if _is_hidden(schema) else "false",
        "Label": schema.get("label", name),
    }
    if "default" in schema:
        described["Default"] = schema["default"]
    return described


def _is_hidden(schema: Mapping[str, Json]) -> bool:
    return str(schema.get("hidden", False)).lower() in _TRUE


def _text(value: Json) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value)


def _checked(name: str, schema: Mapping[str, Json], raw: Json, custom: CustomConstraint) -> Json:
    try:
        value = _CONVERSIONS[_type(schema)](raw)
        for constraint in schema.get("constraints", []):
            _check(constraint, value, custom)
    except ValueError as error:
        raise HotError(f"Parameter '{name}' is invalid: {error}") from error
    return value


def _type(schema: Mapping[str, Json]) -> str:
    name = str(schema.get("type", "string"))
    if name not in _CONVERSIONS:
        raise HotError(f"Invalid type ({name})", "InvalidSchemaError")
    return name


def _check(constraint: Mapping[str, Json], value: Json, custom: CustomConstraint) -> None:
    problem = next(
        (_CHECKS[key](rule, value) for key, rule in constraint.items() if key in _CHECKS),
        None,
    )
    if "custom_constraint" in constraint:
        reason = custom(str(constraint["custom_constraint"]), value)
        problem = reason and f"Error validating value '{value}': {reason}"
    if problem:
        raise ValueError(constraint.get("description") or problem)


def _out_of(rule: Mapping[str, Json], number: float) -> bool:
    low, high = rule.get("min"), rule.get("max")
    return (low is not None and number < low) or (high is not None and number > high)


def _allowed_values(rule: Json, value: Json) -> str | None:
    unknown = [item for item in (value if isinstance(value, list) else [value]) if item not in rule]
    return f"{json.dumps(unknown[0])} is not an allowed value {json.dumps(rule)}" if unknown else None


def _range(rule: Json, value: Json) -> str | None:
    return (
        f"{value} is out of range (min: {rule.get('min')}, max: {rule.get('max')})"
        if _out_of(rule, value)
        else None
    )


def _length(rule: Json, value: Json) -> str | None:
    if not _out_of(rule, len(value)):
        return None
    return f"length ({len(value)}) is out of range (min: {rule.get('min')}, max: {rule.get('max')})"


def _pattern(rule: Json, value: Json) -> str | None:
    return None if re.fullmatch(rule, value) else f'"{value}" does not match pattern "{rule}"'


_CHECKS: Final[dict[str, Callable[[Json, Json], str | None]]] = {
    "allowed_values": _allowed_values,
    "range": _range,
    "length": _length,
    "allowed_pattern": _pattern,
}


def _to_string(raw: Json) -> str:
    return json.dumps(raw) if isinstance(raw, dict | list) else str(raw)


def _to_number(raw: Json) -> Json:
    if isinstance(raw, int | float):
        return raw
    try:
        return int(raw)
    except ValueError:
        return float(raw)


def _to_boolean(raw: Json) -> bool:
    text = str(raw).strip().lower()
    if text not in _TRUE | _FALSE:
        known = ", ".join(f"'{word}'" for word in sorted(_TRUE | _FALSE))
        raise ValueError(f"Unrecognized value '{raw}', acceptable values are: {known}")
    return text in _TRUE


def _to_json(raw: Json) -> Json:
    if isinstance(raw, dict | list):
        return raw
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ValueError(f"Value must be valid JSON: {error}") from error


def _to_list(raw: Json) -> list[str]:
    if isinstance(raw, list):
        return [str(item) for item in raw]
    return [item.strip() for item in str(raw).split(",")] if raw else []


_CONVERSIONS: Final[dict[str, Callable[[Json], Json]]] = {
    "string": _to_string,
    "number": _to_number,
    "boolean": _to_boolean,
    "json": _to_json,
    "comma_delimited_list": _to_list,
}
_TYPE_LABELS: Final = {
    "string": "String",
    "number": "Number",
    "boolean": "Boolean",
    "json": "Json",
    "comma_delimited_list": "CommaDelimitedList",
}
