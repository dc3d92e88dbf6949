"""A customer's watch: what was told, whether they are suspended, and when to look again.

Zero is not searched for. An account's two figures of burn say at which second it is reached, and until something
changes the account, that second stays the same. So it is with the second at which a spend cap is reached.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.money.ledger.models import SECONDS_PER_HOUR, Account, Burn, Period
from chalicelib.domain.money.spending.models import NO_CAPS, UNLIMITED, Allowance, Caps, Limit
from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds

WARNINGS_HOURS = (24, 6, 1)
"""Hours of runway at which the customer is warned, widest first."""
CAP_WARNING_PERCENT = 80
"""How much of a spend cap is spent when the customer is warned."""
REMINDER_BEFORE_DELETION = timedelta(hours=24)
LOOK_AGAIN = timedelta(seconds=15)
"""While machines are being switched."""
LOOK_AGAIN_AT_DELETION = timedelta(minutes=5)
LONGEST_WAIT = timedelta(days=30)
LOOKS_OF_AN_EXECUTION = 10
"""Then another takes its place: one may live for a year, and have 25,000 events."""


class SuspensionReason(StrEnum):
    """Why machines are off. Where both hold, it is the balance."""

    BALANCE = "BALANCE"
    """The money has run out: what is not paid for is deleted in the end."""
    SPEND_CAP = "SPEND_CAP"
    """The customer's own cap is reached: machines wait for its window to end, or for another cap."""


class SuspensionStatus(StrEnum):
    """How far a suspension has gone."""

    SUSPENDED = "SUSPENDED"
    DELETING = "DELETING"
    """The grace period is over."""
    DELETED = "DELETED"
    """None of the machines is left."""
    RESUMING = "RESUMING"
    """Money has come, or a cap leaves room; machines are being switched on."""


@dataclass(frozen=True)
class Watch:
    """What is known of one customer. `number` names the execution that waits; an older one ends when it wakes."""

    customer_id: str
    number: int = 0
    status: SuspensionStatus | None = None
    """None in good standing."""
    reason: SuspensionReason | None = None
    since: datetime | None = None
    deletes_at: datetime | None = None
    """None where nothing is to be deleted."""
    warned_hours: int | None = None
    """The tightest warning that was given for the present runway."""
    warned_day: int = 0
    """The day (its first second since 1970) in which the customer was last told that the daily cap is near."""
    warned_month: int = 0
    """The same for the monthly cap."""
    reminded: bool = False
    """Whether the deletion was announced."""
    wakes_at: datetime | None = None
    """When the execution looks next; None where nothing is to come by itself."""
    looks: int = 0
    """How often that execution has looked."""
    version: int = 0

    @property
    def is_for_a_cap(self) -> bool:
        """Whether a spend cap is, or until now was, what keeps machines off."""
        return self.reason is SuspensionReason.SPEND_CAP

    @property
    def is_capped(self) -> bool:
        """Whether a spend cap is what keeps machines off."""
        return self.status is SuspensionStatus.SUSPENDED and self.is_for_a_cap

    def was_warned(self, limit: Limit) -> bool:
        """Whether the customer knows that this cap is near, in this window."""
        warned = self.warned_day if limit.period is Period.DAY else self.warned_month
        return warned == epoch_seconds(limit.starts_at)

    def warned_of(self, limit: Limit, *, told: bool = True) -> "Watch":
        """The same, with the warning given, or forgotten."""
        start = epoch_seconds(limit.starts_at) if told else 0
        return replace(self, warned_day=start) if limit.period is Period.DAY else replace(self, warned_month=start)


