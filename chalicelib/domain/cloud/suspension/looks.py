"""Looks at a customer: judges its money and machines, and stores the verdict.

A look decides from stored data only, and writes the decision and its letter in one transaction.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.domain.cloud.deployments.models import Deployment, DeploymentStatus, DesiredState
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.cloud.suspension.models import (
    Funds,
    Machines,
    Verdict,
    Watch,
    judge,
    next_look,
)
from chalicelib.domain.cloud.suspension.ports import (
    WATCH_UNCHANGED,
    Power,
    WatchRecords,
)
from chalicelib.domain.cloud.suspension.words import (
    activity_of,
    letter_values,
)
from chalicelib.domain.foundation.activity.ports import ActivityWrites
from chalicelib.domain.money.ledger.models import frozen_micros
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.domain.money.spending.ports import CapRecords
from chalicelib.domain.people.correspondence.ports import CustomerMail
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.transactions import Transactor, Write, with_fresh_reads

_LEAVING = frozenset({DeploymentStatus.DELETING, DeploymentStatus.DELETE_STUCK})


@dataclass(frozen=True)
class LookResult:
    """The result of a look: the watch before and after."""

    before: Watch
    watch: Watch
    machines: Machines


class Circumstances:
    """The data for a verdict: a customer's money, and its machines."""

    def __init__(
        self, books: LedgerRecords, caps: CapRecords, deployments: DeploymentRecords, power: Power
    ) -> None:
        self._books = books
        self._caps = caps
        self._deployments = deployments
        self._power = power

    def funds(self, customer_id: str) -> Funds | None:
        """Return the customer's money and what its caps leave of it; None if it has no account."""
        account = self._books.account(customer_id)
        if account is None:
            return None
        frozen = frozen_micros(self._books.holds(customer_id))
        return Funds.of(account, frozen, self._caps.caps(customer_id))

    def machines(self, customer_id: str) -> Machines:
        """Return the customer's machines, grouped by their role in a suspension."""
        return _sorted(self._deployments.all_deployments(customer_id), self._power.reserve)


class Notices:
    """Notifies a customer of a verdict."""

    def __init__(self, mail: CustomerMail, activity: ActivityWrites) -> None:
        self._mail = mail
        self._activity = activity

    def of(self, before: Watch, after: Watch, verdict: Verdict, funds: Funds, at: datetime) -> Sequence[Write]:
        """Return the letter and the activity that describe the verdict; none if nothing changed for the
        customer.
        """
        writes: list[Write] = []
        if activity := activity_of(before, after, at):
            writes.append(self._activity.insert(activity))
        if verdict.letter is not None:
            values = letter_values(after, verdict, funds, at)
            writes += self._mail.to_customer(after.customer_id, verdict.letter, values, at)
        return writes


class Looks:
    """Judges customers, and stores the verdicts."""

    def __init__(
        self,
        watches: WatchRecords,
        circumstances: Circumstances,
        notices: Notices,
        transactor: Transactor,
        clock: Clock,
        grace: timedelta,
    ) -> None:
        self._watches = watches
        self._circumstances = circumstances
        self._notices = notices
        self._transactor = transactor
        self._clock = clock
        self._grace = grace

    def look(
        self,
        customer_id: str,
        wait: Callable[[Watch, datetime | None, datetime], Watch],
        number: int | None = None,
    ) -> LookResult | None:
        """Judge the customer now and store the verdict; None if there is no such account, or `number` is
        outdated.
        """

        def look() -> LookResult | None:
            at = self._clock.now()
            before = self._watches.watch(customer_id) or Watch(customer_id)
            funds = self._circumstances.funds(customer_id)
            if funds is None or (number is not None and before.number != number):
                return None
            machines = Machines()
            if before.status is not None or funds.is_used_up(at) or funds.cap_to_stop_at(at):
                machines = self._circumstances.machines(customer_id)
            verdict = judge(before, funds, machines, at, self._grace)
            after = wait(verdict.watch, next_look(verdict.watch, funds, machines, at), at)
            if after != before:
                after = replace(after, version=before.version + 1)
                told = self._notices.of(before, after, verdict, funds, at)
                self._transactor.commit([self._watches.replace_watch(before, after), *told])
            return LookResult(before, after, machines)

        return with_fresh_reads(look, stale=frozenset({WATCH_UNCHANGED}))


def _sorted(deployments: Iterable[Deployment], reserve_of: Callable[[Deployment], int]) -> Machines:
    """Return the customer's machines, grouped by their role in a suspension."""
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
