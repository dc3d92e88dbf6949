"""The figures of an account at any time between two runs of metering."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.money.ledger.models import Account, Burn, Operator, Posting, balance_at
from chalicelib.domain.money.metering.models import Meter
from chalicelib.kernel.clock import epoch_seconds
from tests.support.clock import START

METERS = st.lists(
    st.tuples(st.integers(1, 50_000_000), st.integers(0, 100_000), st.integers(0, 100_000)), min_size=1, max_size=6
)


@given(meters=METERS, after=st.integers(0, 1_000_000))
def test_two_numbers_tell_what_all_meters_have_used_since_they_were_posted(
    meters: list[tuple[int, int, int]], after: int
) -> None:
    burn, used = Burn(), 0
    now = epoch_seconds(START) + 200_000 + after
    for price, opened, posted in meters:
        meter = Meter.opening("cus_a", "dep_a", 1, price, epoch_seconds(START) + opened)
        moved, _ = meter.advanced(meter.opened_at + posted)
        burn = burn.with_meter(price, meter.watermark).moved(price, meter.watermark, moved.watermark)
        used += meter.charge_until(now) - meter.charge_until(moved.watermark)
    at = START + timedelta(seconds=now - epoch_seconds(START))
    # Each meter rounds down by itself, so the sum differs by less than a micro-dollar for each end.
    assert abs(burn.unposted_micros(at) - used) <= len(meters)


@given(meters=METERS)
def test_a_burn_without_its_meters_is_none(meters: list[tuple[int, int, int]]) -> None:
    burn = Burn()
    for price, opened, _ in meters:
        burn = burn.with_meter(price, opened)
    for price, opened, _ in reversed(meters):
        burn = burn.without_meter(price, opened)
    assert burn == Burn()


@pytest.mark.guarantee("G07", "G13")
@pytest.mark.parametrize(
    ("posted", "held", "available", "debt", "runway"),
    [(3_600, 600, 3_000, 0, 3_600), (500, 600, 0, 0, 500), (-100, 600, 0, 100, 0)],
)
def test_g07_a_balance_tells_debt_apart_from_what_is_available(
    posted: int, held: int, available: int, debt: int, runway: int
) -> None:
    burn = Burn().with_meter(3_600, epoch_seconds(START))
    balance = balance_at(Account("cus_a", posted_micros=posted, held_micros=held, burn=burn), START)
    assert (balance.available_micros, balance.debt_micros, balance.runway_seconds) == (available, debt, runway)


def test_what_runs_is_taken_off_the_balance_each_second() -> None:
    burn = Burn().with_meter(3_600_000, epoch_seconds(START))
    account = Account("cus_a", posted_micros=10_000, burn=burn)
    assert balance_at(account, START + timedelta(seconds=4)).posted_micros == 6_000
    assert balance_at(account, START - timedelta(seconds=4)).posted_micros == 10_000
    assert balance_at(account, START + timedelta(seconds=12)).debt_micros == 2_000


@pytest.mark.parametrize(("source", "destination", "amount"), [("a", "b", 0), ("a", "b", -1), ("a", "a", 1)])
def test_a_posting_moves_something_from_one_account_to_another(source: str, destination: str, amount: int) -> None:
    with pytest.raises(ValueError, match="not a posting"):
        Posting(source, destination, amount)
    assert Posting("customer:cus_a", Operator.USAGE, 1).amount_micros == 1
