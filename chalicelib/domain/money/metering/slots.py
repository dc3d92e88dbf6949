"""Usage by hour and by day.

Nothing is stored for it: a meter's charge from a to b is f(b) − f(a) for any two seconds. So each hour and day has
its exact amount, including corrections and price changes, and all slots add up to what was posted.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from chalicelib.domain.money.ledger.models import SECONDS_PER_HOUR
from chalicelib.domain.money.metering.models import Meter
from chalicelib.kernel.dataclasses import dataclass

Division = Callable[[int], tuple[int, int]]
"""Divides time into slots: for a second (since 1970), the first second of its slot and of the next one."""


@dataclass(frozen=True)
class PricedSeconds:
    """A number of seconds at one price."""

    price_micros_per_hour: int
    seconds: int
    amount_micros: int


@dataclass(frozen=True)
class UsageSlot:
    """What a deployment was charged in one hour or day, as far as it is posted."""

    start: int
    """The first second of the slot (since 1970)."""
    end: int
    """The first second after the slot."""
    parts: tuple[PricedSeconds, ...]
    """In order of time: one for each price, and for each time that the machine ran."""

    @property
    def seconds(self) -> int:
        """How long the machine ran."""
        return sum(part.seconds for part in self.parts)

    @property
    def amount_micros(self) -> int:
        """The charge for these seconds."""
        return sum(part.amount_micros for part in self.parts)


def hours(second: int) -> tuple[int, int]:
    """Divides time into hours (UTC)."""
    start = second - second % SECONDS_PER_HOUR
    return start, start + SECONDS_PER_HOUR


def slots(meters: Iterable[Meter], division: Division, start: int, end: int) -> Iterator[UsageSlot]:
    """The slots with usage that begin from `start` on and before `end`, oldest first.

    Args:
        meters: the meters of one deployment, oldest first.
        division: divides time into slots.
        start: the earliest second (since 1970) at which a slot may begin.
        end: the first second at which no slot may begin any more. Slots are always whole, so adjacent spans add
        up.
    """
    first = division(start)
    earliest = start if first[0] == start else first[1]
    latest = division(end - 1)[1]
    pieces = (piece for meter in meters for piece in _pieces(meter, division, earliest, latest))
    for (slot_start, slot_end), found in groupby(pieces, key=lambda piece: piece[0]):
        yield UsageSlot(slot_start, slot_end, tuple(part for _, part in found))


def _pieces(
    meter: Meter, division: Division, earliest: int, latest: int
) -> Iterator[tuple[tuple[int, int], PricedSeconds]]:
    """The usage of `meter` in that span, cut where slots begin: each slot, and the usage in it."""
    edge, last = max(meter.opened_at, earliest), min(meter.watermark, latest)
    while edge < last:
        slot = division(edge)
        following = min(slot[1], last)
        amount = meter.charge_until(following) - meter.charge_until(edge)
        yield slot, PricedSeconds(meter.price_micros_per_hour, following - edge, amount)
        edge = following
