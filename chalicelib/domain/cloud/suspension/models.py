"""The watch of a customer: which warnings were sent, whether it is suspended, and when to look again.

The moment of a zero balance is computed, not searched for. An account's two figures of burn give the second at
which it is reached, and that stays the same until the account changes. The same holds for spend caps.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.money.ledger.models import SECONDS_PER_HOUR, Account, Burn, Period
from chalicelib.domain.money.spending.models import NO_CAPS, UNLIMITED, Allowance, Caps, Limit
from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds
from chalicelib.kernel.dataclasses import dataclass

WARNINGS_HOURS = (24, 6, 1)
"""Hours of runway at which the customer is warned, in decreasing order."""
CAP_WARNING_PERCENT = 80
"""The percentage of a spend cap at which the customer is warned."""
REMINDER_BEFORE_DELETION = timedelta(hours=24)
LOOK_AGAIN = timedelta(seconds=15)
"""The interval between looks while machines are being switched."""
LOOK_AGAIN_AT_DELETION = timedelta(minutes=5)
LONGEST_WAIT = timedelta(days=30)
LOOKS_OF_AN_EXECUTION = 10
"""After this many looks another execution takes over: one may run for a year and have 25,000 events."""


class SuspensionReason(StrEnum):
    """Why machines are off. If both reasons hold, it is BALANCE."""

    BALANCE = "BALANCE"
    """The money has run out; machines that stay unpaid are deleted in the end."""
    SPEND_CAP = "SPEND_CAP"
    """The customer's own cap is reached; machines wait until its window ends or the cap is changed."""


class SuspensionStatus(StrEnum):
    """The stage of a suspension."""

    SUSPENDED = "SUSPENDED"
    DELETING = "DELETING"
    """The grace period is over."""
    DELETED = "DELETED"
    """All machines are deleted."""
    RESUMING = "RESUMING"
    """Money was paid in, or a cap leaves room; machines are being switched on."""


@dataclass(frozen=True)
class Watch:
    """The stored state of one customer's watch. `number` names the waiting execution; older ones end when
    they wake.
    """

    customer_id: str
    number: int = 0
    status: SuspensionStatus | None = None
    """None if the customer is in good standing."""
    reason: SuspensionReason | None = None
    since: datetime | None = None
    deletes_at: datetime | None = None
    """When machines are deleted; None if they are not."""
    warned_hours: int | None = None
    """The last warning (in hours) that was sent for the present runway."""
    warned_day: int = 0
    """The day (its first second since 1970) of the last warning about the daily cap."""
    warned_month: int = 0
    """The month (its first second since 1970) of the last warning about the monthly cap."""
    reminded: bool = False
    """Whether the customer was reminded of the deletion."""
    wakes_at: datetime | None = None
    """When the execution looks next; None if nothing is due."""
    looks: int = 0
    """How many looks that execution has made."""
    version: int = 0

    @property
    def is_for_a_cap(self) -> bool:
        """Whether machines are off because of a spend cap, or are being resumed after one."""
        return self.reason is SuspensionReason.SPEND_CAP

    @property
    def is_capped(self) -> bool:
        """Whether machines are off because of a spend cap."""
        return self.status is SuspensionStatus.SUSPENDED and self.is_for_a_cap

    def was_warned(self, limit: Limit) -> bool:
        """Whether the customer was warned about this cap in its present window."""
        warned = self.warned_day if limit.period is Period.DAY else self.warned_month
        return warned == epoch_seconds(limit.starts_at)

    def warned_of(self, limit: Limit, *, told: bool = True) -> "Watch":
        """Return the watch with the warning marked as sent, or not sent."""
        start = epoch_seconds(limit.starts_at) if told else 0
        return replace(self, warned_day=start) if limit.period is Period.DAY else replace(self, warned_month=start)


