"""State that must agree is written together: a port for all-or-nothing writes.

Repositories do not write what belongs to a larger change; they return `Write`s, and a service commits them in
one transaction. A write names what it asserts, so that a service can say which assertion did not hold.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Write(Protocol):
    """One condition and one effect on one item. Made by an adapter, opaque to everybody else."""

    @property
    def asserts(self) -> str:
        """The name of the condition, such as `available_balance`; empty where there is none."""
        ...


class ConditionFailed(Exception):
    """Nothing was written, because the named assertions did not hold."""

    def __init__(self, *asserts: str) -> None:
        super().__init__(", ".join(asserts))
        self.asserts = frozenset(asserts)


class TransactionContended(Exception):
    """Nothing was written: others kept changing the same items until the attempts ran out."""


class Transactor(Protocol):
    """Commits writes."""

    def commit(self, writes: Sequence[Write]) -> None:
        """Apply all of `writes` or none (at most 100, no two on one item).

        Raises:
            ConditionFailed: an assertion did not hold; names each that failed.
            TransactionContended: conflicts with other transactions persisted beyond the retries.
        """
        ...


_ATTEMPTS = 24
_FIRST_DELAY_SECONDS = 0.01
_MAX_DELAY_SECONDS = 0.5


def with_fresh_reads(change: Callable[[], T], *, stale: frozenset[str]) -> T:
    """Run `change`, which reads, decides and commits; again from its reads while what it read was stale.

    Args:
        change: must read everything that it decides on, so that another run decides anew.
        stale: the assertions that say "somebody else was faster". Any other that fails is raised.

    Raises:
        ConditionFailed: an assertion outside `stale` did not hold.
        TransactionContended: others were faster too many times.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return change()
        except ConditionFailed as failed:
            if not failed.asserts <= stale:
                raise
        time.sleep(random.uniform(0, min(_MAX_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2**attempt)))  # noqa: S311
    raise TransactionContended(", ".join(sorted(stale)))
