"""Processes every item of a list, although some fail."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def process_each(items: Iterable[T], act: Callable[[T], R], *, name: Callable[[T], str]) -> Sequence[R]:
    """Apply `act` to every item, and raise what failed at the end.

    Args:
        items: read one by one, as they are needed.
        act: processes one item.
        name: the item's name, for the error notes.

    Returns:
        The results of `act`, in the order of `items`.

    Raises:
        ExceptionGroup: at least one item failed; every error has a note with the item's name. All items were
        tried.
    """
    done: list[R] = []
    errors: list[Exception] = []
    for item in items:
        try:
            done.append(act(item))
        except Exception as error:
            error.add_note(name(item))
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {len(done) + len(errors)} could not be dealt with", errors)
    return done
