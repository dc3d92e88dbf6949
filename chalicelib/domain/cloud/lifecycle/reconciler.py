"""Finishes operations that a lost event or a dead execution left unfinished (G28)."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.domain.cloud.deployments.models import CHECK_INTERVAL, Operation, OperationStatus
from chalicelib.domain.cloud.deployments.ports import (
    DEPLOYMENT_UNCHANGED,
    OPERATION_SHARDS,
    DeploymentRecords,
    ExecutionState,
    Workflows,
)
from chalicelib.domain.cloud.deployments.steps import Step
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.transactions import ConditionFailed, Transactor

_GIVEN_UP_AFTER = timedelta(minutes=20)


@dataclass(frozen=True)
class ReconcileResult:
    """The result of one run."""

    started: int = 0
    taken_over: int = 0
    left_alone: int = 0


class Reconciler:
    """Checks every operation without recent progress.

    Each running task moves its operation's `check_at` ahead, so that only operations without progress are checked.
    """

    def __init__(
        self, records: DeploymentRecords, workflows: Workflows, transactor: Transactor, clock: Clock
    ) -> None:
        self._records = records
        self._workflows = workflows
        self._transactor = transactor
        self._clock = clock

    def start(self, customer_id: str, deployment_id: str, operation_id: str) -> None:
        """Start the state machine of an operation, unless the operation is final."""
        operation = self._records.operation(customer_id, deployment_id, operation_id)
        if operation is not None and not operation.status.is_final:
            self._workflows.start(operation)

    def run(self) -> ReconcileResult:
        """Check all such operations once. Process every operation; raise what failed at the end.

        Raises:
            ExceptionGroup: the errors of the operations that failed.
        """
        now = self._clock.now()
        result = ReconcileResult()
        troubles: list[Exception] = []
        for shard in range(OPERATION_SHARDS):
            for seen in self._records.operations_to_check(shard, now):
                try:
                    result = self._look(seen, result)
                except Exception as trouble:
                    troubles.append(trouble)
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} operations could not be looked at: {result}", troubles)
        return result

    def _look(self, seen: Operation, result: ReconcileResult) -> ReconcileResult:
        operation = self._records.operation(seen.customer_id, seen.deployment_id, seen.id)
        if operation is None or operation.status.is_final or operation.attempt != seen.attempt:
            return result
        match self._workflows.state(operation):
            case ExecutionState.ABSENT:
                self._workflows.start(operation)
                return replace(result, started=result.started + 1)
            case ExecutionState.RUNNING if not self._has_given_up(operation):
                return replace(result, left_alone=result.left_alone + 1)
            case ExecutionState.RUNNING:
                self._workflows.stop(operation)
        if self._take_over(operation):
            return replace(result, taken_over=result.taken_over + 1)
        return result

    def _has_given_up(self, operation: Operation) -> bool:
        """Whether an execution that counts as running has made no progress for too long."""
        return operation.check_at is not None and operation.check_at + _GIVEN_UP_AFTER < self._clock.now()

    def _take_over(self, operation: Operation) -> bool:
        """Start another attempt under a new fence, so that remains of the old attempt can change nothing (G29)."""
        deployment = self._records.deployment(operation.customer_id, operation.deployment_id)
        if deployment is None or deployment.operation_id != operation.id:
            return False
        step = Step(deployment, operation, self._clock.now(), self._records)
        fence = deployment.fence + 1
        step.change(fence=fence)
        step.change_operation(
            fence=fence,
            attempt=operation.attempt + 1,
            status=OperationStatus.RUNNING,
            check_at=step.at + CHECK_INTERVAL,
        )
        try:
            step.commit(self._transactor)
        except ConditionFailed as failed:
            if DEPLOYMENT_UNCHANGED not in failed.asserts:
                raise
            return False
        self._workflows.start(step.operation)
        return True
