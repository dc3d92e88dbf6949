"""Usage by hour and by day.

Nothing is stored for it: what a meter charged from a to b is f(b) − f(a) for any two seconds. So each hour and day
has its exact amount, corrections and changes of price included, and all of them add up to what was posted.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from chalicelib.domain.money.ledger.models import SECONDS_PER_HOUR
from chalicelib.domain.money.metering.models import Meter

Division = Callable[[int], tuple[int, int]]
"""How time is divided: for a second (since 1970), the first of its slot, and the first after it."""


@dataclass(frozen=True)
class PricedSeconds:
    """Some seconds at one price."""

    price_micros_per_hour: int
    seconds: int
    amount_micros: int


@dataclass(frozen=True)
class UsageSlot:
    """What a deployment was charged for one hour or day, as far as it is posted."""

    start: int
    """Its first second (since 1970)."""
    end: int
    """The first second after it."""
    parts: tuple[PricedSeconds, ...]
    """In the order of time: one for each price, or each time that it ran."""

    @property
    def seconds(self) -> int:
        """How long it ran."""
        return sum(part.seconds for part in self.parts)

    @property
    def amount_micros(self) -> int:
        """What that cost."""
        return sum(part.amount_micros for part in self.parts)


def hours(second: int) -> tuple[int, int]:
    """The division into hours (UTC)."""
    start = second - second % SECONDS_PER_HOUR
    return start, start + SECONDS_PER_HOUR


def slots(meters: Iterable[Meter], division: Division, start: int, end: int) -> Iterator[UsageSlot]:
    """The slots in which there was usage and that begin from `start` on and before `end`, oldest first.

    Args:
        meters: of one deployment, oldest first.
        division: into what slots.
        start: the earliest second (since 1970) at which a slot may begin.
        end: the first at which it may not. Slots are whole, so that those of adjacent spans add up.
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
    """What `meter` has recorded in that span, cut where slots begin: each slot, and what lies in it."""
    edge, last = max(meter.opened_at, earliest), min(meter.watermark, latest)
    while edge < last:
        slot = division(edge)
        following = min(slot[1], last)
        amount = meter.charge_until(following) - meter.charge_until(edge)
        yield slot, PricedSeconds(meter.price_micros_per_hour, following - edge, amount)
        edge = following
