"""Meters, and the usage that they record.

A meter's charge up to the second t is f(t) = price × (t − opened) / 3600, rounded down to a micro-dollar. The
charge of an interval [a, b) is f(b) − f(a). So intervals follow each other without gap or overlap, whatever the
schedule, and their sum depends only on the meter's opening and closing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from chalicelib.domain.money.ledger.models import SECONDS_PER_HOUR
from chalicelib.kernel.dataclasses import dataclass

Parts = Mapping[str, int]
"""What an hour of a machine is charged for: the number of units of each priced thing, by name."""


@dataclass(frozen=True)
class PriceChange:
    """From the second `at` (since 1970; 0 means from the beginning), an hour costs `micros_per_hour`."""

    at: int
    micros_per_hour: int


PriceHistory = tuple[PriceChange, ...]
"""The past, present and announced prices of one unit of a thing: oldest first, the first one from second 0."""


def price_at(history: Sequence[PriceChange], second: int) -> int:
    """The price in force at `second`, in micro-dollars per hour."""
    return next(change.micros_per_hour for change in reversed(history) if change.at <= second)


@dataclass(frozen=True)
class PriceSheet:
    """The price history of everything that was ever sold, by name."""

    histories: Mapping[str, PriceHistory]

    def price_of(self, parts: Parts, second: int) -> int | None:
        """The price of an hour of `parts` at `second`; None if `parts` is empty, or the price of a part is not
        known.
        """
        if not parts or not parts.keys() <= self.histories.keys():
            return None
        return sum(price_at(self.histories[name], second) * units for name, units in parts.items())

    def changes_of(self, parts: Parts, after: int, until: int | None = None) -> Iterator[PriceChange]:
        """The changes of the price of `parts` after `after` and not after `until` (epoch seconds), oldest
        first.
        """
        before = self.price_of(parts, after)
        if before is None:
            return
        for moment in self.moments(after, until, parts):
            price = self.price_of(parts, moment)
            if price is not None and price != before:
                yield PriceChange(moment, price)
                before = price

    def moments(self, after: int, until: int | None, names: Iterable[str] | None = None) -> Sequence[int]:
        """The seconds after `after` and not after `until` at which any price, or one of `names`, changes."""
        histories = self.histories.values() if names is None else (self.histories[name] for name in names)
        found = {change.at for history in histories for change in history if change.at > after}
        return sorted(moment for moment in found if until is None or moment <= until)


@dataclass(frozen=True)
class UsageRecord:
    """One interval of a meter. If `end` is before `start`, it takes back what was charged beyond `end`."""

    customer_id: str
    deployment_id: str
    meter: int
    start: int
    """Epoch second; the end of the meter's previous interval, or its opening."""
    end: int
    amount_micros: int
    """f(end) − f(start); negative for a correction."""
    entry_sequence: int | None = None
    """The number of its ledger entry; None if the amount is zero, for which there is no entry."""


@dataclass(frozen=True)
class Meter:
    """Counts the seconds of one deployment at one price. When the price changes, it closes and the next meter
    opens.
    """

    customer_id: str
    deployment_id: str
    number: int
    price_micros_per_hour: int
    opened_at: int
    """Epoch seconds."""
    watermark: int
    """Every second before this one is recorded and posted."""
    closed_at: int | None = None
    parts: Parts = field(default_factory=dict)
    """The priced parts of the machine; if empty, the price is the machine's own and never changes."""
    continues: bool = False
    """Whether it continues the meter before it, at the second of a price change."""
    api_key_id: str = ""
    """The API key whose spending it counts for; empty if a session requested the machine."""

    @classmethod
    def opening(
        cls,
        customer_id: str,
        deployment_id: str,
        number: int,
        price_micros_per_hour: int,
        at: int,
        *,
        parts: Parts | None = None,
        api_key_id: str = "",
    ) -> "Meter":
        """A new meter that counts from `at` (epoch seconds)."""
        return cls(
            customer_id,
            deployment_id,
            number,
            price_micros_per_hour,
            opened_at=at,
            watermark=at,
            parts=parts or {},
            api_key_id=api_key_id,
        )

    @property
    def is_cut_back(self) -> bool:
        """Whether the machine ended before this meter took over, so that the meter before it was shortened."""
        return self.continues and self.closed_at == self.opened_at

    def following(self, change: PriceChange) -> "Meter":
        """The meter that continues at `change`, the second at which this one closes."""
        return replace(
            self,
            number=self.number + 1,
            price_micros_per_hour=change.micros_per_hour,
            opened_at=change.at,
            watermark=change.at,
            closed_at=None,
            continues=True,
        )

    def charge_until(self, second: int) -> int:
        """f: the whole charge from the opening to `second`, in micro-dollars."""
        return self.price_micros_per_hour * max(0, second - self.opened_at) // SECONDS_PER_HOUR

    def advanced(self, second: int) -> tuple["Meter", UsageRecord | None]:
        """The meter recorded up to `second`, and the new interval; None if `second` is not after the watermark."""
        if self.closed_at is not None or second <= self.watermark:
            return self, None
        return replace(self, watermark=second), self._interval(second)

    def closed(self, second: int) -> tuple["Meter", UsageRecord | None]:
        """The meter closed at `second` (not before its opening), with its last interval or a correction.

        The watermark may lie beyond the end, because a clock was fast or because a price change had closed the
        meter later. The interval then runs backwards and takes the difference back.
        """
        end = max(second, self.opened_at)
        interval = self._interval(end) if end != self.watermark else None
        return replace(self, watermark=end, closed_at=end), interval

    def _interval(self, end: int) -> UsageRecord:
        return UsageRecord(
            customer_id=self.customer_id,
            deployment_id=self.deployment_id,
            meter=self.number,
            start=self.watermark,
            end=end,
            amount_micros=self.charge_until(end) - self.charge_until(self.watermark),
        )
