"""Port for transactions: several writes are applied together or not at all.

A repository does not write an item that belongs to a larger change. It returns a `Write`, and a service commits
all writes of the change in one transaction. A write names the condition that it asserts, so that the service can
tell which condition failed.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Write(Protocol):
    """One condition and one effect on one item. An adapter makes it; other code must not look inside."""

    @property
    def asserts(self) -> str:
        """The name of the condition, such as `available_balance`; empty if there is none."""
        ...


class ConditionFailed(Exception):
    """Nothing was written, because the named conditions did not hold."""

    def __init__(self, *asserts: str) -> None:
        super().__init__(", ".join(asserts))
        self.asserts = frozenset(asserts)


class TransactionContended(Exception):
    """Nothing was written: other transactions kept changing the same items until the attempts ran out."""


class Transactor(Protocol):
    """Commits writes."""

    def commit(self, writes: Sequence[Write]) -> None:
        """Apply all of `writes` or none (at most 100, no two on one item).

        Raises:
            ConditionFailed: a condition did not hold; it names every condition that failed.
            TransactionContended: conflicts with other transactions outlasted the retries.
        """
        ...


_ATTEMPTS = 24
_FIRST_DELAY_SECONDS = 0.01
_MAX_DELAY_SECONDS = 0.5


def with_fresh_reads(change: Callable[[], T], *, stale: frozenset[str]) -> T:
    """Run `change`, and run it again while it fails because what it read had become stale.

    Args:
        change: reads, decides and commits. It must read everything that it decides on, so that each run decides
            on fresh data.
        stale: the conditions whose failure means that another writer was faster. Any other failure is raised.

    Raises:
        ConditionFailed: a condition outside `stale` did not hold.
        TransactionContended: other writers were faster in every attempt.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return change()
        except ConditionFailed as failed:
            if not failed.asserts <= stale:
                raise
        time.sleep(random.uniform(0, min(_MAX_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2**attempt)))  # noqa: S311
    raise TransactionContended(", ".join(sorted(stale)))
