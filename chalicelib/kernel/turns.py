"""Doing the same with many, of whom one's trouble must not keep the others from their turn."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def each_in_turn(items: Iterable[T], act: Callable[[T], R], *, name: Callable[[T], str]) -> Sequence[R]:
    """What `act` gives for each of `items`.

    Args:
        items: read as they are needed.
        act: what is done with one of them.
        name: what one is called where it failed.

    Raises:
        ExceptionGroup: what went wrong, each with a note that names whose trouble it is, after all had their turn.
    """
    done: list[R] = []
    troubles: list[Exception] = []
    for item in items:
        try:
            done.append(act(item))
        except Exception as trouble:
            trouble.add_note(name(item))
            troubles.append(trouble)
    if troubles:
        raise ExceptionGroup(f"{len(troubles)} of {len(done) + len(troubles)} could not be dealt with", troubles)
    return done
