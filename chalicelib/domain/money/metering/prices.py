"""Prices that have dates: what a thing costs from which second on, and what that makes of a machine's price."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Parts = Mapping[str, int]
"""What an hour of a machine is charged for: how many units of each thing that has a price, by the thing's name."""


@dataclass(frozen=True)
class PriceChange:
    """From the second `at` (since 1970; 0: from the beginning) on, an hour costs `micros_per_hour`."""

    at: int
    micros_per_hour: int


PriceHistory = tuple[PriceChange, ...]
"""What one unit of a thing cost, costs and will cost: oldest first, beginning at 0."""


def price_at(history: Sequence[PriceChange], second: int) -> int:
    """The price in force at `second`, in micro-dollars per hour."""
    return next(change.micros_per_hour for change in reversed(history) if change.at <= second)


@dataclass(frozen=True)
class PriceSheet:
    """The price history of everything that was ever sold, by name."""

    histories: Mapping[str, PriceHistory]

    def price_of(self, parts: Parts, second: int) -> int | None:
        """What an hour of `parts` costs at `second`; None where there are none, or one has no known price."""
        if not parts or not parts.keys() <= self.histories.keys():
            return None
        return sum(price_at(self.histories[name], second) * units for name, units in parts.items())

    def changes_of(self, parts: Parts, after: int, until: int | None = None) -> Iterator[PriceChange]:
        """How the price of `parts` changes after the second `after`, up to and with `until`; oldest first."""
        before = self.price_of(parts, after)
        if before is None:
            return
        for moment in self.moments(after, until, parts):
            price = self.price_of(parts, moment)
            if price is not None and price != before:
                yield PriceChange(moment, price)
                before = price

    def moments(self, after: int, until: int | None, names: Iterable[str] | None = None) -> Sequence[int]:
        """The seconds after `after`, up to and with `until`, at which any price changes, or one of `names`."""
        histories = self.histories.values() if names is None else (self.histories[name] for name in names)
        found = {change.at for history in histories for change in history if change.at > after}
        return sorted(moment for moment in found if until is None or moment <= until)