@dataclass(frozen=True)
class Funds:
    """The money that running machines can use, and the money available for new holds."""

    burn: Burn
    spendable_micros: int
    """Posted, less what is frozen for disputes and refunds; includes the reserves of running machines."""
    available_micros: int
    """Posted, less all holds."""
    allowance: Allowance = UNLIMITED
    """What the spend caps leave."""

    @classmethod
    def of(cls, account: Account, frozen_micros: int, caps: Caps = NO_CAPS) -> "Funds":
        """Return the funds of `account` under `caps`; `frozen_micros` of it cannot be used."""
        spendable_micros = account.posted_micros - frozen_micros
        return cls(account.burn, spendable_micros, account.available_micros, Allowance(caps, account.spending))

    @property
    def zero_at(self) -> int | None:
        """The first second (since 1970) at which nothing is left; None while nothing runs."""
        burn = self.burn
        if burn.micros_per_hour <= 0:
            return None
        return -(-(self.spendable_micros * SECONDS_PER_HOUR + burn.weighted) // burn.micros_per_hour)

    def is_used_up(self, at: datetime) -> bool:
        """Whether machines run, and nothing is left for them."""
        zero_at = self.zero_at
        return zero_at is not None and zero_at <= epoch_seconds(at)

    def is_empty(self, at: datetime) -> bool:
        """Whether nothing is left, whether machines run or not."""
        return self.spendable_micros - self.burn.unposted_micros(at) <= 0

    def cap_to_stop_at(self, at: datetime) -> Limit | None:
        """Return the cap that is reached while machines run."""
        return self.allowance.reached(at) if self.burn.micros_per_hour > 0 else None

    def cap_in_the_way(self, reserve_micros: int, at: datetime) -> Limit | None:
        """Return the cap that leaves no room for `reserve_micros` the longest; None if all leave room."""
        in_the_way = [limit for limit in self.allowance.limits(at) if _is_in_the_way(limit, reserve_micros)]
        return max(in_the_way, key=lambda limit: limit.ends_at, default=None)

    def covers(self, reserve_micros: int, at: datetime) -> bool:
        """Whether the balance is positive and covers `reserve_micros` at `at`."""
        return self.available_micros - self.burn.unposted_micros(at) >= max(1, reserve_micros)


def _is_in_the_way(limit: Limit, reserve_micros: int) -> bool:
    """Whether a cap leaves no room for a reserve; an untouched cap has room for any reserve, unless the cap
    is zero.
    """
    return limit.is_reached or limit.left_micros < min(reserve_micros, limit.cap_micros)


@dataclass(frozen=True)
class Machines:
    """A customer's machines at one moment, grouped by their role in a suspension."""

    running: tuple[str, ...] = ()
    """Machines to switch off when the money has run out."""
    stopped: tuple[str, ...] = ()
    """Machines to switch on when there is money."""
    reserve_micros: int = 0
    """The hold that all of `stopped` need together."""
    in_motion: int = 0
    """The number of machines being built or switched."""
    kept: tuple[str, ...] = ()
    """All machines except those whose deletion was requested; includes the groups above."""
    leaving: int = 0
    """The number of machines being deleted."""


@dataclass(frozen=True)
class Verdict:
    """The result of judging a customer."""

    watch: Watch
    letter: LetterKind | None = None
    limit: Limit | None = None
    """The cap that the letter is about."""


def judge(watch: Watch, funds: Funds, machines: Machines, at: datetime, grace: timedelta) -> Verdict:
    """Return what changes for the customer at `at`; only `watch` is remembered between looks."""
    match watch.status:
        case None:
            return _in_good_standing(watch, funds, at, grace)
        case SuspensionStatus.RESUMING:
            return _while_resuming(watch, funds, machines, at, grace)
        case _ if watch.is_capped:
            return _while_capped(watch, funds, machines, at, grace)
        case _ if funds.covers(machines.reserve_micros, at):
            limit = funds.cap_in_the_way(machines.reserve_micros, at)
            if limit and machines.kept:
                return _capped(watch, limit, at)
            return Verdict(_resuming(watch, machines), LetterKind.RESUMED)
    return _while_suspended(watch, machines, at)


def _in_good_standing(watch: Watch, funds: Funds, at: datetime, grace: timedelta) -> Verdict:
    if funds.is_used_up(at):
        return _suspended(watch, at, grace)
    if limit := funds.cap_to_stop_at(at):
        return _capped(watch, limit, at)
    verdict = _warned(watch, funds, at)
    return verdict if verdict.letter else _warned_of_caps(verdict.watch, funds, at)


def _resuming(watch: Watch, machines: Machines) -> Watch:
    """Return RESUMING, or good standing if there is nothing to switch on."""
    if machines.stopped or machines.in_motion:
        return replace(watch, status=SuspensionStatus.RESUMING)
    return _good(watch)


def _capped(watch: Watch, limit: Limit, at: datetime) -> Verdict:
    """Return a suspension until the cap leaves room again; it never leads to deletion."""
    capped = replace(_good(watch), status=SuspensionStatus.SUSPENDED, reason=SuspensionReason.SPEND_CAP, since=at)
    return Verdict(capped, LetterKind.SPEND_CAP_REACHED, limit)


def _while_capped(watch: Watch, funds: Funds, machines: Machines, at: datetime, grace: timedelta) -> Verdict:
    if machines.kept and funds.is_empty(at):
        return _suspended(watch, at, grace)
    if funds.cap_in_the_way(machines.reserve_micros, at):
        return Verdict(watch)
    if machines.stopped and not funds.covers(machines.reserve_micros, at):
        return _suspended(watch, at, grace)
    return Verdict(_resuming(watch, machines), LetterKind.SPEND_CAP_LIFTED if machines.kept else None)


def _warned_of_caps(watch: Watch, funds: Funds, at: datetime) -> Verdict:
    """Warn once in each window of a cap; the mark is removed when a raised cap is no longer near."""
    for limit in funds.allowance.limits(at):
        is_near = limit.cap_micros > 0 and limit.uses(CAP_WARNING_PERCENT)
        was_warned = watch.was_warned(limit)
        if is_near and not was_warned:
            return Verdict(watch.warned_of(limit), LetterKind.SPEND_CAP_NEAR, limit)
        if was_warned and not is_near:
            watch = watch.warned_of(limit, told=False)
    return Verdict(watch)


def _suspended(watch: Watch, at: datetime, grace: timedelta) -> Verdict:
    suspended = replace(
        _good(watch),
        status=SuspensionStatus.SUSPENDED,
        reason=SuspensionReason.BALANCE,
        since=at,
        deletes_at=(at + grace).replace(microsecond=0),
        reminded=grace <= REMINDER_BEFORE_DELETION,  # the first letter has announced the deletion already
    )
    return Verdict(suspended, LetterKind.SUSPENDED)


def _warned(watch: Watch, funds: Funds, at: datetime) -> Verdict:
    """Send the warning with the fewest hours that applies; it is forgotten once the runway is a tenth longer
    again.
    """
    zero_at = funds.zero_at
    if zero_at is None:
        return Verdict(watch)
    runway_seconds = zero_at - epoch_seconds(at)
    due = min((hours for hours in WARNINGS_HOURS if runway_seconds <= hours * SECONDS_PER_HOUR), default=None)
    warned = watch.warned_hours
    if due is not None and (warned is None or due < warned):
        return Verdict(replace(watch, warned_hours=due), LetterKind.LOW_BALANCE)
    if warned is not None and runway_seconds * 10 > warned * SECONDS_PER_HOUR * 11:
        return Verdict(replace(watch, warned_hours=due))
    return Verdict(watch)


def _while_resuming(watch: Watch, funds: Funds, machines: Machines, at: datetime, grace: timedelta) -> Verdict:
    if funds.is_used_up(at) or (machines.stopped and not funds.covers(machines.reserve_micros, at)):
        return _suspended(watch, at, grace)
    limit = funds.cap_to_stop_at(at) or funds.cap_in_the_way(machines.reserve_micros, at)
    if limit and (funds.burn.micros_per_hour or machines.stopped):
        return _capped(watch, limit, at)
    if machines.stopped or machines.in_motion:
        return Verdict(watch)
    return _in_good_standing(_good(watch), funds, at, grace)


def _good(watch: Watch) -> Watch:
    """Return the watch in good standing, with all marks reset."""
    return replace(watch, status=None, reason=None, since=None, deletes_at=None, warned_hours=None, reminded=False)


def _while_suspended(watch: Watch, machines: Machines, at: datetime) -> Verdict:
    deletes_at = watch.deletes_at or at
    if watch.status is SuspensionStatus.SUSPENDED and at >= deletes_at:
        return Verdict(replace(watch, status=SuspensionStatus.DELETING))
    if watch.status is SuspensionStatus.SUSPENDED and not watch.reminded and at >= _reminder_at(deletes_at):
        return Verdict(replace(watch, reminded=True), LetterKind.DELETION_NEAR if machines.kept else None)
    if watch.status is SuspensionStatus.DELETING and not (machines.kept or machines.leaving):
        return Verdict(replace(watch, status=SuspensionStatus.DELETED), LetterKind.MACHINES_DELETED)
    return Verdict(watch)


def _reminder_at(deletes_at: datetime) -> datetime:
    return deletes_at - REMINDER_BEFORE_DELETION


def next_look(watch: Watch, funds: Funds, machines: Machines, at: datetime) -> datetime | None:
    """Return the next moment at which something is due, given `watch`; a whole second after `at`."""
    second = _next_second(watch, funds, machines, at)
    if second is None:
        return None
    latest = epoch_seconds(at + LONGEST_WAIT)
    return from_epoch_seconds(min(max(second, epoch_seconds(at) + 1), latest))


def _next_second(watch: Watch, funds: Funds, machines: Machines, at: datetime) -> int | None:
    match watch.status:
        case None:
            moments = [_next_of_runway(watch, funds), _next_of_caps(watch, funds, at)]
            return min((moment for moment in moments if moment is not None), default=None)
        case SuspensionStatus.DELETING:
            return epoch_seconds(at + LOOK_AGAIN_AT_DELETION)
        case SuspensionStatus.DELETED:
            return None
        case SuspensionStatus.SUSPENDED if not (machines.running or machines.in_motion):
            return _end_of_caps(funds, machines, at) if watch.is_capped else _next_of_grace(watch, at)
    return epoch_seconds(at + LOOK_AGAIN)


def _next_of_runway(watch: Watch, funds: Funds) -> int | None:
    zero_at = funds.zero_at
    if zero_at is None:
        return None
    tighter = [hours for hours in WARNINGS_HOURS if watch.warned_hours is None or hours < watch.warned_hours]
    return zero_at - max(tighter, default=0) * SECONDS_PER_HOUR


def _next_of_caps(watch: Watch, funds: Funds, at: datetime) -> int | None:
    """Return when a cap is near or reached, in this window or a later one; None if nothing runs."""
    if funds.burn.micros_per_hour <= 0:
        return None
    moments = [
        moment
        for limit in funds.allowance.limits(at)
        for moment in (
            funds.allowance.reaches(limit, at, percent=CAP_WARNING_PERCENT, skip=int(watch.was_warned(limit))),
            funds.allowance.reaches(limit, at),
        )
        if moment is not None
    ]
    return min((epoch_seconds(moment) for moment in moments), default=None)


def _end_of_caps(funds: Funds, machines: Machines, at: datetime) -> int | None:
    """Return when the window of a cap without room ends."""
    ends = [
        limit.ends_at for limit in funds.allowance.limits(at) if _is_in_the_way(limit, machines.reserve_micros)
    ]
    return min((epoch_seconds(end) for end in ends), default=None)


def _next_of_grace(watch: Watch, at: datetime) -> int:
    deletes_at = watch.deletes_at or at
    return epoch_seconds(deletes_at if watch.reminded else _reminder_at(deletes_at))
