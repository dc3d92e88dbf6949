"""What a customer, or an API key, has spent in the current day and month, counted once more from usage records."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.domain.money.ledger.spending import NOTHING_SPENT, Period, Spending, Window
from chalicelib.domain.money.metering.models import Meter, UsageRecord
from chalicelib.kernel.money import format_amount


@dataclass
class Spender:
    """A stated `Spending`, and what its meters say of it; whoever counts gives all that is there, in any order."""

    name: str
    stated: Spending
    found: Spending = NOTHING_SPENT

    def __post_init__(self) -> None:
        self.found = Spending(0, Window(self.stated.day.start), Window(self.stated.month.start))

    def add_interval(self, meter: Meter, record: UsageRecord) -> None:
        """Count the part of an interval that lies in either window."""
        self._count(lambda window: window.posted(0, record.start, record.end, meter.charge_until))

    def add_open(self, meter: Meter) -> None:
        """Count a meter that goes on."""
        price, watermark = meter.price_micros_per_hour, meter.watermark
        self._count(lambda window: window.beyond(price, watermark), price)

    def _count(self, change: Callable[[Window], Window], micros_per_hour: int = 0) -> None:
        found = self.found
        rate = found.micros_per_hour + micros_per_hour
        self.found = Spending(rate, change(found.day), change(found.month))

    def differences(self) -> Iterator[str]:
        """What does not agree."""
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
