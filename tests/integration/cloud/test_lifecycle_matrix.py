"""Each state of both state machines, with each kind of fault.

Every case ends ACTIVE, failed without a charge, or DELETED. The proof finds no difference, no hold is left over,
and the region is empty after the machine was deleted.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.domain.cloud.deployments.models import DeploymentStatus
from dev.simulators.faults import FaultMatch
from tests.fakes.lifecycle import Installation, Region
from tests.fakes.money import Crash
from tests.fakes.workflows import Execution
from tests.support.clock import SettableClock
from tests.support.engine import Engine

Run = Callable[[], dict[str, Any]]
Fault = Callable[[Installation, Run], dict[str, Any]]


@pytest.fixture
def house(table: Engine, clock: SettableClock, region: Region, monkeypatch: pytest.MonkeyPatch) -> Installation:
    return Installation(table, clock, region, monkeypatch)


def _die() -> None:
    raise Crash


def before_the_effect(house: Installation, run: Run) -> dict[str, Any]:
    """The task does not begin."""
    raise Crash


def after_the_effect(house: Installation, run: Run) -> dict[str, Any]:
    """The task does its work, and its answer is lost."""
    run()
    raise Crash


def killed_before_a_write(house: Installation, run: Run) -> dict[str, Any]:
    """The process dies before it writes."""
    house.transactor.before = _die
    return run()


def killed_after_a_write(house: Installation, run: Run) -> dict[str, Any]:
    """The process dies right after its first write."""
    house.transactor.after = _die
    return run()


def delivered_twice(house: Installation, run: Run) -> dict[str, Any]:
    """The task runs twice, one after the other."""
    run()
    return run()


def delivered_twice_at_once(house: Installation, run: Run) -> dict[str, Any]:
    """The task runs twice at the same time; the state machine sees one of the answers."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(run), pool.submit(run)
    return second.result() if first.exception() is not None else first.result()


def throttled(house: Installation, run: Run) -> dict[str, Any]:
    """The region answers that it is busy."""
    house.region.simulator.inject("rate_limit", FaultMatch(service="orchestration"), times=3)
    return run()


def silent(house: Installation, run: Run) -> dict[str, Any]:
    """The region does the work of the next requests, but does not answer them."""
    house.region.simulator.inject("drop_after_effect", FaultMatch(service="orchestration"), times=4)
    return run()


def execution_dead(house: Installation, run: Run) -> dict[str, Any]:
    """The execution dies after the task's effect; the reconciler finds it."""
    run()
    for execution in house.workflows.executions.values():
        if execution.status == "RUNNING":
            execution.status = "ABORTED"
    raise Crash


FAULTS = [
    before_the_effect,
    after_the_effect,
    killed_before_a_write,
    killed_after_a_write,
    delivered_twice,
    delivered_twice_at_once,
    throttled,
    silent,
    execution_dead,
]


class Once:
    """A fault that fires the first time that a task runs."""

    def __init__(self, house: Installation, task: str, fault: Fault) -> None:
        self._house, self._task, self._fault = house, task, fault
        self.struck = False

    def __call__(self, execution: Execution, task: str, run: Run) -> dict[str, Any]:
        if self.struck or task != self._task:
            return run()
        self.struck = True
        return self._fault(self._house, run)


def _strike(house: Installation, task: str, fault: Fault) -> Once:
    once = Once(house, task, fault)
    house.workflows.around = once
    return once


def _settled(house: Installation, once: Once) -> None:
    house.settle_with_reconciler()
    assert once.struck
    house.transactor.before = house.transactor.after = None
    house.region.simulator.cloud.faults.clear()
    house.assert_proven()


def _ended(house: Installation, deployment_id: str) -> None:
    house.delete(deployment_id)
    house.settle_with_reconciler()
    assert house.deployment(deployment_id).status is DeploymentStatus.DELETED
    house.assert_nothing_left()


@pytest.mark.guarantee("G03", "G08", "G20", "G28", "G29")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("task", ["CreateMachine", "PollMachine", "ActivateDeployment"])
def test_g20_a_build_survives_a_fault_in_any_of_its_states(house: Installation, task: str, fault: Fault) -> None:
    once = _strike(house, task, fault)
    deployment_id = house.create().deployment.id
    _settled(house, once)
    deployment = house.deployment(deployment_id)
    assert deployment.status is DeploymentStatus.ACTIVE
    assert [each.ref.name for each in house.region.provider.list_owned("montreal")] == [deployment.ref.name]
    told = [event.type for event in house.timeline(deployment_id) if event.type != "resource"]
    assert told == ["requested", "provisioning", "active"]
    _ended(house, deployment_id)


@pytest.mark.guarantee("G03", "G08", "G27", "G28", "G29")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("task", ["CreateMachine", "PollMachine", "RecordFailure", "RemoveMachine"])
def test_g27_a_failing_build_survives_a_fault_in_any_of_its_states(
    house: Installation, task: str, fault: Fault
) -> None:
    house.region.simulator.inject("quota_exceeded")
    once = _strike(house, task, fault)
    deployment_id = house.create().deployment.id
    _settled(house, once)
    deployment = house.deployment(deployment_id)
    assert (deployment.status, deployment.failure and deployment.failure.code) == (
        DeploymentStatus.ERROR,
        "PROVIDER_QUOTA",
    )
    assert house.charged_micros() == 0
    house.assert_nothing_left()
    told = [event.type for event in house.timeline(deployment_id) if event.type != "resource"]
    assert told == ["requested", "provisioning", "failed", "cleaned_up"]
    _ended(house, deployment_id)


@pytest.mark.guarantee("G06", "G21", "G22", "G28", "G29")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("while_", ["active", "building"])
def test_g22_a_deletion_survives_a_fault(house: Installation, while_: str, fault: Fault) -> None:
    deployment_id = house.create().deployment.id
    if while_ == "active":
        house.settle()
    else:
        for _ in range(3):
            house.step()
    once = _strike(house, "RemoveMachine", fault)
    house.delete(deployment_id)
    charged = house.charged_micros()
    _settled(house, once)
    assert house.deployment(deployment_id).status is DeploymentStatus.DELETED
    assert house.charged_micros() == charged
    house.assert_nothing_left()
