"""A customer's watch: what was told, whether they are suspended, and when to look again.

Zero is not searched for. An account's two figures of burn say at which second it is reached, and until something
changes the account, that second stays the same.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.identity.models import LetterKind
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds
from chalicelib.ledger.models import SECONDS_PER_HOUR, Account, Burn

WARNINGS_HOURS = (24, 6, 1)
"""Hours of runway at which the customer is warned, widest first."""
REMINDER_BEFORE_DELETION = timedelta(hours=24)
LOOK_AGAIN = timedelta(seconds=15)
"""While machines are being switched."""
LOOK_AGAIN_AT_DELETION = timedelta(minutes=5)
LONGEST_WAIT = timedelta(days=30)
LOOKS_OF_AN_EXECUTION = 10
"""Then another takes its place: one may live for a year, and have 25,000 events."""


class SuspensionStatus(StrEnum):
    """How far a suspension has gone."""

    SUSPENDED = "SUSPENDED"
    DELETING = "DELETING"
    """The grace period is over."""
    DELETED = "DELETED"
    """None of the machines is left."""
    RESUMING = "RESUMING"
    """Money has come; machines are being switched on."""


@dataclass(frozen=True)
class Watch:
    """What is known of one customer. `number` names the execution that waits; an older one ends when it wakes."""

    customer_id: str
    number: int = 0
    status: SuspensionStatus | None = None
    """None in good standing."""
    since: datetime | None = None
    deletes_at: datetime | None = None
    warned_hours: int | None = None
    """The tightest warning that was given for the present runway."""
    reminded: bool = False
    """Whether the deletion was announced."""
    wakes_at: datetime | None = None
    """When the execution looks next; None where nothing is to come by itself."""
    looks: int = 0
    """How often that execution has looked."""
    version: int = 0


@dataclass(frozen=True)
class Funds:
    """What running machines can still use, and what new things can."""

    burn: Burn
    spendable_micros: int
    """Posted, less what is frozen for disputes and refunds; the reserves of running machines are theirs to use."""
    available_micros: int
    """Posted, less all holds."""

    @classmethod
    def of(cls, account: Account, frozen_micros: int) -> "Funds":
        """The funds of `account`, of which `frozen_micros` are not the customer's to use."""
        return cls(account.burn, account.posted_micros - frozen_micros, account.available_micros)

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

    def covers(self, reserve_micros: int, at: datetime) -> bool:
        """Whether there is something, and at least `reserve_micros`, to be set aside at `at`."""
        return self.available_micros - self.burn.unposted_micros(at) >= max(1, reserve_micros)


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


def judge(watch: Watch, funds: Funds, machines: Machines, at: datetime, grace: timedelta) -> Verdict:
    """What changes for the customer at `at`: nothing but `watch` and the clock is remembered between looks."""
    match watch.status:
        case None:
            return _suspended(watch, at, grace) if funds.is_used_up(at) else _warned(watch, funds, at)
        case SuspensionStatus.RESUMING:
            return _while_resuming(watch, funds, machines, at, grace)
        case _ if funds.covers(machines.reserve_micros, at):
            resuming = replace(watch, status=SuspensionStatus.RESUMING)
            nothing_to_do = not (machines.stopped or machines.in_motion)
            return Verdict(_good(watch) if nothing_to_do else resuming, LetterKind.RESUMED)
    return _while_suspended(watch, machines, at)


def _suspended(watch: Watch, at: datetime, grace: timedelta) -> Verdict:
    suspended = replace(
        _good(watch),
        status=SuspensionStatus.SUSPENDED,
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
    if machines.stopped or machines.in_motion:
        return Verdict(watch)
    return _warned(_good(watch), funds, at)


def _good(watch: Watch) -> Watch:
    """In good standing again, as if nothing had ever been."""
    return replace(watch, status=None, since=None, deletes_at=None, warned_hours=None, reminded=False)


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
            return _next_of_runway(watch, funds)
        case SuspensionStatus.DELETING:
            return epoch_seconds(at + LOOK_AGAIN_AT_DELETION)
        case SuspensionStatus.DELETED:
            return None
        case SuspensionStatus.SUSPENDED if not (machines.running or machines.in_motion):
            return _next_of_grace(watch, at)
    return epoch_seconds(at + LOOK_AGAIN)


def _next_of_runway(watch: Watch, funds: Funds) -> int | None:
    zero_at = funds.zero_at
    if zero_at is None:
        return None
    tighter = [hours for hours in WARNINGS_HOURS if watch.warned_hours is None or hours < watch.warned_hours]
    return zero_at - max(tighter, default=0) * SECONDS_PER_HOUR


def _next_of_grace(watch: Watch, at: datetime) -> int:
    deletes_at = watch.deletes_at or at
    return epoch_seconds(deletes_at if watch.reminded else _reminder_at(deletes_at))
