"""Suspends and resumes deployments: switches machines off when the balance or a spend cap is used up, and on
again.

Both are operations under a lease, driven by the state machine `deployment_power`.
"""

from datetime import timedelta

from chalicelib.domain.cloud.deployments.charging import end_billing, next_meter, reserve_micros
from chalicelib.domain.cloud.deployments.models import (
    CHECK_INTERVAL,
    OVERRUN_CHARGED,
    POWER_STUCK_AFTER,
    Deployment,
    DeploymentStatus,
    OperationStatus,
    OperationType,
    Ticket,
)
from chalicelib.domain.cloud.deployments.ports import DEPLOYMENT_UNCHANGED, DeploymentRecords
from chalicelib.domain.cloud.deployments.steps import Leases, Step, begin
from chalicelib.domain.cloud.lifecycle.service import Progress
from chalicelib.domain.cloud.providers.errors import ProviderDenied, ProviderError
from chalicelib.domain.cloud.providers.models import Power
from chalicelib.domain.cloud.providers.ports import Providers, SupportsPowerActions
from chalicelib.domain.foundation.notifications.ports import StaffAlerts
from chalicelib.domain.money.ledger.models import HoldPurpose
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.metering.ports import METER_UNCHANGED
from chalicelib.domain.money.metering.service import Metering
from chalicelib.kernel.clock import Clock, epoch_seconds
from chalicelib.kernel.transactions import Transactor, with_fresh_reads

_STALE = frozenset({ACCOUNT_UNCHANGED, DEPLOYMENT_UNCHANGED, METER_UNCHANGED})
_MIN_WAIT_SECONDS = 2
_MAX_WAIT_SECONDS = 60


