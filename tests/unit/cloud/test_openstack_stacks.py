"""The state of a machine for each status of its stack."""

from datetime import UTC, datetime

import pytest

from chalicelib.adapters.providers.openstack.stacks import CANCELLED, Stack
from chalicelib.domain.cloud.providers.models import MachineRef, MachineState


def stack(status: str, reason: str = "") -> Stack:
    return Stack("id-1", "dep-1", status, reason, frozenset(), datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "reason", "state"),
    [
        ("INIT_IN_PROGRESS", "", MachineState.BUILDING),
        ("CREATE_IN_PROGRESS", "Stack CREATE started", MachineState.BUILDING),
        ("CREATE_COMPLETE", "Stack CREATE completed successfully", MachineState.READY),
        ("CREATE_FAILED", "Timed out", MachineState.FAILED),
        ("CREATE_FAILED", CANCELLED, MachineState.DELETING),
        ("ROLLBACK_IN_PROGRESS", "", MachineState.BUILDING),
        ("ROLLBACK_COMPLETE", "Stack ROLLBACK completed successfully", MachineState.FAILED),
        ("UPDATE_IN_PROGRESS", "", MachineState.BUILDING),
        ("UPDATE_COMPLETE", "", MachineState.READY),
        ("UPDATE_FAILED", "", MachineState.FAILED),
        ("CHECK_FAILED", "", MachineState.READY),
        ("RESUME_COMPLETE", "", MachineState.READY),
        ("DELETE_IN_PROGRESS", "Stack DELETE started", MachineState.DELETING),
        ("DELETE_FAILED", "Timed out", MachineState.DELETE_FAILED),
        ("DELETE_COMPLETE", "", MachineState.GONE),
    ],
)
def test_a_status_means_one_state(status: str, reason: str, state: MachineState) -> None:
    machine = stack(status, reason).as_machine(MachineRef("montreal", "hearth-1", "dep-1"))

    assert machine.state is state
    assert machine.ref.id == "id-1"
    assert (machine.failure is not None) == (state in {MachineState.FAILED, MachineState.DELETE_FAILED})
