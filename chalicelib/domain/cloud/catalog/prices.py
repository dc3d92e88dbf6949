"""The prices of the catalogue's entries: which is in force, and which changes may be loaded.

A price that is in force never changes, and no price changes for seconds that have passed: a change is given with
the moment from which it applies, and that lies ahead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol, TypeVar

from chalicelib.domain.cloud.catalog.models import PRICE_FIELDS, Catalog, Priced, history, price_name
from chalicelib.domain.money.metering.models import PriceChange, PriceHistory, PriceSheet, price_at
from chalicelib.kernel.clock import from_epoch_seconds
from chalicelib.kernel.money import format_amount

NOTICE = timedelta(minutes=10)
"""How far ahead a change lies at least: longer than processes keep a copy of the catalogue, or clocks differ."""

P = TypeVar("P", bound=Priced)


class PricesRefused(ValueError):
    """These prices must not be loaded; the text names each entry and what is wrong with it."""


def with_history(entry: P, prices: PriceHistory) -> P:
    """`entry` with other prices, the first of them from the beginning."""
    first, *changes = prices
    fields = {PRICE_FIELDS[type(entry)][1]: first.micros_per_hour, "price_changes": tuple(changes)}
    return replace(entry, **fields)  # type: ignore[arg-type]


def priced_entries(catalog: Catalog) -> Iterator[Priced]:
    """The entries that have prices."""
    yield from catalog.instance_types
    yield from catalog.images
    yield from catalog.storage_plans


def sheet(catalog: Catalog) -> PriceSheet:
    """The prices of `catalog`."""
    return PriceSheet({price_name(entry): history(entry) for entry in priced_entries(catalog)})


def in_force(catalog: Catalog, second: int) -> Catalog:
    """`catalog` with the prices of `second` (since 1970), and only the changes that are still to come."""

    def now(entry: P) -> P:
        if not entry.price_changes:
            return entry
        price = PriceChange(0, price_at(history(entry), second))
        return with_history(entry, (price, *(change for change in entry.price_changes if change.at > second)))

    return _each(catalog, now)


@dataclass(frozen=True)
class Settled:
    """A catalogue with all that is known of its prices, and the names of those whose future was not known so."""

    catalog: Catalog
    changed: frozenset[str]


def settle(known: PriceSheet, wanted: Catalog, at: int) -> Settled:
    """`wanted`, with the past of its prices from `known`.

    Args:
        known: what was loaded before.
        wanted: what is to be loaded. A change that is in force may be left out, where its price is given instead.
        at: now (since 1970).

    Raises:
        PricesRefused: a price that is in force is another, or a change does not lie `NOTICE` ahead.
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
    """What `wanted` would change before `edge`."""
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
