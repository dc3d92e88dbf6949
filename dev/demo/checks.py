"""What a step wanted and what it got."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class StepFailed(Exception):
    """A step did not hold."""

    def __init__(self, wanted: str, got: object) -> None:
        super().__init__(f"wanted {wanted}, got {got}")
        self.wanted = wanted
        self.got = got


def require(wanted: str, got: Any, *, holds: bool) -> None:
    """Go on only if it `holds`.

    Raises:
        StepFailed: with `wanted` in words, and what there was instead.
    """
    if not holds:
        raise StepFailed(wanted, got)


def require_equal(what: str, got: Any, wanted: Any) -> None:
    """Go on only if `got` equals `wanted`.

    Raises:
        StepFailed: naming `what`.
    """
    require(f"{what} to be {wanted}", got, holds=got == wanted)


def await_value(
    wanted: str, look: Callable[[], T | None], *, deadline_seconds: float, pause_seconds: float = 0.5
) -> T:
    """What `look` finds, asked again and again until the deadline.

    Raises:
        StepFailed: it found nothing in time.
    """
    deadline = time.monotonic() + deadline_seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise StepFailed(wanted, f"nothing within {deadline_seconds:.0f} s")
        time.sleep(pause_seconds)
    return found