class PowerSwitch:
    """Starts suspensions and resumptions, and does their work. Every method may be repeated at any point."""

    def __init__(
        self,
        records: DeploymentRecords,
        providers: Providers,
        ledger: Ledger,
        metering: Metering,
        alerts: StaffAlerts,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._leases = Leases(records, clock)
        self._providers = providers
        self._ledger = ledger
        self._metering = metering
        self._alerts = alerts
        self._transactor = transactor
        self._clock = clock

    def suspend(self, customer_id: str, deployment_id: str, because: str = "Your balance is used up") -> bool:
        """Start to suspend an ACTIVE machine, unless an operation is changing it; return whether it was
        started.
        """

        def beginning() -> bool:
            step = self._beginning(customer_id, deployment_id, OperationType.SUSPEND, DeploymentStatus.ACTIVE)
            if step is None:
                return False
            step.tell("suspending", f"{because}; your machine is being switched off.")
            step.commit(self._transactor)
            return True

        return with_fresh_reads(beginning, stale=_STALE)

    def resume(self, customer_id: str, deployment_id: str, because: str = "Thank you for your payment") -> bool:
        """Hold the reserve of a SUSPENDED machine and start to resume it; return whether it was started.

        Raises:
            InsufficientBalance: the balance does not cover the reserve.
        """

        def beginning() -> bool:
            step = self._beginning(customer_id, deployment_id, OperationType.RESUME, DeploymentStatus.SUSPENDED)
            if step is None:
                return False
            change = self._ledger.change(customer_id, step.at)
            change.place_hold(deployment_id, self.reserve(step.deployment), HoldPurpose.RUNNING)
            step.change(status=DeploymentStatus.RESUMING)
            step.tell("resuming", f"{because}; your machine is being switched on.")
            step.add(change.writes())
            step.commit(self._transactor)
            return True

        return with_fresh_reads(beginning, stale=_STALE)

    def reserve(self, deployment: Deployment) -> int:
        """Return the micro-dollars to hold when `deployment` is switched on, at the price in force now."""
        return reserve_micros(self._metering.price(deployment.price_parts, deployment.price_micros_per_hour))

    def _beginning(
        self, customer_id: str, deployment_id: str, type_: OperationType, from_: DeploymentStatus
    ) -> Step | None:
        deployment = self._records.deployment(customer_id, deployment_id)
        if deployment is None or deployment.status is not from_ or deployment.operation_id is not None:
            return None
        return begin(deployment, type_, self._clock.now(), POWER_STUCK_AFTER, self._records)

    def drive(self, ticket: Ticket) -> Progress:
        """Do the operation's next step; the result is `done` only when the provider reports the machine as off, or
        on.

        Raises:
            LeaseLost: another operation, such as a deletion, has taken over the deployment.
            ProviderError: try again later.
        """
        step = self._leases.step(ticket)
        if step.operation.status.is_final:
            return Progress("done")
        suspending = step.operation.type is OperationType.SUSPEND
        ref = step.deployment.ref
        try:
            provider = self._switchable(step)
            power = provider.power(ref)
        except ProviderError as error:
            self._note_delay(step, str(error))
            step.commit(self._transactor)
            raise
        if suspending and power in {Power.OFF, Power.GONE}:
            return with_fresh_reads(lambda: self._suspended(ticket), stale=_STALE)
        if power is Power.ON and not suspending:
            return with_fresh_reads(lambda: self._resumed(ticket), stale=_STALE)
        self._note_delay(step, f"it is {power}")
        progress = Progress("switching", _wait_seconds(step))
        check_at = step.at + timedelta(seconds=progress.wait_seconds) + CHECK_INTERVAL
        step.change_operation(status=OperationStatus.RUNNING, check_at=check_at)
        step.commit(self._transactor)
        if power is Power.ON:
            provider.stop(ref)
        elif power is Power.OFF:
            provider.start(ref)
        return progress

    def _switchable(self, step: Step) -> SupportsPowerActions:
        provider = self._providers(step.deployment.provider)
        if not isinstance(provider, SupportsPowerActions):
            raise ProviderDenied(f"provider {step.deployment.provider} cannot switch machines off and on")
        return provider

    def _note_delay(self, step: Step, why: str) -> None:
        """After the deadline, alert staff once a day; the attempts continue."""
        if step.at < step.operation.deadline_at:
            return
        step.change_operation(deadline_at=step.at + timedelta(days=1))
        self._alerts.send(f"{step.deployment.id} cannot be switched ({step.operation.type})", why)

    def _suspended(self, ticket: Ticket) -> Progress:
        """Record that the machine is off and close the meter, at the end of the charged overrun at the latest."""
        step = self._leases.step(ticket)
        if step.operation.status.is_final:
            return Progress("done")
        until = min(step.at, step.operation.created_at + OVERRUN_CHARGED)
        step.change(status=DeploymentStatus.SUSPENDED)
        step.tell("suspended", "Your machine is switched off and not charged. Its disk is kept for a while.")
        step.end_operation(OperationStatus.SUCCEEDED)
        step.add(end_billing(self._ledger, self._metering, step.deployment, step.at, epoch_seconds(until)))
        step.commit(self._transactor)
        return Progress("done")

    def _resumed(self, ticket: Ticket) -> Progress:
        """Record that the machine is on and open a new meter, in one transaction."""
        step = self._leases.step(ticket)
        if step.operation.status.is_final:
            return Progress("done")
        change = self._ledger.change(step.deployment.customer_id, step.at)
        meter = next_meter(self._metering, step.deployment, step.at)
        opening = self._metering.open(change, meter)
        step.change(status=DeploymentStatus.ACTIVE, price_micros_per_hour=meter.price_micros_per_hour)
        step.tell("resumed", "Your machine is running again.")
        step.end_operation(OperationStatus.SUCCEEDED)
        step.add([*opening, *change.writes()])
        step.commit(self._transactor)
        return Progress("done")


def _wait_seconds(step: Step) -> int:
    """Return the wait before the next look: short at first, longer later."""
    age_seconds = (step.at - step.operation.created_at) // timedelta(seconds=1)
    return min(max(_MIN_WAIT_SECONDS, age_seconds // 4), _MAX_WAIT_SECONDS)
