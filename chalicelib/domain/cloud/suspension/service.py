"""Watching balances, and what spend caps leave of them.

A look at a customer decides from the records alone, writes what it decided (with the letter that tells of it) in
one transaction, and then does what follows from the state that holds now. So it may be repeated, interrupted or
doubled at any point: the next look finds what is left to do.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain.cloud.deployments.models import Deployment, DeploymentStatus, DesiredState
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.cloud.suspension.models import (
    LOOKS_OF_AN_EXECUTION,
    Funds,
    Machines,
    SuspensionReason,
    SuspensionStatus,
    Watch,
    judge,
    next_look,
)
from chalicelib.domain.cloud.suspension.ports import (
    WATCH_SHARDS,
    WATCH_UNCHANGED,
    Deletion,
    Power,
    WatchExecutions,
    WatchRecords,
)
from chalicelib.domain.cloud.suspension.words import (
    SWITCHED_OFF_BECAUSE,
    SWITCHED_ON_BECAUSE,
    activity_of,
    letter_values,
)
from chalicelib.domain.foundation.activity.ports import ActivityWrites
from chalicelib.domain.money.ledger.models import frozen_micros
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.domain.money.spending.ports import CapRecords
from chalicelib.domain.people.correspondence.ports import CustomerMail
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import InsufficientBalance
from chalicelib.kernel.transactions import Transactor, with_fresh_reads

_SAME_MOMENT = timedelta(seconds=2)
"""Rounding moves zero by a second when usage is posted; an execution is replaced only for more."""
_LOOK_AHEAD = timedelta(seconds=60)
"""The schedule's own interval: what is due before it runs again must have an execution by then."""
_LEAVING = frozenset({DeploymentStatus.DELETING, DeploymentStatus.DELETE_STUCK})


@dataclass(frozen=True)
class Looked:
    """What a look has come to: the watch as it is now, and what it was."""

    before: Watch
    watch: Watch
    machines: Machines


class Suspensions:
    """What others may know of a customer's standing."""

    def __init__(self, watches: WatchRecords) -> None:
        self._watches = watches

    def of(self, customer_id: str) -> Watch | None:
        """The customer's suspension; None in good standing."""
        watch = self._watches.watch(customer_id)
        return watch if watch is not None and watch.status is not None else None

    def is_suspended(self, customer_id: str) -> bool:
        """Whether the customer's money has run out; a spend cap says itself what it leaves room for."""
        watch = self.of(customer_id)
        return watch is not None and not watch.is_for_a_cap


