"""A step: one transaction of an operation on its deployment.

A `Step` collects the deployment's new state, its timeline events, the operation's new state and further Writes,
and commits them together, guarded by the deployment's version. So a task that lost its lease changes nothing, and
a repeated task finds its work done.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.domain.cloud.deployments.models import (
    CHECK_INTERVAL,
    Deployment,
    Operation,
    OperationStatus,
    OperationType,
    Ticket,
    TimelineEvent,
)
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Transactor, Write


class LeaseLost(Exception):
    """Another operation, or another attempt, has taken over the deployment: stop."""


class Step:
    """One change of one deployment, before it is committed."""

    def __init__(
        self, deployment: Deployment, operation: Operation, at: datetime, records: DeploymentRecords
    ) -> None:
        self.deployment = deployment
        self.operation = operation
        self.at = at
        self._before = deployment
        self._operation_before = operation
        self._records = records
        self._writes: list[Write] = []

    def change(self, **changes: object) -> None:
        """Change attributes of the deployment."""
        version = self._before.version
        self.deployment = replace(self.deployment.changed(self.at, **changes), version=version + 1)

    def change_operation(self, **changes: object) -> None:
        """Change attributes of the operation."""
        self.operation = replace(self.operation, **changes)  # type: ignore[arg-type]

    def end_operation(self, status: OperationStatus) -> None:
        """Make the operation final and release the deployment."""
        self.change_operation(status=status, ended_at=self.at, check_at=None)
        self.change(operation_id=None)

    def tell(self, type_: str, message: str, *, resource: str = "", status: str = "") -> None:
        """Append an event to the timeline."""
        sequence = self.deployment.event_sequence + 1
        self.change(event_sequence=sequence)
        event = TimelineEvent(
            customer_id=self.deployment.customer_id,
            deployment_id=self.deployment.id,
            sequence=sequence,
            at=self.at,
            type=type_,
            message=message,
            resource=resource,
            status=status,
        )
        self._writes.append(self._records.insert_event(event))

    def add(self, writes: Iterable[Write]) -> None:
        """Add further Writes to the transaction."""
        self._writes.extend(writes)

    def release_slot(self) -> None:
        """Stop counting the deployment against its customer's limit."""
        if self.deployment.holds_slot:
            self.change(holds_slot=False)
            self._writes.append(self._records.free_slot(self.deployment.customer_id))

    def commit(self, transactor: Transactor) -> None:
        """Commit everything; do nothing if nothing changed."""
        writes = list(self._writes)
        if self.deployment != self._before:
            writes.append(self._records.replace_deployment(self._before, self.deployment))
        if self.operation != self._operation_before:
            writes.append(self._records.replace_operation(self._operation_before, self.operation))
        if writes:
            transactor.commit(writes)


def begin(
    deployment: Deployment, type_: OperationType, at: datetime, time_allowed: timedelta, records: DeploymentRecords
) -> Step:
    """Return the step with which a new operation takes over `deployment` from its present holder (G29)."""
    operation = Operation(
        id=new_id(Kind.OPERATION, at),
        customer_id=deployment.customer_id,
        deployment_id=deployment.id,
        type=type_,
        status=OperationStatus.PENDING,
        created_at=at,
        deadline_at=at + time_allowed,
        fence=deployment.fence + 1,
        check_at=at + CHECK_INTERVAL,
    )
    step = Step(deployment, operation, at, records)
    step.change(operation_id=operation.id, last_operation_id=operation.id, fence=operation.fence)
    step.add([records.insert_operation(operation)])
    return step


class Leases:
    """Gives steps to the holder of a deployment's lease."""

    def __init__(self, records: DeploymentRecords, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def step(self, ticket: Ticket) -> Step:
        """Return a step with the freshly read deployment and operation of `ticket`.

        Raises:
            LeaseLost: another operation or attempt holds the deployment.
        """
        deployment = self._records.deployment(ticket.customer_id, ticket.deployment_id)
        operation = self._records.operation(ticket.customer_id, ticket.deployment_id, ticket.operation_id)
        if deployment is None or operation is None or deployment.fence != ticket.fence:
            raise LeaseLost(ticket.operation_id)
        return Step(deployment, operation, self._clock.now(), self._records)
