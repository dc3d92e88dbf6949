"""Checks of a step, which raise what was expected and what was found."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class StepFailed(Exception):
    """A step failed."""

    def __init__(self, wanted: str, got: object) -> None:
        super().__init__(f"wanted {wanted}, got {got}")
        self.wanted = wanted
        self.got = got


def require(wanted: str, got: Any, *, holds: bool) -> None:
    """Return if `holds` is true.

    Raises:
        StepFailed: `holds` is false; it has `wanted` in words, and `got`.
    """
    if not holds:
        raise StepFailed(wanted, got)


def require_equal(what: str, got: Any, wanted: Any) -> None:
    """Return if `got` equals `wanted`.

    Raises:
        StepFailed: they differ; it names `what`.
    """
    require(f"{what} to be {wanted}", got, holds=got == wanted)


def await_value(
    wanted: str, look: Callable[[], T | None], *, deadline_seconds: float, pause_seconds: float = 0.5
) -> T:
    """Call `look` until it finds a value, and return that value.

    Raises:
        StepFailed: it found nothing before the deadline.
    """
    deadline = time.monotonic() + deadline_seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise StepFailed(wanted, f"nothing within {deadline_seconds:.0f} s")
        time.sleep(pause_seconds)
    return found
