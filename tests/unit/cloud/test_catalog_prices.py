"""Price changes: which may be loaded, and which price is in force at a time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cloud.catalog.models import Catalog, price_name
from chalicelib.domain.cloud.catalog.offers import resolve
from chalicelib.domain.cloud.catalog.prices import NOTICE, PricesRefused, in_force, settle, sheet
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.domain.money.metering.models import PriceChange, PriceSheet
from tests.support.catalogs import small_catalog

NOW = 1_900_000_000
EDGE = NOW + int(NOTICE.total_seconds())
CPU = "INSTANCE_TYPE#cpu-4x8"


def with_prices(first: int, *changes: tuple[int, int]) -> Catalog:
    """The small catalogue, in which cpu-4x8 costs `first`, and then the price of each of `changes`."""
    catalog = small_catalog()
    cpu, *others = catalog.instance_types
    history = tuple(PriceChange(at, price) for at, price in changes)
    changed = replace(cpu, price_micros_per_hour=first, price_changes=history)
    return replace(catalog, instance_types=(changed, *others))


def test_what_was_never_loaded_is_taken_with_its_whole_history() -> None:
    wanted = with_prices(100, (NOW - 50, 200), (NOW + 1, 300))
    settled = settle(PriceSheet({}), wanted, NOW)
    assert settled.catalog == wanted
    assert settled.changed == frozenset()


def test_loading_again_changes_nothing_and_a_change_ahead_is_a_change() -> None:
    known = sheet(with_prices(100))
    assert settle(known, with_prices(100), NOW).changed == frozenset()
    settled = settle(known, with_prices(100, (EDGE + 1, 200)), NOW)
    assert settled.changed == {CPU}
    assert sheet(settled.catalog).histories[CPU] == (PriceChange(0, 100), PriceChange(EDGE + 1, 200))


@pytest.mark.parametrize("at", [1, NOW - 1, NOW, NOW + 1, EDGE])
def test_a_change_for_what_has_passed_or_is_too_near_is_refused(at: int) -> None:
    with pytest.raises(PricesRefused, match=r"cpu-4x8: a change from .* on is too late; the earliest is"):
        settle(sheet(with_prices(100)), with_prices(100, (at, 200)), NOW)


def test_a_price_in_force_never_changes() -> None:
    with pytest.raises(PricesRefused) as refusal:
        settle(sheet(with_prices(100)), with_prices(150), NOW)
    assert str(refusal.value) == (
        "cpu-4x8: its price of 0.0001 stands and cannot be 0.00015; "
        "give the new one under price_changes, with the moment from which it applies"
    )


def test_what_was_announced_for_the_next_minutes_stands_and_what_comes_later_may_still_change() -> None:
    known = sheet(with_prices(100, (EDGE, 200), (EDGE + 9, 300)))
    for changes in ([(EDGE + 9, 300)], [(EDGE, 250), (EDGE + 9, 300)]):
        with pytest.raises(PricesRefused):
            settle(known, with_prices(100, *changes), NOW)
    withdrawn = settle(known, with_prices(100, (EDGE, 200)), NOW)
    assert withdrawn.changed == {CPU}
    other = settle(known, with_prices(100, (EDGE, 200), (EDGE + 9, 400)), NOW)
    assert sheet(other.catalog).histories[CPU][-1] == PriceChange(EDGE + 9, 400)


def test_a_change_that_is_in_force_may_be_folded_into_the_price_and_its_history_stays() -> None:
    known = sheet(with_prices(100, (NOW - 9, 200)))
    settled = settle(known, with_prices(200), NOW)
    assert sheet(settled.catalog).histories == known.histories
    assert settled.changed == frozenset()


def test_everything_that_is_wrong_is_told_at_once() -> None:
    wanted = with_prices(101)
    plans = tuple(replace(plan, price_micros_per_gb_hour=7) for plan in wanted.storage_plans)
    with pytest.raises(PricesRefused) as refusal:
        settle(sheet(with_prices(100)), replace(wanted, storage_plans=plans), NOW)
    assert [line.partition(":")[0] for line in str(refusal.value).splitlines()] == ["cpu-4x8", "local", "network"]


def test_the_catalogue_shows_the_price_in_force_and_the_changes_to_come() -> None:
    catalog = with_prices(100, (NOW, 200), (NOW + 5, 300))
    shown = [in_force(catalog, second).instance_types[0] for second in (NOW - 1, NOW, NOW + 4, NOW + 5)]
    assert [entry.price_micros_per_hour for entry in shown] == [100, 200, 200, 300]
    assert [len(entry.price_changes) for entry in shown] == [2, 1, 1, 0]


def test_an_offer_is_the_sum_of_its_parts_and_tells_of_each_change_of_that_sum() -> None:
    catalog = with_prices(100_000, (NOW, 120_000), (NOW + 9, 90_000))
    plans = tuple(
        replace(plan, price_changes=(PriceChange(NOW, 50), PriceChange(NOW + 20, 60)))
        if plan.kind is StorageKind.NETWORK
        else plan
        for plan in catalog.storage_plans
    )
    offer = resolve(
        replace(catalog, storage_plans=plans), "montreal", "cpu-4x8", "ubuntu", StorageKind.NETWORK, 400
    )
    assert offer.price_parts == {CPU: 1, "IMAGE#ubuntu": 1, "STORAGE_PLAN#network": 400}
    assert offer.price_micros_per_hour == 140_000
    # At NOW the type costs as much more as 400 GB of storage cost less: the sum does not change.
    assert offer.price_changes == [PriceChange(NOW + 9, 110_000), PriceChange(NOW + 20, 114_000)]
    assert sheet(catalog).price_of(offer.price_parts, 0) == offer.price_micros_per_hour


def test_names_of_prices_are_those_of_entries() -> None:
    catalog = small_catalog()
    assert price_name(catalog.instance_types[0]) == CPU
    assert price_name(catalog.images[0]) == "IMAGE#ubuntu"
    assert price_name(catalog.storage_plans[0]) == "STORAGE_PLAN#local"


MOMENTS = st.integers(1, 60)
HISTORIES = st.dictionaries(MOMENTS, st.integers(0, 9), max_size=4)


@given(first=HISTORIES, second=HISTORIES, units=st.integers(0, 3), span=st.tuples(MOMENTS, MOMENTS))
def test_changes_of_a_sum_are_where_the_sum_changes(
    first: dict[int, int], second: dict[int, int], units: int, span: tuple[int, int]
) -> None:
    """The test compares the sheet with the prices of every second, which the sheet does not use."""

    def history(changes: dict[int, int]) -> tuple[PriceChange, ...]:
        return (PriceChange(0, 5), *(PriceChange(at, changes[at]) for at in sorted(changes)))

    prices = PriceSheet({"a": history(first), "b": history(second)})
    parts = {"a": 1, "b": units}
    after, until = min(span), max(span)
    by_second = [
        ({0: 5} | first)[max(at for at in {0, *first} if at <= now)]
        + units * ({0: 5} | second)[max(at for at in {0, *second} if at <= now)]
        for now in range(until + 1)
    ]
    expected = [now for now in range(after + 1, until + 1) if by_second[now] != by_second[now - 1]]
    found = list(prices.changes_of(parts, after, until))
    assert [(change.at, change.micros_per_hour) for change in found] == [(now, by_second[now]) for now in expected]


def test_what_has_no_known_price_has_none_and_never_changes() -> None:
    prices = sheet(with_prices(100, (NOW, 200)))
    for parts in ({}, {"gone": 1}, {CPU: 1, "gone": 1}):
        assert prices.price_of(parts, NOW) is None
        assert list(prices.changes_of(parts, 0)) == []
