"""The JSON form of values that are stored or sent whole."""

from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_BUILT: dict[type[Any], TypeAdapter[Any]] = {}


def json_form(kind: type[T]) -> TypeAdapter[T]:
    """What reads and writes values of `kind`; built when first asked for, because that takes milliseconds."""
    if kind not in _BUILT:
        _BUILT[kind] = TypeAdapter(kind)
    return _BUILT[kind]
