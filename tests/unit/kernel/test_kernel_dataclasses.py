"""Our `dataclass` makes what `dataclasses.dataclass` makes: each test asks both, and compares."""

import copy
import dataclasses
import pickle
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel import dataclasses as ours

Decorator = Callable[..., Any]
Spec = tuple[tuple[str, type, Any], ...]
"""The fields of a class: name, type, and what `field` makes or MISSING."""

BOTH = pytest.mark.parametrize("dataclass", [dataclasses.dataclass, ours.dataclass], ids=["standard", "ours"])
NAMES = ("a", "b", "c", "d")
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.integers(0, 3), st.text("xy", max_size=1), st.just([]), st.just(float("nan"))
)


@ours.dataclass(frozen=True)
class Point:
    """Lies in this module, so that it can be pickled."""

    x: int
    y: int = 0


@st.composite
def fields_(draw: st.DrawFn, names: tuple[str, ...] = NAMES) -> Spec:
    """Some fields, of which those without a default come first or are given by name only."""
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=len(names)))
    found, has_default = [], False
    for name in chosen:
        options: dict[str, Any] = {"repr": draw(st.booleans()), "compare": draw(st.booleans())}
        options["hash"] = draw(st.sampled_from([None, True, False]))
        options["kw_only"] = draw(st.booleans())
        default = draw(st.sampled_from(["none", "value", "factory"]))
        if default == "none" and has_default:
            options["kw_only"] = True
        has_default |= default != "none"
        if default != "none":
            options |= {"default": 7} if default == "value" else {"default_factory": list}
        found.append((name, int, options))
    return tuple(found)


def made(decorator: Decorator, spec: Spec, *bases: type, body: Mapping[str, Any], **options: bool) -> Any:
    """A class with the fields of `spec`, by `decorator`."""
    namespace = dict(body)
    namespace["__annotations__"] = {name: annotation for name, annotation, _ in spec}
    namespace |= {name: dataclasses.field(**chosen) for name, _, chosen in spec}
    return decorator(**options)(type("Made", bases, {"__qualname__": "Made", "__module__": __name__, **namespace}))


def outcome(call: Callable[[], Any]) -> Any:
    """What `call` gives, or the class of what it raises."""
    try:
        return call()
    except Exception as error:
        return type(error)


def seen(kind: Any, positional: list[Any], named: dict[str, Any], other: dict[str, Any]) -> list[Any]:
    """Everything that can be asked of an instance of `kind`."""
    one = outcome(lambda: kind(*positional, **named))
    if isinstance(one, type):
        return [one]
    another = outcome(lambda: dataclasses.replace(one, **other))
    is_one = not isinstance(another, type)
    return [
        vars(one),
        [*vars(one)],
        repr(one),
        kind.__match_args__,
        [(field.name, field.kw_only, field.repr, field.compare) for field in dataclasses.fields(kind)],
        dataclasses.asdict(one),
        dataclasses.astuple(one),
        outcome(lambda: hash(one)),
        vars(another) if is_one else another,
        (one == another, another == one, one != another) if is_one else None,
        one == copy.copy(one),
        one == tuple(vars(one).values()),
        [outcome(partial(setattr, one, name, 1)) for name in (*NAMES, "other")],
        [outcome(partial(delattr, one, name)) for name in (*NAMES, "other")],
        vars(one),
    ]


@given(
    spec=fields_(),
    more=fields_(("c", "e")),
    frozen=st.booleans(),
    by_name=st.booleans(),
    positional=st.lists(VALUES, max_size=3),
    named=st.dictionaries(st.sampled_from((*NAMES, "e")), VALUES, max_size=5),
    other=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=2),
    body=st.sampled_from(
        [
            {},
            {"__eq__": lambda _self, _other: True},
            {"__hash__": lambda _self: 5},
            {"__hash__": None},
            {"__repr__": lambda _self: "own"},
            {"__eq__": lambda _self, _other: True, "__hash__": lambda _self: 5},
            {"__post_init__": lambda self: self.__dict__.update(looked=True)},
        ]
    ),
)
def test_is_what_the_standard_one_makes(
    spec: Spec,
    more: Spec,
    frozen: bool,
    by_name: bool,
    positional: list[Any],
    named: dict[str, Any],
    other: dict[str, Any],
    body: Mapping[str, Any],
) -> None:
    """Whatever the fields, the arguments, and what the class defines itself; and so for a class that inherits."""

    def all_of(decorator: Decorator) -> list[Any]:
        parent = made(decorator, spec, body=body, frozen=frozen, kw_only=by_name)
        child = outcome(lambda: made(decorator, more, parent, body={}, frozen=frozen))
        plain = type("Plain", (parent,), {})
        kinds = [parent, plain] if child is TypeError else [parent, plain, child]
        found = [seen(kind, positional, named, other) for kind in kinds]
        return [child is TypeError, *found]

    assert str(all_of(ours.dataclass)) == str(all_of(dataclasses.dataclass))


@BOTH
def test_each_has_defaults_of_its_own(dataclass: Decorator) -> None:
    """A factory makes a new one for each."""
    kind = made(dataclass, (("a", int, {"default_factory": list}),), body={}, frozen=True)
    one, other = kind(), kind()
    one.a.append("n")
    assert other.a == []


@BOTH
def test_is_matched_and_deeply_copied(dataclass: Decorator) -> None:
    """By the places of its fields."""
    kind = made(dataclass, (("a", int, {}), ("b", int, {"default": 7})), body={}, frozen=True)
    match copy.deepcopy(kind(["n"])):
        case kind(a, b):
            assert (a, b) == (["n"], 7)
        case _:
            pytest.fail("no match")


@BOTH
def test_what_belongs_to_the_class_is_no_field(dataclass: Decorator) -> None:
    """A class variable, and a generic class's parameters."""

    @dataclass
    class Counted:
        """One of many."""

        number: int
        total: ClassVar[int] = 3

    assert repr(Counted(1)).endswith("Counted(number=1)")
    assert Counted.total == 3


@BOTH
def test_shows_itself_though_it_holds_itself(dataclass: Decorator) -> None:
    """Without end would be an error."""
    kind = made(dataclass, (("a", int, {}),), body={})
    one = kind([])
    one.a.append(one)
    assert repr(one) == "Made(a=[...])"


@BOTH
def test_is_not_equal_to_another_class_with_the_same_fields(dataclass: Decorator) -> None:
    """Nor does it claim to know."""
    spec: Spec = (("a", int, {}),)
    one, other = (made(dataclass, spec, body={}, frozen=True)(1) for _ in range(2))
    assert one != other
    assert one.__eq__(other) is NotImplemented


def test_a_field_that_is_not_given_is_refused() -> None:
    """Only the standard decorator knows such fields; ours says so at import."""
    with pytest.raises(TypeError, match="init=False"):
        made(ours.dataclass, (("a", int, {"init": False, "default": 1}),), body={})


def test_survives_pickling() -> None:
    """Frozen as it is."""
    assert pickle.loads(pickle.dumps(Point(1))) == Point(1, 0)