class BalanceWatch:
    """Looks at customers when something changed, when an execution wakes, and where either was lost."""

    def __init__(  # noqa: PLR0913 (its collaborators)
        self,
        watches: WatchRecords,
        executions: WatchExecutions,
        books: LedgerRecords,
        caps: CapRecords,
        deployments: DeploymentRecords,
        power: Power,
        deletion: Deletion,
        mail: CustomerMail,
        activity: ActivityWrites,
        transactor: Transactor,
        clock: Clock,
        grace: timedelta,
    ) -> None:
        self._watches = watches
        self._executions = executions
        self._books = books
        self._caps = caps
        self._deployments = deployments
        self._power = power
        self._deletion = deletion
        self._mail = mail
        self._activity = activity
        self._transactor = transactor
        self._clock = clock
        self._grace = grace

    def follow(self, customer_id: str) -> None:
        """Look at a customer whose account has changed; the next moment gets an execution that waits for it."""
        looked = self._look(customer_id, self._renumbered)
        if looked is not None:
            self._go_on(looked)

    def wake(self, customer_id: str, number: int) -> datetime | None:
        """Look at a customer because execution `number` has woken; until when it waits now, None where it ends."""
        looked = self._look(customer_id, self._continued, number)
        if looked is None:
            return None
        self._go_on(looked)
        return looked.watch.wakes_at if looked.watch.number == number else None

    def reconcile(self) -> dict[str, int]:
        """Look at all whose moment has come, whatever became of executions; see that the next have one."""
        now = self._clock.now()
        looked_at = 0
        troubles: list[Exception] = []
        for shard in range(WATCH_SHARDS):
            for watch in self._watches.due(shard, now + _LOOK_AHEAD):
                is_due = watch.wakes_at is not None and watch.wakes_at <= now
                job: Callable[[], None] = (
                    partial(self.follow, watch.customer_id)
                    if is_due
                    else partial(self._executions.start_watch, watch)
                )
                try:
                    job()
                except Exception as trouble:
                    troubles.append(trouble)
                looked_at += is_due
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} customers could not be looked at", troubles)
        return {"looked_at": looked_at}

    def _look(
        self,
        customer_id: str,
        wait: Callable[[Watch, datetime | None, datetime], Watch],
        number: int | None = None,
    ) -> Looked | None:
        """Judge the customer as of now, and keep the verdict; None where there is nobody, or `number` is old."""

        def look() -> Looked | None:
            at = self._clock.now()
            before = self._watches.watch(customer_id) or Watch(customer_id)
            account = self._books.account(customer_id)
            if account is None or (number is not None and before.number != number):
                return None
            frozen = frozen_micros(self._books.holds(customer_id))
            funds = Funds.of(account, frozen, self._caps.caps(customer_id))
            machines = Machines()
            if before.status is not None or funds.is_used_up(at) or funds.cap_to_stop_at(at):
                machines = _sorted(self._deployments.all_deployments(customer_id), self._power.reserve)
            verdict = judge(before, funds, machines, at, self._grace)
            after = wait(verdict.watch, next_look(verdict.watch, funds, machines, at), at)
            if after != before:
                after = replace(after, version=before.version + 1)
                writes = [self._watches.replace_watch(before, after)]
                if activity := activity_of(before, after, at):
                    writes.append(self._activity.insert(activity))
                if verdict.letter is not None:
                    values = letter_values(after, verdict, funds, at)
                    writes += self._mail.to_customer(customer_id, verdict.letter, values, at)
                self._transactor.commit(writes)
            return Looked(before, after, machines)

        return with_fresh_reads(look, stale=frozenset({WATCH_UNCHANGED}))

    @staticmethod
    def _continued(watch: Watch, moment: datetime | None, at: datetime) -> Watch:
        """The execution that has woken goes on to wait for the next moment, or another does in its place."""
        looks = watch.looks + 1
        if moment is not None and looks >= LOOKS_OF_AN_EXECUTION:
            return replace(watch, number=watch.number + 1, wakes_at=moment, looks=0)
        return replace(watch, wakes_at=moment, looks=looks)

    @staticmethod
    def _renumbered(watch: Watch, moment: datetime | None, at: datetime) -> Watch:
        """Another execution waits, where none does or the one that does would wake too late."""
        waits_until = watch.wakes_at
        if waits_until is not None and at < waits_until <= (moment or waits_until) + _SAME_MOMENT:
            return watch
        if moment is None:
            return replace(watch, wakes_at=None)
        return replace(watch, number=watch.number + 1, wakes_at=moment, looks=0)

    def _go_on(self, looked: Looked) -> None:
        """Let an execution wait where there is a new one, and act."""
        if looked.watch.number != looked.before.number:
            self._executions.start_watch(looked.watch)
        self._act(looked)

    def _act(self, looked: Looked) -> None:
        """Begin what follows from the state that holds; one machine's trouble does not keep the others.

        Raises:
            ExceptionGroup: what could not be begun.
        """
        troubles: list[Exception] = []
        begin, machines = self._work(looked)
        for deployment_id in machines:
            try:
                begin(looked.watch.customer_id, deployment_id)
            except InsufficientBalance:
                break  # the next look finds that there is not enough
            except Exception as trouble:
                troubles.append(trouble)
        if troubles:
            raise ExceptionGroup(f"{looked.watch.customer_id} could not be dealt with", troubles)

    def _work(self, looked: Looked) -> tuple[Callable[[str, str], object], Sequence[str]]:
        reason = looked.watch.reason or SuspensionReason.BALANCE
        match looked.watch.status:
            case SuspensionStatus.SUSPENDED:
                return partial(self._power.suspend, because=SWITCHED_OFF_BECAUSE[reason]), looked.machines.running
            case SuspensionStatus.RESUMING:
                return partial(self._power.resume, because=SWITCHED_ON_BECAUSE[reason]), looked.machines.stopped
            case SuspensionStatus.DELETING:
                return self._deletion.delete_unpaid, looked.machines.kept
        return self._deletion.delete_unpaid, ()


def _sorted(deployments: Iterable[Deployment], reserve_of: Callable[[Deployment], int]) -> Machines:
    """The customer's machines by what a suspension has to do with them."""
    running: list[str] = []
    stopped: list[Deployment] = []
    kept: list[str] = []
    in_motion = leaving = 0
    for deployment in deployments:
        if deployment.desired is DesiredState.ABSENT:
            leaving += deployment.status in _LEAVING
            continue
        kept.append(deployment.id)
        if deployment.operation_id is not None:
            in_motion += 1
        elif deployment.status is DeploymentStatus.ACTIVE:
            running.append(deployment.id)
        elif deployment.status is DeploymentStatus.SUSPENDED:
            stopped.append(deployment)
    reserve = sum(reserve_of(deployment) for deployment in stopped)
    names = tuple(deployment.id for deployment in stopped)
    return Machines(tuple(running), names, reserve, in_motion, tuple(kept), leaving)
