"""The intrinsic functions and conditions of HOT, the Heat Orchestration Template language.

Source of the rules: the HOT specification of OpenStack Heat, version 2021-04-16.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from dev.simulators.http import Json


class HotError(Exception):
    """A template that Heat refuses; `type` is the error class in Heat's answer."""

    def __init__(self, message: str, type_: str = "StackValidationFailed") -> None:
        super().__init__(message)
        self.message = message
        self.type = type_


class Scope(Protocol):
    """The values that a template's functions refer to."""

    def parameter(self, name: str) -> Json:
        """The value of a parameter or pseudo parameter; HotError if there is none."""

    def reference(self, resource: str) -> Json:
        """The result of `get_resource`."""

    def attribute(self, resource: str, attribute: str) -> Json:
        """The result of `get_attr`; None while it is unknown."""

    def condition(self, name: str) -> bool:
        """The value of a named condition; HotError if there is none."""

    def file(self, name: str) -> str:
        """The content of a file that came with the template; HotError if there is none."""


class _Removed:
    """Marks a property that an `if` without an else part removes."""


REMOVED: Final = _Removed()

Resolve = Callable[[Json], Json]


def function_of(value: Json) -> str | None:
    """The name of the function that a template value calls; None if it is plain data."""
    if isinstance(value, dict) and len(value) == 1:
        (name,) = value
        if name in _FUNCTIONS:
            return str(name)
    return None


def resolve(value: Json, scope: Scope) -> Json:
    """A template value with all its functions evaluated.

    Raises:
        HotError: a function is used wrongly, or refers to something that does not exist.
    """
    name = function_of(value)
    if name is not None:
        return _FUNCTIONS[name](value[name], lambda inner: resolve(inner, scope), scope)
    if isinstance(value, dict):
        resolved = {key: resolve(item, scope) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not REMOVED}
    if isinstance(value, list):
        return [item for item in (resolve(item, scope) for item in value) if item is not REMOVED]
    return value


def references(value: Json, scope: Scope, path: str = "") -> Iterator[tuple[str, str, str | None]]:
    """Every (resource, where, attribute) that a value refers to, in the branches that `if` takes."""
    name = function_of(value)
    if name == "if":
        yield from references(_chosen(value["if"], scope), scope, path)
    elif name == "get_resource":
        yield str(value["get_resource"]), path, None
    elif name == "get_attr":
        arguments = value["get_attr"]
        if isinstance(arguments, list) and arguments:
            yield str(arguments[0]), path, str(arguments[1]) if len(arguments) > 1 else None
            yield from references(arguments[2:], scope, path)
        else:
            yield str(arguments), path, None
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, scope, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, scope, f"{path}[{index}]")


def truth(value: Json, scope: Scope) -> bool:
    """The value of a condition: a boolean, the name of a condition, or a condition function."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return scope.condition(value)
    if function_of(value) in {"equals", "not", "and", "or", "contains", "get_param"}:
        return bool(resolve(value, scope))
    raise HotError(f'Invalid condition "{value}"')


def follow(value: Json, path: list[Json]) -> Json:
    """The value at a path of keys and indexes; None if there is none."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and str(step).lstrip("-").isdigit():
            index = int(step)
            value = value[index] if -len(value) <= index < len(value) else None
        else:
            return None
    return value


def as_text(value: Json) -> str:
    """A value as text functions insert it into a string."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value)


def _arguments(name: str, value: Json, at_least: int) -> list[Json]:
    if not isinstance(value, list) or len(value) < at_least:
        raise HotError(f'Arguments to "{name}" must be a list of at least {at_least}')
    return value


def _get_param(value: Json, inner: Resolve, scope: Scope) -> Json:
    path = [inner(step) for step in (value if isinstance(value, list) else [value])]
    if not path:
        raise HotError('Function "get_param" must have arguments')
    return follow(scope.parameter(str(path[0])), path[1:])


def _get_resource(value: Json, inner: Resolve, scope: Scope) -> Json:
    return scope.reference(str(value))


def _get_attr(value: Json, inner: Resolve, scope: Scope) -> Json:
    name, attribute, *path = _arguments("get_attr", value, 2)
    return follow(scope.attribute(str(name), str(attribute)), [inner(step) for step in path])


def _get_file(value: Json, inner: Resolve, scope: Scope) -> Json:
    return scope.file(str(inner(value)))


def _str_replace(value: Json, inner: Resolve, scope: Scope) -> Json:
    if not isinstance(value, dict) or set(value) != {"template", "params"}:
        raise HotError(
            '\'"str_replace" syntax should be str_replace:\\n              template: This is var1 template var2'
            "\\n              params:\\n                var1: a\\n                var2: string'"
        )
    template, params = as_text(inner(value["template"])), inner(value["params"])
    if not params:
        return template
    # The longest placeholder first, and each place only once, so that inserted values are not searched again.
    placeholders = sorted((str(key) for key in params), key=len, reverse=True)
    texts = {str(key): as_text(item) for key, item in params.items()}
    return re.sub("|".join(map(re.escape, placeholders)), lambda found: texts[found.group()], template)


def _str_split(value: Json, inner: Resolve, scope: Scope) -> Json:
    delimiter, text, *index = [inner(item) for item in _arguments("str_split", value, 2)]
    parts = as_text(text).split(delimiter)
    return follow(parts, index) if index else parts


def _list_join(value: Json, inner: Resolve, scope: Scope) -> Json:
    delimiter, *lists = [inner(item) for item in _arguments("list_join", value, 2)]
    return str(delimiter).join(as_text(item) for items in lists for item in items or [])


def _list_concat(value: Json, inner: Resolve, scope: Scope) -> Json:
    return [item for items in _arguments("list_concat", value, 1) for item in inner(items) or []]


def _map_merge(value: Json, inner: Resolve, scope: Scope) -> Json:
    return {key: item for part in _arguments("map_merge", value, 1) for key, item in (inner(part) or {}).items()}


def _chosen(value: Json, scope: Scope) -> Json:
    condition, then, *otherwise = _arguments("if", value, 2)
    if truth(condition, scope):
        return then
    return otherwise[0] if otherwise else REMOVED


def _if(value: Json, inner: Resolve, scope: Scope) -> Json:
    return inner(_chosen(value, scope))


def _equals(value: Json, inner: Resolve, scope: Scope) -> Json:
    left, right = (inner(item) for item in _arguments("equals", value, 2)[:2])
    return left == right


def _not(value: Json, inner: Resolve, scope: Scope) -> Json:
    return not truth(value, scope)


def _and(value: Json, inner: Resolve, scope: Scope) -> Json:
    return all(truth(item, scope) for item in _arguments("and", value, 2))


def _or(value: Json, inner: Resolve, scope: Scope) -> Json:
    return any(truth(item, scope) for item in _arguments("or", value, 2))


def _contains(value: Json, inner: Resolve, scope: Scope) -> Json:
    item, sequence = (inner(part) for part in _arguments("contains", value, 2)[:2])
    return item in (sequence or [])


_FUNCTIONS: Final[dict[str, Callable[[Json, Resolve, Scope], Json]]] = {
    "get_param": _get_param,
    "get_resource": _get_resource,
    "get_attr": _get_attr,
    "get_file": _get_file,
    "str_replace": _str_replace,
    "str_split": _str_split,
    "list_join": _list_join,
    "list_concat": _list_concat,
    "map_merge": _map_merge,
    "if": _if,
    "equals": _equals,
    "not": _not,
    "and": _and,
    "or": _or,
    "contains": _contains,
}
