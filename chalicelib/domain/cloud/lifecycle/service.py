"""The tasks of the state machines: building a machine, and removing it.

Every method may be repeated after it took effect, wholly or partly, and may run while another run is still under
way: it checks what is done and does the rest. None waits: each returns its result, and how long to wait before the
next call.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from chalicelib.domain.cloud.deployments.charging import next_meter, reserve_micros
from chalicelib.domain.cloud.deployments.models import (
    CHECK_INTERVAL,
    CREATE_SETTLE,
    DELETE_STUCK_AFTER,
    DeploymentStatus,
    DesiredState,
    Failure,
    OperationStatus,
    OperationType,
    Ticket,
)
from chalicelib.domain.cloud.deployments.ports import DEPLOYMENT_UNCHANGED
from chalicelib.domain.cloud.deployments.steps import Leases, Step
from chalicelib.domain.cloud.lifecycle.words import failure_sentence, resource_sentence
from chalicelib.domain.cloud.providers.errors import ProviderError, ProviderThrottled, ProviderUnreachable
from chalicelib.domain.cloud.providers.models import FailureCode, Machine, MachineEvent, MachineState
from chalicelib.domain.cloud.providers.ports import Providers, SupportsUnblocking
from chalicelib.domain.foundation.notifications.ports import StaffAlerts
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.metering.service import Metering
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.transactions import Transactor, with_fresh_reads

_STALE = frozenset({DEPLOYMENT_UNCHANGED, ACCOUNT_UNCHANGED})
_EVENTS_PER_STEP = 40
_MIN_WAIT_SECONDS = 2
_MAX_BUILD_WAIT_SECONDS = 20
_MAX_REMOVE_WAIT_SECONDS = 300


@dataclass(frozen=True)
class Progress:
    """The result of a task; `failure_code` and `provider_reason` are set for `failed`."""

    outcome: str
    wait_seconds: int = 0
    failure_code: str = ""
    provider_reason: str = ""


class Lifecycle:
    """Drives one deployment, for the holder of its ticket.

    Every method raises `LeaseLost` if another operation has taken over the deployment, and `ProviderError`s that
    are worth another try.
    """

    def __init__(
        self,
        leases: Leases,
        providers: Providers,
        ledger: Ledger,
        metering: Metering,
        alerts: StaffAlerts,
        transactor: Transactor,
    ) -> None:
        self._leases = leases
        self._providers = providers
        self._ledger = ledger
        self._metering = metering
        self._alerts = alerts
        self._transactor = transactor

    def create_machine(self, ticket: Ticket) -> Progress:
        """Ask the provider to build the machine, or find the one that an earlier call built (G20)."""
        step = self._leases.step(ticket)
        if over := _over(step):
            return over
        if step.deployment.machine_id is None:
            if step.at >= step.operation.deadline_at:
                reason = "nothing could be begun before its deadline"
                return Progress("failed", failure_code=FailureCode.PROVIDER_BUSY.value, provider_reason=reason)
            refusal = self._ask(step, ticket)
            if refusal:
                return refusal
        return Progress("building", _MIN_WAIT_SECONDS)

    def _ask(self, step: Step, ticket: Ticket) -> Progress | None:
        """Record the call, make it, and store the machine's id; return the failure if the provider refuses."""
        provider = self._providers(step.deployment.provider)
        first = step.deployment.create_called_at is None
        try:
            if first:
                step.change(
                    status=DeploymentStatus.PROVISIONING,
                    placement=provider.place(step.deployment.provider_region),
                )
                step.change_operation(status=OperationStatus.RUNNING)
                step.tell("provisioning", "Your machine is being built.")
            # Recorded before each call, so that a deletion knows how long a call may still be under way (G23).
            step.change(create_called_at=step.at)
            step.change_operation(check_at=step.at + CHECK_INTERVAL)
            step.commit(self._transactor)
            ref = provider.create(step.deployment.ref, step.deployment.spec)
        except (ProviderUnreachable, ProviderThrottled):
            raise
        except ProviderError as refusal:
            if first:
                self._forget_call(ticket, step.at)  # the only call was refused, so that no machine exists
            return Progress("failed", failure_code=refusal.failure.value, provider_reason=str(refusal))
        self._keep(ticket, machine_id=ref.id)
        return None

    def _forget_call(self, ticket: Ticket, called_at: datetime) -> None:
        """Record that no call was made; does nothing if another call was begun since."""

        def forget() -> None:
            step = self._leases.step(ticket)
            if step.deployment.create_called_at == called_at and step.deployment.machine_id is None:
                step.change(create_called_at=None)
            step.commit(self._transactor)

        with_fresh_reads(forget, stale=_STALE)

    def _keep(self, ticket: Ticket, **changes: object) -> None:
        """Change attributes of the deployment, regardless of other changes meanwhile."""

        def keep() -> None:
            step = self._leases.step(ticket)
            step.change(**changes)
            step.commit(self._transactor)

        with_fresh_reads(keep, stale=_STALE)

    def poll_machine(self, ticket: Ticket) -> Progress:
        """Check a machine that is being built, and copy its events to the timeline."""
        step = self._leases.step(ticket)
        if over := _over(step):
            return over
        try:
            machine = self._providers(step.deployment.provider).get(step.deployment.ref)
            self._copy_events(step)
        except ProviderError as error:
            if step.at < step.operation.deadline_at:
                raise
            return Progress("failed", failure_code=FailureCode.PROVIDER_BUSY.value, provider_reason=str(error))
        progress = self._judge(step, machine)
        step.change_operation(check_at=_check_after(step, progress))
        step.commit(self._transactor)
        return progress

    @staticmethod
    def _judge(step: Step, machine: Machine) -> Progress:
        match machine.state:
            case MachineState.READY:
                return Progress("ready")
            case MachineState.FAILED if machine.failure:
                failure = machine.failure
                return Progress("failed", failure_code=failure.code.value, provider_reason=failure.provider_reason)
            case MachineState.BUILDING if step.at < step.operation.deadline_at:
                return Progress(
                    "building", _growing_wait(step.at - step.operation.created_at, 8, _MAX_BUILD_WAIT_SECONDS)
                )
            case MachineState.BUILDING:
                reason = "still building at its deadline"
            case _:
                reason = f"unexpectedly {machine.state}"
        return Progress("failed", failure_code=FailureCode.PROVISIONING_FAILED.value, provider_reason=reason)

    def activate(self, ticket: Ticket) -> Progress:
        """Finish the build: store the outputs, open the meter and resize the hold, in one transaction (G08)."""

        def activation() -> Progress:
            step = self._leases.step(ticket)
            if over := _over(step):
                return over
            deployment = step.deployment
            outputs = self._providers(deployment.provider).outputs(deployment.ref)
            self._copy_events(step)
            change = self._ledger.change(deployment.customer_id, step.at)
            meter = next_meter(self._metering, deployment, step.at)
            price = meter.price_micros_per_hour
            hold = self._ledger.hold(deployment.customer_id, deployment.id)
            if hold is not None:
                change.convert_hold(hold, reserve_micros(price))
            opening = self._metering.open(change, meter)
            step.change(
                status=DeploymentStatus.ACTIVE,
                outputs=outputs,
                activated_at=step.at,
                price_micros_per_hour=price,
            )
            step.tell("active", "Your machine is ready.")
            step.end_operation(OperationStatus.SUCCEEDED)
            step.add([*opening, *change.writes()])
            step.commit(self._transactor)
            return Progress("active")

        return with_fresh_reads(activation, stale=_STALE)

    def record_failure(self, ticket: Ticket, code: str, provider_reason: str) -> Progress:
        """Tell the customer why the build failed and release the hold (G27); the remains are removed next."""

        def failing() -> Progress:
            step = self._leases.step(ticket)
            if (done := _final(step)) or step.deployment.status is DeploymentStatus.ERROR:
                return done or Progress("failed")
            failure = Failure(code, failure_sentence(code))
            step.change(status=DeploymentStatus.ERROR, desired=DesiredState.ABSENT, failure=failure)
            step.change_operation(deadline_at=step.at + DELETE_STUCK_AFTER)
            step.tell("failed", failure.message, status=code)
            hold = self._ledger.hold(step.deployment.customer_id, step.deployment.id)
            if hold is not None:
                change = self._ledger.change(step.deployment.customer_id, step.at)
                change.release_hold(hold)
                step.add(change.writes())
            step.commit(self._transactor)
            return Progress("failed")

        progress = with_fresh_reads(failing, stale=_STALE)
        if code == FailureCode.PROVISIONING_FAILED.value and progress.outcome == "failed":
            self._alerts.send(f"{ticket.deployment_id} could not be built", provider_reason)
        return progress

    def remove_machine(self, ticket: Ticket) -> Progress:
        """Do the next step of the removal; the result is `gone` only when the provider confirms it (G21)."""
        step = self._leases.step(ticket)
        if step.operation.status.is_final:
            return Progress("gone")
        deployment = step.deployment
        if deployment.create_called_at is None and deployment.machine_id is None:
            return self._finish_removal(step)
        provider = self._providers(deployment.provider)
        machine = self._look(step)
        if machine.state is MachineState.GONE:
            settled = (deployment.create_called_at or step.at) + CREATE_SETTLE
            if deployment.machine_id is None and step.at < settled:
                # A create call may still be under way: a machine that does not exist now can appear a moment
                # later.
                return Progress("removing", max(1, (settled - step.at) // timedelta(seconds=1) + 1))
            self._copy_events(step)
            return self._finish_removal(step)
        step.change(machine_id=machine.ref.id)
        self._copy_events(step)
        self._note_delay(step, lambda: self._describe_blockers(step, machine))
        progress = Progress("removing", _growing_wait(_removing_for(step), 4, _MAX_REMOVE_WAIT_SECONDS))
        step.change_operation(status=OperationStatus.RUNNING, check_at=_check_after(step, progress))
        step.commit(self._transactor)
        if machine.state is MachineState.DELETE_FAILED and isinstance(provider, SupportsUnblocking):
            provider.remove_blockers(machine.ref)
        if machine.state is not MachineState.DELETING:
            provider.delete(machine.ref)
        return progress

    def _look(self, step: Step) -> Machine:
        """Return the machine to be removed; no answer from the region counts as a delay."""
        deployment = step.deployment
        try:
            return self._providers(deployment.provider).get(deployment.ref)
        except ProviderError as error:
            reason = f"{deployment.ref.name} in {deployment.ref.region}/{deployment.ref.placement}: {error}"
            self._note_delay(step, lambda: reason)
            step.commit(self._transactor)
            raise

    def _note_delay(self, step: Step, describe: Callable[[], str]) -> None:
        """After the deadline, mark the removal as stuck and alert staff once; the attempts continue (G22, G24)."""
        deployment = step.deployment
        if step.at < step.operation.deadline_at or deployment.status is DeploymentStatus.DELETE_STUCK:
            return
        if step.operation.type is OperationType.DELETE:
            step.change(status=DeploymentStatus.DELETE_STUCK)
            step.tell("delete_stuck", "Deleting takes longer than it should. You are not charged; we are on it.")
        else:
            step.change_operation(deadline_at=step.at + timedelta(days=1))
        self._alerts.send(f"{deployment.id} cannot be deleted", describe())

    def _describe_blockers(self, step: Step, machine: Machine) -> str:
        lines = [f"{machine.ref.name} in {machine.ref.region}/{machine.ref.placement}: {machine.state}."]
        if machine.failure:
            lines.append(machine.failure.provider_reason)
        provider = self._providers(step.deployment.provider)
        if isinstance(provider, SupportsUnblocking):
            try:
                lines += [f"blocked by {blocker.kind} {blocker.id}" for blocker in provider.blockers(machine.ref)]
            except ProviderError as error:
                lines.append(f"its blocking resources could not be listed: {error}")
        return "\n".join(lines)

    def _finish_removal(self, step: Step) -> Progress:
        step.release_slot()
        if step.operation.type is OperationType.DELETE:
            step.change(status=DeploymentStatus.DELETED, ended_at=step.at)
            step.tell("deleted", "Your machine is gone.")
            step.end_operation(OperationStatus.SUCCEEDED)
        else:
            step.change(ended_at=step.at)
            step.tell("cleaned_up", "Nothing of the failed machine is left.")
            step.end_operation(OperationStatus.FAILED)
        step.commit(self._transactor)
        return Progress("gone")

    def _copy_events(self, step: Step) -> None:
        """Copy the provider's new events to the timeline, a bounded number at a time."""
        deployment = step.deployment
        if deployment.machine_id is None:
            return
        found = self._providers(deployment.provider).events(deployment.ref, deployment.provider_event_id)
        told: list[MachineEvent] = list(found[:_EVENTS_PER_STEP])
        for event in told:
            sentence = resource_sentence(event)
            step.tell("resource", sentence, resource=event.resource, status=event.status)
        if told:
            step.change(provider_event_id=told[-1].id)


def _final(step: Step) -> Progress | None:
    """Return the result of an operation that is final, so that a repeated task finds its work done."""
    match step.operation.status:
        case OperationStatus.SUCCEEDED:
            return Progress("active")
        case OperationStatus.FAILED:
            return Progress("ended")
    return None


def _over(step: Step) -> Progress | None:
    """Return the result of the build if it is final, or failed and being removed; None while it goes on."""
    if step.deployment.desired is DesiredState.ABSENT and not step.operation.status.is_final:
        return Progress("failed", failure_code=FailureCode.PROVISIONING_FAILED.value)
    return _final(step)


def _growing_wait(age: timedelta, part: int, most_seconds: int) -> int:
    """Return `age / part` in seconds, within bounds: short waits at first, longer ones later."""
    return min(max(_MIN_WAIT_SECONDS, age // timedelta(seconds=1) // part), most_seconds)


def _removing_for(step: Step) -> timedelta:
    """Return how long the removal has taken: since the request to delete, or since the build failed."""
    operation = step.operation
    began = operation.deadline_at - DELETE_STUCK_AFTER
    return step.at - (began if operation.created_at <= began <= step.at else operation.created_at)


def _check_after(step: Step, progress: Progress) -> datetime:
    """Return the time after which this operation counts as stalled."""
    return step.at + timedelta(seconds=progress.wait_seconds) + CHECK_INTERVAL
