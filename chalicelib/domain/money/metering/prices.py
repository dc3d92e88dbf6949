"""Dated prices: what each thing costs from which second on, and the price of a machine that follows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

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
