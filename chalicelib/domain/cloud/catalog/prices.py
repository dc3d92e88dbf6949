"""Prices of catalogue entries: which is in force, and which changes may be loaded.

A price in force never changes, nor does the price of a second in the past: each change has a time from which it
applies, and that must be in the future.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol, TypeVar

from chalicelib.domain.cloud.catalog.models import PRICE_FIELDS, Catalog, Priced, history, price_name
from chalicelib.domain.money.metering.models import PriceChange, PriceHistory, PriceSheet, price_at
from chalicelib.kernel.clock import from_epoch_seconds
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import format_amount

NOTICE = timedelta(minutes=10)
"""The minimum notice of a change: longer than processes cache the catalogue, and than clocks differ."""

P = TypeVar("P", bound=Priced)


class PricesRefused(ValueError):
    """The prices cannot be loaded; the message names each entry and its error."""


def with_history(entry: P, prices: PriceHistory) -> P:
    """Return `entry` with the prices `prices`; the first one applies from the beginning."""
    first, *changes = prices
    fields = {PRICE_FIELDS[type(entry)][1]: first.micros_per_hour, "price_changes": tuple(changes)}
    return replace(entry, **fields)  # type: ignore[arg-type]


def priced_entries(catalog: Catalog) -> Iterator[Priced]:
    """Yield the entries that have prices."""
    yield from catalog.instance_types
    yield from catalog.images
    yield from catalog.storage_plans


def sheet(catalog: Catalog) -> PriceSheet:
    """Return the prices of `catalog`."""
    return PriceSheet({price_name(entry): history(entry) for entry in priced_entries(catalog)})


def in_force(catalog: Catalog, second: int) -> Catalog:
    """Return `catalog` with the prices at `second` (since 1970), and only later changes."""

    def now(entry: P) -> P:
        if not entry.price_changes:
            return entry
        price = PriceChange(0, price_at(history(entry), second))
        return with_history(entry, (price, *(change for change in entry.price_changes if change.at > second)))

    return _each(catalog, now)


@dataclass(frozen=True)
class Settled:
    """A catalogue with its whole price history, and the names of prices with new future changes."""

    catalog: Catalog
    changed: frozenset[str]


def settle(known: PriceSheet, wanted: Catalog, at: int) -> Settled:
    """Return `wanted` with the past prices from `known`.

    Args:
        known: the prices loaded before.
        wanted: the catalogue to load. A change already in force may be omitted if its price is given instead.
        at: the current second (since 1970).

    Raises:
        PricesRefused: a price in force would change, or a change begins before `NOTICE` from now.
    """
    edge = at + NOTICE // timedelta(seconds=1)
    histories: dict[str, PriceHistory] = {}
    wrong: list[str] = []
    for entry in priced_entries(wanted):
        name = price_name(entry)
        if (before := known.histories.get(name)) is None:
            histories[name] = history(entry)
            continue
        wrong += (f"{entry.id}: {problem}" for problem in _problems(before, history(entry), edge))
        kept = (change for change in before if change.at <= edge)
        histories[name] = (*kept, *(change for change in entry.price_changes if change.at > edge))
    if wrong:
        raise PricesRefused("\n".join(wrong))
    changed = {
        name for name, prices in histories.items() if name in known.histories and prices != known.histories[name]
    }

    def settled(entry: P) -> P:
        return with_history(entry, histories[price_name(entry)])

    return Settled(_each(wanted, settled), frozenset(changed))


def _problems(before: Sequence[PriceChange], wanted: Sequence[PriceChange], edge: int) -> Iterator[str]:
    """Yield an error for each change that `wanted` would make before `edge`."""
    late = [change for change in wanted if 0 < change.at <= edge and change not in before]
    for change in late:
        yield f"a change from {_moment(change.at)} on is too late; the earliest is from {_moment(edge + 1)} on"
    stands, given = price_at(before, edge), price_at(wanted, edge)
    if not late and stands != given:
        yield (
            f"its price of {format_amount(stands)} stands and cannot be {format_amount(given)}; "
            "give the new one under price_changes, with the moment from which it applies"
        )


def _moment(second: int) -> str:
    return f"{from_epoch_seconds(second):%Y-%m-%dT%H:%M:%SZ}"


class _Change(Protocol):
    def __call__(self, entry: P, /) -> P: ...


def _each(catalog: Catalog, change: _Change) -> Catalog:
    return replace(
        catalog,
        instance_types=tuple(change(entry) for entry in catalog.instance_types),
        images=tuple(change(entry) for entry in catalog.images),
        storage_plans=tuple(change(entry) for entry in catalog.storage_plans),
    )
