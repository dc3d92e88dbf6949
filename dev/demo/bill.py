"""The bill of a deployment, and its check: in decimals, by the published rule only, as a customer would do it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, Self

from dev.demo.checks import require, require_equal

_MICRO = Decimal("0.000001")
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Interval:
    """One line of a bill."""

    start: datetime
    end: datetime
    amount: Decimal
    ledger_sequence: int | None

    @property
    def seconds(self) -> int:
        """Its length in seconds."""
        return int((self.end - self.start).total_seconds())


@dataclass(frozen=True)
class Bill:
    """What a deployment was charged."""

    price_per_hour: Decimal
    billed_from: datetime
    billed_until: datetime
    total: Decimal
    intervals: Sequence[Interval]

    @classmethod
    def of(cls, pages: Sequence[Mapping[str, Any]]) -> Self:
        """Read the pages of `GET /deployments/{id}/usage`."""
        last = pages[-1]
        return cls(
            price_per_hour=amount(last["pricePerHour"]),
            billed_from=instant(last["billedFrom"]),
            billed_until=instant(last["billedUntil"]),
            total=amount(last["total"]),
            intervals=[_interval(line) for page in pages for line in page["intervals"]],
        )

    @property
    def seconds(self) -> int:
        """The seconds that were charged."""
        return int((self.billed_until - self.billed_from).total_seconds())

    def charge_until(self, end: datetime) -> Decimal:
        """The charge by the rule: price per hour × seconds since the start ÷ 3600, down to a micro-dollar."""
        seconds = int((end - self.billed_from).total_seconds())
        return (self.price_per_hour * seconds / _SECONDS_PER_HOUR).quantize(_MICRO, ROUND_DOWN)

    def check(self) -> None:
        """Check every line and the total by the rule.

        Raises:
            checks.StepFailed: a gap, an overlap, or a micro-dollar too many or too few.
        """
        reached, charged = self.billed_from, Decimal(0)
        for number, interval in enumerate(self.intervals, start=1):
            require_equal(f"the start of interval {number}", interval.start, reached)
            due = self.charge_until(interval.end) - self.charge_until(interval.start)
            require_equal(f"the amount of interval {number}", interval.amount, due)
            reached, charged = interval.end, charged + interval.amount
        require_equal("the end of the last interval", reached, self.billed_until)
        require_equal("the sum of the intervals", charged, self.total)
        require_equal("the total", self.total, self.charge_until(self.billed_until))

    def check_entries(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Check that the ledger's `usage` entries of this deployment match the intervals one to one.

        Raises:
            checks.StepFailed: an interval without its entry, an entry without its interval, or another amount.
        """
        posted = {int(entry["sequence"]): amount(entry["amount"]) for entry in entries}
        due = {
            interval.ledger_sequence: -interval.amount
            for interval in self.intervals
            if interval.ledger_sequence is not None
        }
        require_equal("the ledger's usage entries", posted, due)
        free = [interval for interval in self.intervals if interval.ledger_sequence is None and interval.amount]
        require("an entry for every interval that costs", free, holds=not free)


def amount(money: Mapping[str, str]) -> Decimal:
    """The decimal amount of a money object of the API."""
    return Decimal(money["amount"])


def instant(text: str) -> datetime:
    """A time in the API's format."""
    return datetime.fromisoformat(text)


def _interval(line: Mapping[str, Any]) -> Interval:
    return Interval(instant(line["start"]), instant(line["end"]), amount(line["amount"]), line["ledgerSequence"])
