"""Spend caps: when customers are warned, when machines stop, and when they run again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cloud.suspension.models import (
    LONGEST_WAIT,
    Funds,
    Machines,
    SuspensionReason,
    SuspensionStatus,
    Verdict,
    Watch,
    judge,
    next_look,
)
from chalicelib.domain.money.ledger.models import NOTHING_SPENT, Account, Burn, Period, Spending, Window
from chalicelib.domain.money.spending.models import NO_CAPS, Caps
from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.kernel.clock import epoch_seconds

NOON = datetime(2031, 5, 4, 12, tzinfo=UTC)
MIDNIGHT = datetime(2031, 5, 5, tzinfo=UTC)
JUNE = datetime(2031, 6, 1, tzinfo=UTC)
GRACE = timedelta(hours=72)
HOUR = 3_600
PLENTY = 10**15
_MOST_LOOKS = 250
"""Two a day: when the cap is near, and a second later if both caps are near."""
NOTHING = Machines()
RUNNING = Machines(running=("dep_a",), kept=("dep_a",))
OFF = Machines(stopped=("dep_a",), reserve_micros=600, kept=("dep_a",))


def _funds(
    price: int, caps: Caps, *, spent: int = 0, posted: int = PLENTY, held: int = 0, at: datetime = NOON
) -> Funds:
    """Funds with `spent` in the day and the month of `at`; from then on, a machine at `price` runs, if any."""
    second = epoch_seconds(at)
    spending = Spending(
        0, Window(Period.DAY.start_of(second), spent), Window(Period.MONTH.start_of(second), spent)
    )
    burn = Burn()
    if price:
        burn, spending = burn.with_meter(price, second), spending.with_meter(price, second)
    return Funds.of(Account("cus_x", posted, held, burn, spending), 0, caps)


def _watch(**changes: object) -> Watch:
    return replace(Watch("cus_x"), **changes)  # type: ignore[arg-type]


def _capped(**changes: object) -> Watch:
    reason = SuspensionReason.SPEND_CAP
    return _watch(status=SuspensionStatus.SUSPENDED, reason=reason, since=NOON, **changes)


def _judge(watch: Watch, funds: Funds, machines: Machines, at: datetime = NOON) -> Verdict:
    return judge(watch, funds, machines, at, GRACE)


@settings(deadline=None)
@given(
    price=st.integers(1, 50_000_000),
    daily=st.none() | st.integers(1, 10**9),
    monthly=st.none() | st.integers(1, 10**10),
    spent=st.integers(0, 10**8),
)
def test_following_the_moments_warns_once_a_window_and_stops_at_the_very_second(
    price: int, daily: int | None, monthly: int | None, spent: int
) -> None:
    """Checks happen only at the announced times, for up to two months."""
    funds = _funds(price, Caps(daily, monthly), spent=spent)
    watch, at, letters = _watch(), NOON, list[tuple[LetterKind | None, Period, datetime]]()
    end = NOON + timedelta(days=60)
    for _ in range(_MOST_LOOKS):
        if at >= end:
            break
        verdict = _judge(watch, funds, RUNNING, at)
        watch = verdict.watch
        if verdict.limit:
            letters.append((verdict.letter, verdict.limit.period, verdict.limit.starts_at))
        if watch.status is not None:
            break
        moment = next_look(watch, funds, RUNNING, at)
        if moment is None:
            at = end
            break
        assert at < moment <= at + LONGEST_WAIT
        at = moment
    else:
        raise AssertionError("it is polled")
    caps = [(Period.DAY, daily), (Period.MONTH, monthly)]
    reached = [
        second
        for period, cap in caps
        if cap is not None
        and (second := funds.allowance.spending.reaches(period, cap, epoch_seconds(NOON))) is not None
    ]
    if watch.status is None:
        assert not reached or min(reached) >= epoch_seconds(end)
    else:
        assert epoch_seconds(at) == max(min(reached), epoch_seconds(NOON))
        assert watch.reason is SuspensionReason.SPEND_CAP
        assert watch.deletes_at is None
        assert letters[-1][0] is LetterKind.SPEND_CAP_REACHED
    warnings = [letter for letter in letters if letter[0] is LetterKind.SPEND_CAP_NEAR]
    assert len(set(warnings)) == len(warnings)


def test_a_warning_comes_at_four_fifths_and_again_only_where_the_cap_was_raised_or_the_day_is_another() -> None:
    assert _judge(_watch(), _funds(HOUR, Caps(1_000), spent=799), RUNNING).letter is None
    warned = _judge(_watch(), _funds(HOUR, Caps(1_000), spent=800), RUNNING)
    assert (warned.letter, warned.limit and warned.limit.period) == (LetterKind.SPEND_CAP_NEAR, Period.DAY)
    assert _judge(warned.watch, _funds(HOUR, Caps(1_000), spent=900), RUNNING).letter is None
    raised = _judge(warned.watch, _funds(HOUR, Caps(2_000), spent=900), RUNNING)
    assert (raised.letter, raised.watch.warned_day) == (None, 0)
    assert (
        _judge(raised.watch, _funds(HOUR, Caps(2_000), spent=1_600), RUNNING).letter is LetterKind.SPEND_CAP_NEAR
    )
    next_day = _funds(HOUR, Caps(1_000), spent=800, at=MIDNIGHT)
    assert _judge(warned.watch, next_day, RUNNING, MIDNIGHT).letter is LetterKind.SPEND_CAP_NEAR


@pytest.mark.parametrize("cap", [0, 500])
def test_while_nothing_runs_a_cap_stops_nothing_and_nothing_is_waited_for(cap: int) -> None:
    funds = _funds(0, Caps(cap, cap), spent=500)
    watch = _watch(warned_day=epoch_seconds(NOON) - 12 * HOUR, warned_month=epoch_seconds(NOON) - 84 * HOUR)
    assert _judge(watch, funds, NOTHING).watch.status is None
    assert next_look(watch, funds, NOTHING, NOON) is None


def test_the_end_of_the_window_is_waited_for_and_lets_machines_run_again() -> None:
    funds = _funds(0, Caps(1_000), spent=1_000)
    assert _judge(_capped(), funds, OFF).watch == _capped()
    assert next_look(_capped(), funds, OFF, NOON) == MIDNIGHT
    anew = _judge(_capped(), funds, OFF, MIDNIGHT)
    assert (anew.watch.status, anew.letter) == (SuspensionStatus.RESUMING, LetterKind.SPEND_CAP_LIFTED)


def test_of_two_caps_the_later_one_keeps_machines_off() -> None:
    funds = _funds(HOUR, Caps(1_000, 1_000), spent=1_000)
    stopped = _judge(_watch(), funds, RUNNING)
    assert stopped.limit is not None
    assert (stopped.limit.period, stopped.limit.ends_at) == (Period.MONTH, JUNE)
    off = _funds(0, Caps(1_000, 1_000), spent=1_000)
    assert next_look(stopped.watch, off, OFF, NOON) == MIDNIGHT
    assert _judge(stopped.watch, off, OFF, MIDNIGHT).watch.status is SuspensionStatus.SUSPENDED
    assert next_look(stopped.watch, off, OFF, MIDNIGHT) == JUNE
    assert _judge(stopped.watch, off, OFF, JUNE).watch.status is SuspensionStatus.RESUMING


@pytest.mark.parametrize(
    ("caps", "status"),
    [
        (Caps(1_001), SuspensionStatus.SUSPENDED),
        (Caps(1_599), SuspensionStatus.SUSPENDED),
        (Caps(1_600), SuspensionStatus.RESUMING),
        (NO_CAPS, SuspensionStatus.RESUMING),
    ],
)
def test_a_raised_cap_must_leave_room_for_the_reserve(caps: Caps, status: SuspensionStatus) -> None:
    """Otherwise machines would be switched on and off again within minutes."""
    assert _judge(_capped(), _funds(0, caps, spent=1_000), OFF).watch.status is status


@pytest.mark.parametrize(("cap", "status"), [(0, "SUSPENDED"), (1, "RESUMING")])
def test_a_cap_below_the_reserve_lets_machines_run_at_the_start_of_each_window(cap: int, status: str) -> None:
    assert _judge(_capped(), _funds(0, Caps(cap)), OFF).watch.status == status


def test_a_stop_for_a_cap_never_ends_in_deletion() -> None:
    watch, funds = _capped(), _funds(0, Caps(None, 1_000), spent=1_000)
    at = NOON
    while at < JUNE - timedelta(minutes=1):
        verdict = _judge(watch, funds, OFF, at)
        assert (verdict.watch, verdict.letter) == (watch, None)
        at += timedelta(hours=7)


# Both caps at once


def test_where_money_and_cap_are_used_up_together_it_is_the_money() -> None:
    funds = _funds(HOUR, Caps(1_000), spent=1_000, posted=0)
    verdict = _judge(_watch(), funds, RUNNING)
    assert (verdict.watch.reason, verdict.letter) == (SuspensionReason.BALANCE, LetterKind.SUSPENDED)
    assert verdict.watch.deletes_at == NOON + GRACE


@pytest.mark.parametrize("machines", [OFF, RUNNING])
def test_money_that_ends_during_a_stop_begins_the_grace_period(machines: Machines) -> None:
    verdict = _judge(_capped(), _funds(0, Caps(1_000), spent=1_000, posted=0), machines)
    assert (verdict.watch.reason, verdict.watch.deletes_at) == (SuspensionReason.BALANCE, NOON + GRACE)
    assert _judge(_capped(), _funds(0, Caps(1_000), spent=1_000, posted=0), NOTHING).watch == _capped()


def test_a_window_that_ends_without_the_money_to_go_on_begins_the_grace_period() -> None:
    verdict = _judge(_capped(), _funds(0, Caps(1_000), spent=1_000, posted=599), OFF, MIDNIGHT)
    assert (verdict.watch.reason, verdict.watch.since) == (SuspensionReason.BALANCE, MIDNIGHT)


def test_a_payment_under_a_reached_cap_ends_the_grace_period_and_switches_nothing_on() -> None:
    suspended = _judge(_watch(), _funds(HOUR, Caps(1_000), spent=1_000, posted=0), RUNNING).watch
    paid = _judge(suspended, _funds(0, Caps(1_000), spent=1_000), OFF)
    assert (paid.watch.status, paid.watch.reason) == (SuspensionStatus.SUSPENDED, SuspensionReason.SPEND_CAP)
    assert (paid.watch.deletes_at, paid.letter) == (None, LetterKind.SPEND_CAP_REACHED)


def test_a_cap_that_is_reached_while_machines_are_switched_on_stops_them_again() -> None:
    resuming = replace(_capped(), status=SuspensionStatus.RESUMING)
    in_motion = Machines(in_motion=1, kept=("dep_a",))
    assert _judge(resuming, _funds(0, Caps(1_000), spent=400), in_motion).watch == resuming
    stopped = _judge(resuming, _funds(HOUR, Caps(1_000), spent=1_000), RUNNING)
    assert stopped.watch.status is SuspensionStatus.SUSPENDED
    assert _judge(resuming, _funds(HOUR, Caps(1_000), spent=400), RUNNING).watch.status is None


def test_without_caps_nothing_was_spent_that_matters() -> None:
    assert _funds(HOUR, NO_CAPS, spent=10**12).allowance.reached(NOON) is None
    assert next_look(_watch(), _funds(0, NO_CAPS), NOTHING, NOON) is None
    assert NOTHING_SPENT.reaches(Period.DAY, 1, epoch_seconds(NOON)) is None
