"""The tasks of the state machines `deployment_*`; `chalicelib.domain.cloud.lifecycle` does the work.

The input of a task is the execution's ticket and what earlier states added; its result is stored as `progress`.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.cloud.deployments.models import Ticket
from chalicelib.domain.cloud.lifecycle.service import Progress
from chalicelib.domain.cloud.providers.models import FailureCode
from chalicelib.runtime.grants import ALERT_STAFF, PROVIDER_ACCESS, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import task
from chalicelib.wiring.app import app

_GRANTS = (TABLE_READ, TABLE_WRITE, PROVIDER_ACCESS)
_ERRORS_OF_A_BUSY_PROVIDER = frozenset({"ProviderUnreachable", "ProviderThrottled"})


@task(grants=_GRANTS, timeout_seconds=30)
def create_machine(state: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the provider to build the machine, or find the one that an earlier attempt built."""
    return _result(app().cloud.lifecycle.create_machine(_ticket(state)))


@task(grants=_GRANTS, timeout_seconds=60)
def poll_machine(state: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the provider for the state of the build."""
    return _result(app().cloud.lifecycle.poll_machine(_ticket(state)))


@task(grants=_GRANTS, timeout_seconds=60)
def activate_deployment(state: Mapping[str, Any]) -> dict[str, Any]:
    """Make the deployment active and start its meter."""
    return _result(app().cloud.lifecycle.activate(_ticket(state)))


@task(grants=(*_GRANTS, ALERT_STAFF), timeout_seconds=30)
def record_failure(state: Mapping[str, Any]) -> dict[str, Any]:
    """Record why the machine could not be built, and release the hold."""
    progress = state.get("progress") or {}
    error = state.get("error") or {}
    busy = error.get("Error") in _ERRORS_OF_A_BUSY_PROVIDER
    code = FailureCode.PROVIDER_BUSY if busy else FailureCode.PROVISIONING_FAILED
    return _result(
        app().cloud.lifecycle.record_failure(
            _ticket(state),
            code=progress.get("failureCode") or code.value,
            provider_reason=progress.get("providerReason") or str(error.get("Cause", "")),
        )
    )


@task(grants=(*_GRANTS, ALERT_STAFF), timeout_seconds=60)
def remove_machine(state: Mapping[str, Any]) -> dict[str, Any]:
    """Do the next step of the machine's removal."""
    return _result(app().cloud.lifecycle.remove_machine(_ticket(state)))


@task(grants=(*_GRANTS, ALERT_STAFF), timeout_seconds=60)
def switch_machine(state: Mapping[str, Any]) -> dict[str, Any]:
    """Do the next step of switching the machine off or on."""
    return _result(app().cloud.power_switch.drive(_ticket(state)))


def _ticket(state: Mapping[str, Any]) -> Ticket:
    return Ticket(
        customer_id=state["customerId"],
        deployment_id=state["deploymentId"],
        operation_id=state["operationId"],
        fence=state["fence"],
    )


def _result(progress: Progress) -> dict[str, Any]:
    return {
        "outcome": progress.outcome,
        "waitSeconds": progress.wait_seconds,
        "failureCode": progress.failure_code,
        "providerReason": progress.provider_reason,
    }
