"""Deletes deployments: billing ends with the request, the state machine removes the machine."""

from dataclasses import replace

from chalicelib.domain.cloud.deployments.accepting import accepted
from chalicelib.domain.cloud.deployments.charging import end_billing
from chalicelib.domain.cloud.deployments.errors import OperationInProgress
from chalicelib.domain.cloud.deployments.models import (
    DELETE_STUCK_AFTER,
    Accepted,
    Deployment,
    DeploymentStatus,
    DesiredState,
    OperationStatus,
    OperationType,
)
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.cloud.deployments.reading import Reading
from chalicelib.domain.cloud.deployments.steps import begin
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.metering.service import Metering
from chalicelib.kernel.clock import Clock, epoch_seconds
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.transactions import Transactor

_ENDED_BY_DELETION = frozenset({OperationType.CREATE, OperationType.SUSPEND, OperationType.RESUME})


class Removal:
    """Deletes deployments, for callers and for the product itself."""

    def __init__(
        self,
        records: DeploymentRecords,
        reading: Reading,
        ledger: Ledger,
        metering: Metering,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._reading = reading
        self._ledger = ledger
        self._metering = metering
        self._transactor = transactor
        self._clock = clock

    def delete(self, reach: Reach, deployment_id: str) -> Accepted:
        """End billing in this transaction (G06), and start the operation that removes the machine.

        If the deployment is being deleted, or is deleted, change nothing and return that operation.

        Raises:
            NotFound: there is no such deployment within reach.
            OperationInProgress: an operation that a deletion cannot end is changing it.
        """
        return accepted(lambda: self._delete(self._reading.get(reach, deployment_id)))

    def delete_unpaid(self, customer_id: str, deployment_id: str) -> Accepted:
        """Delete a machine whose customer has been out of money for too long.

        Raises:
            NotFound: there is no such deployment.
            OperationInProgress: as for `delete`.
        """

        def delete() -> Accepted:
            deployment = self._records.deployment(customer_id, deployment_id)
            if deployment is None:
                raise NotFound
            return self._delete(deployment)

        return accepted(delete)

    def _delete(self, deployment: Deployment) -> Accepted:
        current = self._records.operation(deployment.customer_id, deployment.id, deployment.last_operation_id)
        if current and current.type is OperationType.DELETE:
            return Accepted(deployment, current)
        if current and not current.status.is_final and current.type not in _ENDED_BY_DELETION:
            raise OperationInProgress
        now = self._clock.now()
        step = begin(deployment, OperationType.DELETE, now, DELETE_STUCK_AFTER, self._records)
        step.change(status=DeploymentStatus.DELETING, desired=DesiredState.ABSENT)
        step.tell("deleting", "Your machine is being deleted. You are no longer charged for it.")
        if current and not current.status.is_final:
            cancelled = replace(current, status=OperationStatus.CANCELLED, ended_at=now, check_at=None)
            step.add([self._records.replace_operation(current, cancelled)])
        step.add(end_billing(self._ledger, self._metering, deployment, now, epoch_seconds(now)))
        step.commit(self._transactor)
        return Accepted(step.deployment, step.operation)