@dataclass(frozen=True)
class Funds:
    """What running machines can still use, and what new things can."""

    burn: Burn
    spendable_micros: int
    """Posted, less what is frozen for disputes and refunds; the reserves of running machines are theirs to use."""
    available_micros: int
    """Posted, less all holds."""
    allowance: Allowance = UNLIMITED
    """What spend caps leave."""

    @classmethod
    def of(cls, account: Account, frozen_micros: int, caps: Caps = NO_CAPS) -> "Funds":
        """The funds of `account`, of which `frozen_micros` are not the customer's to use, under `caps`."""
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
        """Whether machines run, and there is nothing left for them."""
        zero_at = self.zero_at
        return zero_at is not None and zero_at <= epoch_seconds(at)

    def is_empty(self, at: datetime) -> bool:
        """Whether there is nothing left, be there machines that run or not."""
        return self.spendable_micros - self.burn.unposted_micros(at) <= 0

    def cap_to_stop_at(self, at: datetime) -> Limit | None:
        """The cap that is reached while machines run."""
        return self.allowance.reached(at) if self.burn.micros_per_hour > 0 else None

    def cap_in_the_way(self, reserve_micros: int, at: datetime) -> Limit | None:
        """The cap that leaves no room for `reserve_micros`, for longest; None where all do."""
        in_the_way = [limit for limit in self.allowance.limits(at) if _is_in_the_way(limit, reserve_micros)]
        return max(in_the_way, key=lambda limit: limit.ends_at, default=None)

    def covers(self, reserve_micros: int, at: datetime) -> bool:
        """Whether there is something, and at least `reserve_micros`, to be set aside at `at`."""
        return self.available_micros - self.burn.unposted_micros(at) >= max(1, reserve_micros)


def _is_in_the_way(limit: Limit, reserve_micros: int) -> bool:
    """Whether a cap leaves no room for a reserve; one that is not touched yet has room for any, but for zero."""
    return limit.is_reached or limit.left_micros < min(reserve_micros, limit.cap_micros)


@dataclass(frozen=True)
class Machines:
    """A customer's machines at one moment, as far as a suspension is concerned with them."""

    running: tuple[str, ...] = ()
    """To be switched off where money has run out."""
    stopped: tuple[str, ...] = ()
    """To be switched on when there is money."""
    reserve_micros: int = 0
    """What must be set aside for all of `stopped`."""
    in_motion: int = 0
    """Being built, or switched."""
    kept: tuple[str, ...] = ()
    """All whose deletion was not asked for; including the others above."""
    leaving: int = 0
    """Being deleted."""


@dataclass(frozen=True)
class Verdict:
    """What a look at a customer has come to."""

    watch: Watch
    letter: LetterKind | None = None
    limit: Limit | None = None
    """The cap that the letter is about."""


def judge(watch: Watch, funds: Funds, machines: Machines, at: datetime, grace: timedelta) -> Verdict:
    """What changes for the customer at `at`: nothing but `watch` and the clock is remembered between looks."""
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
    """In good standing at once, where there is nothing to be switched on."""
    if machines.stopped or machines.in_motion:
        return replace(watch, status=SuspensionStatus.RESUMING)
    return _good(watch)


def _capped(watch: Watch, limit: Limit, at: datetime) -> Verdict:
    """Off until there is room again: nothing of it is ever deleted for that."""
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
    """One warning for each window of a cap; forgotten where the cap was raised so far that it is not near now."""
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
        reminded=grace <= REMINDER_BEFORE_DELETION,  # the first letter has said so already
    )
    return Verdict(suspended, LetterKind.SUSPENDED)


def _warned(watch: Watch, funds: Funds, at: datetime) -> Verdict:
    """The tightest warning that the runway calls for; it is forgotten once the runway is a tenth longer again."""
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
    """In good standing again, as if nothing had ever been."""
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
    """The next moment that matters by itself, given that `watch` is what holds now; a whole second, after `at`."""
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
    """When a cap is near, or reached, in this window or one of the next; nothing comes where nothing runs."""
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
    """When the window of a cap that is in the way ends."""
    ends = [
        limit.ends_at for limit in funds.allowance.limits(at) if _is_in_the_way(limit, machines.reserve_micros)
    ]
    return min((epoch_seconds(end) for end in ends), default=None)


def _next_of_grace(watch: Watch, at: datetime) -> int:
    deletes_at = watch.deletes_at or at
    return epoch_seconds(deletes_at if watch.reminded else _reminder_at(deletes_at))
