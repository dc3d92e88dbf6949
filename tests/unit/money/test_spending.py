"""The spending of a day and a month, and the time at which a cap is reached."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from chalicelib.domain.money.ledger.models import NOTHING_SPENT, Period, Spending
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.domain.money.metering.models import Meter
from chalicelib.kernel.transactions import Transactor
from tests.fakes.money import MemoryLedgerRecords, MemoryMeterRecords, MemoryTable, MemoryTransactor
from tests.fakes.schedules import LaggingMeterRecords
from tests.fakes.spending import SpendingSchedule

HOUR, DAY = 3_600, 86_400
MIDNIGHT = int(datetime(2031, 5, 4, tzinfo=UTC).timestamp())

meters = st.lists(
    st.tuples(st.integers(1, 50_000_000), st.integers(0, 2 * DAY), st.integers(0, DAY)), min_size=1, max_size=5
)


class _InMemory(SpendingSchedule):
    def parts(self) -> tuple[LedgerRecords, LaggingMeterRecords, Transactor]:
        table = MemoryTable()
        return MemoryLedgerRecords(table), MemoryMeterRecords(table), MemoryTransactor(table)


@pytest.mark.guarantee("G04", "G05")
def test_g05_what_is_spent_is_the_sum_of_the_usage_of_the_window_under_any_schedule() -> None:
    """It covers customers and API keys, midnights and ends of months, corrections and changes of price."""
    run_state_machine_as_test(
        _InMemory, settings=settings(max_examples=100, stateful_step_count=40, deadline=None)
    )


def _spending(opened: list[tuple[int, int, int]]) -> tuple[Spending, int]:
    """The spending of meters, given by price, opening and posted seconds; and its last second."""
    spending, last = NOTHING_SPENT, MIDNIGHT
    for price, offset, posted in opened:
        meter = Meter.opening("cus_a", "dep_a", 1, price, MIDNIGHT + offset)
        end = meter.opened_at + posted
        spending = spending.with_meter(price, meter.opened_at)
        spending = spending.moved(price, meter.opened_at, end, meter.charge_until)
        last = max(last, end)
    return spending, last


@given(meters, st.integers(0, 10**9), st.integers(0, 3 * HOUR), st.sampled_from(Period))
def test_a_cap_is_reached_at_the_first_second_at_which_so_much_is_spent(
    opened: list[tuple[int, int, int]], more: int, later: int, period: Period
) -> None:
    spending, last = _spending(opened)
    at = last + later
    limit = spending.spent_micros(period, at) + 1 + more
    reached = spending.reaches(period, limit, at)
    if reached is None:
        windows = [period.start_of(at)]
        for _ in range(3):
            windows.append(period.end_of(windows[-1]))
        assert all(spending.spent_micros(period, end - 1) < limit for end in windows[1:])
        return
    assert reached > at
    assert spending.spent_micros(period, reached) >= limit
    start = period.start_of(reached)
    assert reached == start or spending.spent_micros(period, reached - 1) < limit
    assert (
        start == period.start_of(at)
        or spending.spent_micros(period, period.end_of(period.start_of(at)) - 1) < limit
    )


@example([(1, 0, 0), (1, 0, 0), (1, 0, 0), (1, 0, 1332), (98_950, 0, 0)], 2281)
@given(meters, st.integers(1, 2 * HOUR))
def test_posting_usage_leaves_the_moment_of_a_cap_where_it_was(
    opened: list[tuple[int, int, int]], later: int
) -> None:
    """Rounding changes it by less than a micro-dollar for each meter."""
    spending, last = _spending(opened)
    limit = spending.spent_micros(Period.MONTH, last) + 50_000_000
    before = spending.reaches(Period.MONTH, limit, last)
    assume(before is not None and before > last + later)
    moved = spending
    for price, offset, posted in opened:
        meter = Meter.opening("cus_a", "dep_a", 1, price, MIDNIGHT + offset)
        moved = moved.moved(price, meter.opened_at + posted, last + later, meter.charge_until)
    after = moved.reaches(Period.MONTH, limit, last + later)
    assert before is not None
    assert after is not None
    assert abs(after - before) <= 1 + len(opened) * HOUR // spending.micros_per_hour


def test_metering_late_takes_nothing_from_the_next_day() -> None:
    meter = Meter.opening("cus_a", "dep_a", 1, HOUR, MIDNIGHT - 300)
    spending = NOTHING_SPENT.with_meter(HOUR, meter.opened_at)
    assert spending.spent_micros(Period.DAY, MIDNIGHT - 1) == 299
    assert spending.spent_micros(Period.DAY, MIDNIGHT + 60) == 60
    moved = spending.moved(HOUR, meter.opened_at, MIDNIGHT + 60, meter.charge_until)
    assert (moved.day.posted_micros, moved.month.posted_micros) == (60, 360)
    assert moved.spent_micros(Period.DAY, MIDNIGHT + 61) == 61


def test_an_end_before_midnight_that_is_known_after_it_costs_the_new_day_nothing() -> None:
    meter = Meter.opening("cus_a", "dep_a", 1, HOUR, MIDNIGHT - 300)
    spending = NOTHING_SPENT.with_meter(HOUR, meter.opened_at)
    spending = spending.moved(HOUR, meter.opened_at, MIDNIGHT + 60, meter.charge_until)
    closed = spending.without_meter(HOUR, MIDNIGHT + 60, MIDNIGHT - 10, meter.charge_until)
    assert (closed.day.posted_micros, closed.day.ahead, closed.month.posted_micros) == (0, 0, 290)


@pytest.mark.parametrize(
    ("moment", "start", "end"),
    [
        (
            datetime(2031, 2, 28, 23, 59, 59, tzinfo=UTC),
            datetime(2031, 2, 1, tzinfo=UTC),
            datetime(2031, 3, 1, tzinfo=UTC),
        ),
        (
            datetime(2032, 2, 29, 12, tzinfo=UTC),
            datetime(2032, 2, 1, tzinfo=UTC),
            datetime(2032, 3, 1, tzinfo=UTC),
        ),
        (datetime(2031, 12, 31, tzinfo=UTC), datetime(2031, 12, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_month_is_the_calendars_of_utc(moment: datetime, start: datetime, end: datetime) -> None:
    first = Period.MONTH.start_of(int(moment.timestamp()))
    assert (datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(Period.MONTH.end_of(first), UTC)) == (
        start,
        end,
    )
