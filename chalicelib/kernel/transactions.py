"""State that must agree is written together: a port for all-or-nothing writes.

Repositories do not write what belongs to a larger change; they return `Write`s, and a service commits them in
one transaction. A write names what it asserts, so that a service can say which assertion did not hold.
"""

from collections.abc import Sequence
from typing import Protocol


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
