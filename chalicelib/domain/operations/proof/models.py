"""The results of a proof."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Something that does not agree: the customer, and a sentence with the ids and the figures."""

    customer_id: str
    sentence: str


@dataclass
class Totals:
    """What was checked, summed over all customers; `operator_micros` is the other side of every posting."""

    customers: int = 0
    entries: int = 0
    deployments: int = 0
    open_meters: int = 0
    intervals: int = 0
    holds: int = 0
    customers_micros: int = 0
    operator_micros: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Totals") -> None:
        """Add the totals of `other`."""
        self.customers += other.customers
        self.entries += other.entries
        self.deployments += other.deployments
        self.open_meters += other.open_meters
        self.intervals += other.intervals
        self.holds += other.holds
        self.customers_micros += other.customers_micros
        self.book(other.operator_micros)

    def book(self, amounts: Mapping[str, int]) -> None:
        """Add amounts to the operator's accounts."""
        for name, amount_micros in amounts.items():
            self.operator_micros[name] = self.operator_micros.get(name, 0) + amount_micros


MAX_DIFFERENCES = 1000
"""The most differences that a report keeps; one is enough to act."""


@dataclass(frozen=True)
class Report:
    """The result of one proof of the whole ledger."""

    started_at: datetime
    ended_at: datetime
    totals: Totals
    differences: tuple[Difference, ...]
    """The first `MAX_DIFFERENCES` differences."""
    difference_count: int

    @property
    def holds(self) -> bool:
        """Whether everything agrees."""
        return self.difference_count == 0


@dataclass(frozen=True)
class PaymentDifference:
    """A payment that only one side has; `sentence` is for staff."""

    gateway: str
    payment_id: str
    top_up_id: str
    sentence: str


@dataclass
class ComparisonReport:
    """The result of one comparison."""

    since: datetime
    until: datetime
    payments: dict[str, int] = field(default_factory=dict)
    """The number of listed payments, by gateway."""
    entries: int = 0
    """The number of top-up entries in the ledger."""
    booked_now: list[str] = field(default_factory=list)
    """Top-ups whose payments had been missed, and that this comparison booked."""
    differences: list[PaymentDifference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether both sides agree."""
        return not self.differences
