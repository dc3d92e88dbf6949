"""The work behind the state machines' tasks: building a machine, and removing it.

Every method may be run again after it has had its effect, after it had half of it, or while another run of it is
still under way; it looks first and then does what is left. None waits: each says what came of it and how long to
wait before the next look.
"""

from collections.abc import Callable
from dataclasses import dataclass
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
from chalicelib.domain.cloud.providers.errors import (
    FailureCode,
    ProviderError,
    ProviderThrottled,
    ProviderUnreachable,
)
from chalicelib.domain.cloud.providers.machines import Machine, MachineEvent, MachineState
from chalicelib.domain.cloud.providers.ports import Providers, SupportsUnblocking
from chalicelib.domain.foundation.notifications.ports import StaffAlerts
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.metering.service import Metering
from chalicelib.kernel.transactions import Transactor, with_fresh_reads

_STALE = frozenset({DEPLOYMENT_UNCHANGED, ACCOUNT_UNCHANGED})
_EVENTS_PER_STEP = 40
_MIN_WAIT_SECONDS = 2
_MAX_BUILD_WAIT_SECONDS = 20
_MAX_REMOVE_WAIT_SECONDS = 300


@dataclass(frozen=True)
class Progress:
    """What came of a task; `failure_code` and `provider_reason` go with `failed`."""

    outcome: str
    wait_seconds: int = 0
    failure_code: str = ""
    provider_reason: str = ""


class Lifecycle:
    """Drives one deployment at a time, for whoever holds its ticket.

    Every method raises `LeaseLost` once another operation has taken the deployment over, and `ProviderError`s
    that are worth another try.
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
        """Ask the provider to build, or find what an earlier ask has built (G20)."""
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
        """Announce the call, make it, and keep the machine's id; the refusal, if the provider refuses."""
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
            # Before each call, so that a delete knows how long one may still be under way (G23).
            step.change(create_called_at=step.at)
            step.change_operation(check_at=step.at + CHECK_INTERVAL)
            step.commit(self._transactor)
            ref = provider.create(step.deployment.ref, step.deployment.spec)
        except (ProviderUnreachable, ProviderThrottled):
            raise
        except ProviderError as refusal:
            if first:
                self._forget_call(ticket, step.at)  # the only call was refused: there is no machine
            return Progress("failed", failure_code=refusal.failure.value, provider_reason=str(refusal))
        self._keep(ticket, machine_id=ref.id)
        return None

    def _forget_call(self, ticket: Ticket, called_at: datetime) -> None:
        """Note that no call was made after all; not where another one was begun since."""

        def forget() -> None:
            step = self._leases.step(ticket)
            if step.deployment.create_called_at == called_at and step.deployment.machine_id is None:
                step.change(create_called_at=None)
            step.commit(self._transactor)

        with_fresh_reads(forget, stale=_STALE)

    def _keep(self, ticket: Ticket, **changes: object) -> None:
        """Note something about the deployment, whatever else changed meanwhile."""

        def keep() -> None:
            step = self._leases.step(ticket)
            step.change(**changes)
            step.commit(self._transactor)

        with_fresh_reads(keep, stale=_STALE)

    def poll_machine(self, ticket: Ticket) -> Progress:
        """Look at a machine that is being built, and bring its events into the timeline."""
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
        """Hand the machine over: outputs, the meter's opening and the hold's turn, in one transaction (G08)."""

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
        """Tell the customer why it failed and give the hold back (G27); what was built is removed next."""

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
        """Do what the removal needs next; `gone` only when the provider says that it is (G21)."""
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
                # A create call may still be under way; nothing found now can be there in a moment.
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
        """The machine to be removed; a region that does not say is a delay like any other."""
        deployment = step.deployment
        try:
            return self._providers(deployment.provider).get(deployment.ref)
        except ProviderError as error:
            reason = f"{deployment.ref.name} in {deployment.ref.region}/{deployment.ref.placement}: {error}"
            self._note_delay(step, lambda: reason)
            step.commit(self._transactor)
            raise

    def _note_delay(self, step: Step, describe: Callable[[], str]) -> None:
        """Past its deadline a removal is stuck: staff are told, once; the attempts go on (G22, G24)."""
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
        """Bring the provider's new events into the timeline, a bounded number at a time."""
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
    """How the operation ended, where it has: a repeated task finds its work done."""
    match step.operation.status:
        case OperationStatus.SUCCEEDED:
            return Progress("active")
        case OperationStatus.FAILED:
            return Progress("ended")
    return None


def _over(step: Step) -> Progress | None:
    """How the build ended, or that it has failed and is being removed; None while it goes on."""
    if step.deployment.desired is DesiredState.ABSENT and not step.operation.status.is_final:
        return Progress("failed", failure_code=FailureCode.PROVISIONING_FAILED.value)
    return _final(step)


def _growing_wait(age: timedelta, part: int, most_seconds: int) -> int:
    """A `part`th of `age`: short looks at first, longer ones later."""
    return min(max(_MIN_WAIT_SECONDS, age // timedelta(seconds=1) // part), most_seconds)


def _removing_for(step: Step) -> timedelta:
    """How long the removal has gone on: a delete from its request, a failed build from its failure."""
    operation = step.operation
    began = operation.deadline_at - DELETE_STUCK_AFTER
    return step.at - (began if operation.created_at <= began <= step.at else operation.created_at)


def _check_after(step: Step, progress: Progress) -> datetime:
    """When the reconciler should wonder why nothing has come after this progress and its wait."""
    return step.at + timedelta(seconds=progress.wait_seconds) + CHECK_INTERVAL
