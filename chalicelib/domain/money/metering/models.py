"""Meters and the usage they record.

A meter's charge up to the second t is f(t) = price × (t − opened) / 3600, rounded down to a micro-dollar; the
charge of an interval [a, b) is f(b) − f(a). So intervals tile without gap or overlap whatever the schedule does,
and their sum depends on nothing but the meter's two ends.
"""

from dataclasses import dataclass, field, replace

from chalicelib.domain.money.ledger.models import SECONDS_PER_HOUR
from chalicelib.domain.money.metering.prices import Parts, PriceChange


@dataclass(frozen=True)
class UsageRecord:
    """One interval of a meter. Where `end` lies before `start`, it takes back what was charged too far ahead."""

    customer_id: str
    deployment_id: str
    meter: int
    start: int
    """Epoch seconds; the end of the meter's previous interval, or its opening."""
    end: int
    amount_micros: int
    """f(end) − f(start); less than zero for a correction."""
    entry_sequence: int | None = None
    """The number of its ledger entry; None where the amount is zero and there is none."""


@dataclass(frozen=True)
class Meter:
    """Counts the seconds of one deployment at one price. A change of price closes it and opens the next."""

    customer_id: str
    deployment_id: str
    number: int
    price_micros_per_hour: int
    opened_at: int
    """Epoch seconds."""
    watermark: int
    """Everything before this second is recorded and posted."""
    closed_at: int | None = None
    parts: Parts = field(default_factory=dict)
    """What its price is the sum of; where empty, the price is the machine's own and never changes."""
    continues: bool = False
    """Whether it took over from the meter before it, at the second at which a price changed."""
    api_key_id: str = ""
    """The API key whose spending it counts for; empty where a session asked for the machine."""

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
        """A meter that starts to count at `at` (epoch seconds)."""
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
        """Whether its machine ended before it took over, so that the meter before it was shortened."""
        return self.continues and self.closed_at == self.opened_at

    def following(self, change: PriceChange) -> "Meter":
        """The meter that takes over at `change`, which this one is closed at."""
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
        """The meter recorded up to `second`; nothing to record where that is not ahead of the watermark."""
        if self.closed_at is not None or second <= self.watermark:
            return self, None
        return replace(self, watermark=second), self._interval(second)

    def closed(self, second: int) -> tuple["Meter", UsageRecord | None]:
        """The meter ended at `second` (not before its opening), with the last interval or a correction.

        A fast clock may have moved the watermark beyond the end; then the interval runs backwards to it. So does
        that of a meter which was closed by a change of price, and is ended before it.
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
