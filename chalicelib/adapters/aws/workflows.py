"""`Workflows` with Step Functions: one execution for each attempt at an operation, or for each watch of a
balance.
"""

import json

from chalicelib.adapters.aws import machines
from chalicelib.adapters.aws.clients import stepfunctions
from chalicelib.domain.cloud.deployments.models import Operation, OperationType
from chalicelib.domain.cloud.deployments.ports import ExecutionState
from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.kernel.clock import isoformat

_MACHINES = {
    OperationType.CREATE: machines.PROVISION,
    OperationType.DELETE: machines.DELETE,
    OperationType.SUSPEND: machines.POWER,
    OperationType.RESUME: machines.POWER,
}


class StepFunctionsWorkflows:
    """Starts and observes the state machines of `state_machines/`; also implements `WatchExecutions`."""

    def __init__(self, arn_prefix: str) -> None:
        """Use the state machines whose ARNs are `arn_prefix` followed by their name."""
        self._arn_prefix = arn_prefix

    def start(self, operation: Operation) -> None:
        """Start an attempt; see `Workflows.start`.

        Step Functions refuses a name that was used in the last 90 days, unless an execution with that name and the
        same input is running. Both mean that this attempt was started before.
        """
        ticket = {
            "customerId": operation.customer_id,
            "deploymentId": operation.deployment_id,
            "operationId": operation.id,
            "fence": operation.fence,
        }
        client = stepfunctions()
        try:
            client.start_execution(
                stateMachineArn=self._arn_prefix + _MACHINES[operation.type],
                name=operation.execution_name,
                input=json.dumps(ticket, sort_keys=True),
            )
        except client.exceptions.ExecutionAlreadyExists:
            return

    def start_watch(self, watch: Watch) -> None:
        """Start an execution that waits for the watch's next moment; see `WatchExecutions.start_watch`."""
        if watch.wakes_at is None:
            return
        waiting = {
            "customerId": watch.customer_id,
            "number": watch.number,
            "progress": {"wakesAt": isoformat(watch.wakes_at)},
        }
        client = stepfunctions()
        try:
            client.start_execution(
                stateMachineArn=self._arn_prefix + machines.BALANCE_WATCH,
                name=f"{watch.customer_id}-{watch.number}",
                input=json.dumps(waiting, sort_keys=True),
            )
        except client.exceptions.ExecutionAlreadyExists:
            return

    def state(self, operation: Operation) -> ExecutionState:
        """The state of an attempt; see `Workflows.state`."""
        client = stepfunctions()
        try:
            status = client.describe_execution(executionArn=self._execution_arn(operation))["status"]
        except client.exceptions.ExecutionDoesNotExist:
            return ExecutionState.ABSENT
        return ExecutionState.RUNNING if status == "RUNNING" else ExecutionState.ENDED

    def stop(self, operation: Operation) -> None:
        """End an attempt; see `Workflows.stop`."""
        client = stepfunctions()
        try:
            client.stop_execution(
                executionArn=self._execution_arn(operation), cause="taken over by the reconciler"
            )
        except client.exceptions.ExecutionDoesNotExist:
            return

    def _execution_arn(self, operation: Operation) -> str:
        machine = self._arn_prefix + _MACHINES[operation.type]
        return f"{machine.replace(':stateMachine:', ':execution:')}:{operation.execution_name}"
