"""`dataclass`, cheap to import: use it wherever `dataclasses.dataclass` would be used.

The standard one writes the methods of each class as text and compiles them, which costs a cold start about a
millisecond a class; one function imports more than a hundred. Here the methods are closures over the class's
fields. Everything else (`fields`, `field`, `replace`, `asdict`, `__match_args__`) stays with `dataclasses`, and
type checkers see only the standard decorator. Creating an instance takes about two microseconds longer
([ADR 26](../../docs/adr/0026-a-fast-first-exchange.md)).
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from dataclasses import dataclass as _collect
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 (exported)
else:

    def dataclass(cls: type[Any] | None = None, /, *, frozen: bool = False, kw_only: bool = False) -> Any:
        """Make a dataclass of `cls`, as `dataclasses.dataclass` does with these arguments; it knows no others.

        Raises:
            TypeError: the fields are in no possible order, or one has `init=False`, which is not supported.
        """

        def decorate(plain: type[Any]) -> type[Any]:
            own = dict(vars(plain))
            made = _collect(init=False, repr=False, eq=False, kw_only=kw_only)(plain)
            for name, method in _methods(made, own, frozen=frozen).items():
                setattr(made, name, method)
            return made

        return decorate if cls is None else decorate(cls)


def _methods(cls: type[Any], own: Mapping[str, Any], *, frozen: bool) -> dict[str, Any]:
    """The methods of `cls`, by the standard decorator's rules on what a class defines on its `own`."""
    found = fields(cls)
    _check(cls, found)
    methods: dict[str, Any] = {"__init__": _init(cls, found)}
    if "__repr__" not in own:
        methods["__repr__"] = _repr([field.name for field in found if field.repr])
    if "__eq__" not in own:
        methods["__eq__"] = _eq([field.name for field in found if field.compare])
    if frozen:
        methods |= _refusals(cls, frozenset(field.name for field in found))
    if "__hash__" not in own or ("__eq__" in own and own["__hash__"] is None):  # None comes with __eq__
        hashed = [field.name for field in found if (field.compare if field.hash is None else field.hash)]
        methods["__hash__"] = _hash(hashed) if frozen else None
    return methods


def _check(cls: type[Any], found: tuple[Field[Any], ...]) -> None:
    optional = False
    for field in found:
        if not field.init:
            raise TypeError(f"{cls.__qualname__} has a field with init=False: use dataclasses.dataclass")
        if not field.kw_only:
            has_default = field.default is not MISSING or field.default_factory is not MISSING
            if optional and not has_default:
                raise TypeError(f"{cls.__qualname__}.{field.name} has no default, but a field before it has one")
            optional = has_default


def _init(cls: type[Any], found: tuple[Field[Any], ...]) -> Callable[..., None]:
    by_position = tuple(field.name for field in found if not field.kw_only)
    defaults = {field.name: field.default for field in found}
    factories = [(field.name, field.default_factory) for field in found if field.default_factory is not MISSING]
    is_checked = hasattr(cls, "__post_init__")
    set_field = object.__setattr__  # a frozen class refuses its own

    def init(self: Any, /, *arguments: Any, **named: Any) -> None:
        values = {**defaults, **dict(zip(by_position, arguments, strict=False)), **named}
        if len(arguments) > len(by_position) or len(values) > len(defaults):
            raise TypeError(f"{cls.__qualname__}() got more than its fields, {', '.join(defaults)}")
        if named and not named.keys().isdisjoint(by_position[: len(arguments)]):
            raise TypeError(f"{cls.__qualname__}() got one of {', '.join(named)} twice")
        for name, factory in factories:
            if values[name] is MISSING:
                values[name] = factory()
        for name, value in values.items():
            if value is MISSING:
                raise TypeError(f"{cls.__qualname__}() is missing {name}")
            set_field(self, name, value)
        if is_checked:
            self.__post_init__()

    return init


def _repr(names: list[str]) -> Callable[[Any], str]:
    def represent(self: Any) -> str:
        shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{type(self).__qualname__}({shown})"

    return recursive_repr()(represent)


def _eq(names: list[str]) -> Callable[[Any, object], Any]:
    values = _values(names)

    def equal(self: Any, other: object) -> Any:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    return equal


def _hash(names: list[str]) -> Callable[[Any], int]:
    values = _values(names)
    return lambda self: hash(values(self))


def _values(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple([getattr(value, name) for name in names])


def _refusals(cls: type[Any], names: frozenset[str]) -> dict[str, Callable[..., None]]:
    """What freezes `cls`. A subclass that is no dataclass may set what is no field, as with the standard one."""

    def refuse_to_set(self: Any, name: str, value: Any) -> None:
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def refuse_to_delete(self: Any, name: str) -> None:
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return {"__setattr__": refuse_to_set, "__delattr__": refuse_to_delete}
