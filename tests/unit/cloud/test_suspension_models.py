"""The time of zero, the warnings and the next check: pure functions, compared with a simple simulation."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cloud.suspension.models import (
    LONGEST_WAIT,
    WARNINGS_HOURS,
    Funds,
    Machines,
    SuspensionStatus,
    Watch,
    judge,
    next_look,
)
from chalicelib.domain.money.ledger.models import Account, Burn
from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds
from tests.support.clock import START

HOUR = 3600
GRACE = timedelta(hours=72)
START_SECOND = epoch_seconds(START)
NOTHING = Machines()

prices = st.integers(1, 50_000_000)
meters = st.lists(st.tuples(prices, st.integers(-7_200, 0)), min_size=1, max_size=6)


def _funds(price: int, posted_micros: int, at: datetime = START, frozen: int = 0, held: int = 0) -> Funds:
    burn = Burn().with_meter(price, epoch_seconds(at)) if price else Burn()
    return Funds.of(Account("cus_x", posted_micros, held, burn), frozen)


def _watch(**changes: object) -> Watch:
    return replace(Watch("cus_x"), **changes)  # type: ignore[arg-type]


def _suspended(status: SuspensionStatus = SuspensionStatus.SUSPENDED) -> Watch:
    return _watch(status=status, since=START, deletes_at=START + GRACE)


@given(meters, st.integers(0, 10**12), st.integers(0, 10**6))
def test_g13_zero_is_the_first_second_at_which_nothing_is_left(
    opened: list[tuple[int, int]], posted: int, frozen: int
) -> None:
    burn = Burn()
    for price, offset in opened:
        burn = burn.with_meter(price, START_SECOND + offset)
    funds = Funds.of(Account("cus_x", posted, 0, burn), frozen)
    zero_at = funds.zero_at
    assert zero_at is not None

    def left(second: int) -> int:
        return posted - frozen - (burn.micros_per_hour * second - burn.weighted) // HOUR

    assert left(zero_at) <= 0
    assert left(zero_at - 1) > 0


@given(meters, st.integers(1, 10**12), st.integers(1, 7_200))
def test_g13_posting_usage_leaves_zero_where_it_was(
    opened: list[tuple[int, int]], posted: int, later: int
) -> None:
    """Rounding changes it by less than a micro-dollar for each meter."""
    burn = moved = Burn()
    charged = 0
    for price, offset in opened:
        start, end = START_SECOND + offset, START_SECOND + later
        burn = burn.with_meter(price, start)
        moved = moved.with_meter(price, end)
        charged += price * (end - start) // HOUR
    before = Funds.of(Account("cus_x", posted, 0, burn), 0).zero_at
    after = Funds.of(Account("cus_x", posted - charged, 0, moved), 0).zero_at
    assert before is not None
    assert after is not None
    assert 0 <= after - before <= 1 + len(opened) * HOUR // burn.micros_per_hour


@settings(deadline=None)
@given(prices, st.one_of(st.integers(0, 2 * 24 * HOUR), st.integers(0, 400 * 24 * HOUR)))
def test_g13_following_the_moments_warns_in_order_and_stops_at_the_very_second(price: int, runway: int) -> None:
    """Checks only at the announced times give every due warning, and suspend exactly at zero."""
    funds = _funds(price, price * runway // HOUR)
    zero_at = funds.zero_at
    assert zero_at is not None
    watch, at = _watch(), START
    letters: list[tuple[LetterKind, datetime]] = []
    for _ in range(10_000):
        verdict = judge(watch, funds, NOTHING, at, GRACE)
        watch = verdict.watch
        if verdict.letter:
            letters.append((verdict.letter, at))
        if watch.status is not None:
            break
        moment = next_look(watch, funds, NOTHING, at)
        assert moment is not None
        assert at < moment <= at + LONGEST_WAIT
        at = moment
    assert watch.status is SuspensionStatus.SUSPENDED
    assert epoch_seconds(at) == max(zero_at, START_SECOND)
    begun = zero_at - START_SECOND
    tightest = min((hours for hours in WARNINGS_HOURS if begun <= hours * HOUR), default=25)
    expected = [from_epoch_seconds(zero_at - hours * HOUR) for hours in WARNINGS_HOURS if hours < tightest]
    if begun > 0 and tightest < 25:
        expected = [START, *expected]
    assert letters == [
        *((LetterKind.LOW_BALANCE, moment) for moment in expected),
        (LetterKind.SUSPENDED, at),
    ]


def test_a_warning_is_not_repeated_for_a_second_more_and_is_after_a_payment() -> None:
    warned = _watch(warned_hours=24)
    slightly_more = _funds(HOUR, 24 * HOUR + 5)
    assert judge(warned, slightly_more, NOTHING, START, GRACE).watch == warned
    paid = judge(warned, _funds(HOUR, 30 * HOUR), NOTHING, START, GRACE)
    assert (paid.watch.warned_hours, paid.letter) == (None, None)
    again = judge(paid.watch, _funds(HOUR, 23 * HOUR), NOTHING, START, GRACE)
    assert (again.watch.warned_hours, again.letter) == (24, LetterKind.LOW_BALANCE)


def test_while_nothing_runs_nothing_is_waited_for() -> None:
    funds = _funds(0, -5)
    verdict = judge(_watch(warned_hours=1), funds, NOTHING, START, GRACE)
    assert (verdict.watch.status, verdict.letter) == (None, None)
    assert next_look(verdict.watch, funds, NOTHING, START) is None


@pytest.mark.guarantee("G09")
def test_g13_money_frozen_for_a_dispute_cannot_be_used() -> None:
    funds = _funds(HOUR, 1_000, frozen=1_000, held=1_000)
    assert judge(_watch(), funds, NOTHING, START, GRACE).watch.status is SuspensionStatus.SUSPENDED


@pytest.mark.parametrize("posted", [-1, 0, 599])
def test_g13_a_suspension_is_not_undone_by_less_than_the_reserve(posted: int) -> None:
    stopped = Machines(stopped=("dep_a",), reserve_micros=600, kept=("dep_a",))
    verdict = judge(_suspended(), _funds(0, posted), stopped, START, GRACE)
    assert verdict.watch == _suspended()


@pytest.mark.parametrize("status", [status for status in SuspensionStatus if status != "RESUMING"])
def test_g13_the_reserve_resumes_from_wherever_the_suspension_is(status: SuspensionStatus) -> None:
    stopped = Machines(stopped=("dep_a",), reserve_micros=600, kept=("dep_a",))
    verdict = judge(_suspended(status), _funds(0, 600), stopped, START + 2 * GRACE, GRACE)
    assert (verdict.watch.status, verdict.letter) == (SuspensionStatus.RESUMING, LetterKind.RESUMED)


def test_g13_resuming_ends_when_everything_runs_or_there_is_not_enough_after_all() -> None:
    resuming = _suspended(SuspensionStatus.RESUMING)
    stopped = Machines(stopped=("dep_a",), reserve_micros=600, kept=("dep_a",))
    assert judge(resuming, _funds(0, 600), stopped, START, GRACE).watch == resuming
    in_motion = Machines(in_motion=1, kept=("dep_a",))
    assert judge(resuming, _funds(0, 600, held=600), in_motion, START, GRACE).watch == resuming
    assert judge(resuming, _funds(HOUR, 10**9), NOTHING, START, GRACE).watch.status is None
    later = START + timedelta(hours=1)
    short = judge(resuming, _funds(0, 599), stopped, later, GRACE)
    assert (short.watch.status, short.watch.since) == (SuspensionStatus.SUSPENDED, later)


def test_g13_the_grace_period_ends_in_deletion_and_deletion_in_a_letter() -> None:
    machines = Machines(stopped=("dep_a",), reserve_micros=600, kept=("dep_a",))
    funds, watch, at = _funds(0, -100), _suspended(), START
    moments = []
    for _ in range(3):
        watch = judge(watch, funds, machines, at, GRACE).watch
        moment = next_look(watch, funds, machines, at)
        assert moment is not None
        moments.append(moment.replace(microsecond=0))
        at = moment
    deletes_at = START + GRACE
    assert moments[:2] == [deletes_at - timedelta(hours=24), deletes_at]
    assert watch.status is SuspensionStatus.DELETING
    assert judge(watch, funds, Machines(leaving=1), at, GRACE).watch == watch
    over = judge(watch, funds, NOTHING, at, GRACE)
    assert (over.watch.status, over.letter) == (SuspensionStatus.DELETED, LetterKind.MACHINES_DELETED)
    assert next_look(over.watch, funds, NOTHING, at) is None


def test_a_short_grace_period_is_announced_once() -> None:
    suspended = judge(_watch(), _funds(HOUR, 0), NOTHING, START, timedelta(hours=2))
    assert suspended.watch.reminded
    at = START + timedelta(hours=1)
    assert judge(suspended.watch, _funds(0, -1), NOTHING, at, GRACE).letter is None


def test_a_zero_in_ten_thousand_years_is_waited_for_a_month_at_a_time() -> None:
    funds = _funds(1, 10**15)
    assert next_look(_watch(), funds, NOTHING, START) == (START + LONGEST_WAIT).replace(microsecond=0)


@pytest.mark.parametrize("machines", [NOTHING, Machines(running=("dep_a",), kept=("dep_a",))])
def test_g13_a_payment_with_nothing_to_switch_on_ends_the_suspension_at_once(machines: Machines) -> None:
    verdict = judge(_suspended(), _funds(0, 1), machines, START, GRACE)
    assert (verdict.watch, verdict.letter) == (_watch(), LetterKind.RESUMED)
