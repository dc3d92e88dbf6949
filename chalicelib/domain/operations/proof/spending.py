"""The spending of a customer or an API key in the current day and month, computed again from usage records."""

from collections.abc import Callable, Iterator

from chalicelib.domain.money.ledger.models import NOTHING_SPENT, Period, Spending, Window
from chalicelib.domain.money.metering.models import Meter, UsageRecord
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import format_amount


@dataclass
class Spender:
    """A stored `Spending`, and the one computed from all its meters and intervals, which may be added in any
    order.
    """

    name: str
    stated: Spending
    found: Spending = NOTHING_SPENT

    def __post_init__(self) -> None:
        self.found = Spending(0, Window(self.stated.day.start), Window(self.stated.month.start))

    def add_interval(self, meter: Meter, record: UsageRecord) -> None:
        """Add the part of an interval that lies in either window."""
        self._count(lambda window: window.posted(0, record.start, record.end, meter.charge_until))

    def add_open(self, meter: Meter) -> None:
        """Add an open meter."""
        price, watermark = meter.price_micros_per_hour, meter.watermark
        self._count(lambda window: window.beyond(price, watermark), price)

    def _count(self, change: Callable[[Window], Window], micros_per_hour: int = 0) -> None:
        found = self.found
        rate = found.micros_per_hour + micros_per_hour
        self.found = Spending(rate, change(found.day), change(found.month))

    def differences(self) -> Iterator[str]:
        """The differences between the stored and the computed spending."""
        stated, found = self.stated, self.found
        if stated.micros_per_hour != found.micros_per_hour:
            rate = found.micros_per_hour
            yield f"{self.name} spends {stated.micros_per_hour} an hour, but {rate} by its open meters"
        for period, said, counted in (
            (Period.DAY, stated.day, found.day),
            (Period.MONTH, stated.month, found.month),
        ):
            if said != counted:
                yield f"{self.name} has spent {_shown(said)} this {period}, but {_shown(counted)} by its usage"


def _shown(window: Window) -> str:
    return f"{format_amount(window.posted_micros)} USD (ahead {window.ahead})"
