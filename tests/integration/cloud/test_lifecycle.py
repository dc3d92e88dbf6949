"""The life of a machine, from its order to its end, through the state machines and a simulated region."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords
from chalicelib.domain.cloud.deployments.models import (
    PROVISION_DEADLINE,
    DeploymentStatus,
    DesiredState,
    Operation,
    OperationStatus,
    OperationType,
)
from chalicelib.domain.cloud.deployments.ports import ExecutionState
from chalicelib.domain.cloud.deployments.steps import LeaseLost
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.kernel.pages import PageRequest
from chalicelib.wiring.app import app
from dev.simulators.faults import FaultMatch
from tests.fakes.lifecycle import REGION, Installation, Region
from tests.fakes.workflows import definition, tasks
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine
from tools.catalog_data import read_catalog

DELETE = definition(OperationType.DELETE)


@pytest.fixture
def house(table: Engine, clock: SettableClock, region: Region, monkeypatch: pytest.MonkeyPatch) -> Installation:
    return Installation(table, clock, region, monkeypatch)


PRICE = 32_000
"""The price of cpu-2x4 in the catalogue, in micro-dollars per hour."""


@pytest.mark.guarantee("G05", "G06", "G08", "G21")
def test_g08_a_machine_is_held_for_built_charged_by_the_second_and_removed(house: Installation) -> None:
    accepted = house.create()
    deployment_id = accepted.deployment.id
    balance = app().money.ledger.balance(house.customer_id)
    assert (balance.held_micros, balance.burn_micros_per_hour) == (PRICE, 0)
    house.assert_proven()

    house.settle()
    active = house.deployment(deployment_id)
    assert active.status is DeploymentStatus.ACTIVE
    assert active.outputs is not None
    assert active.outputs.public_ipv4
    assert [owned.ref for owned in house.region.provider.list_owned(REGION)] == [active.ref]
    assert {event.resource for event in house.timeline(deployment_id)} >= {"server", "port"}
    assert house.operation(accepted).status is OperationStatus.SUCCEEDED
    balance = app().money.ledger.balance(house.customer_id)
    assert (balance.held_micros, balance.burn_micros_per_hour) == (PRICE // 6, PRICE)
    house.assert_proven()

    assert active.activated_at is not None
    house.clock.set(active.activated_at)
    house.clock.advance(1 + 1_000)
    for shard in range(16):
        app().money.metering.meter_shard(shard)
    house.assert_proven()
    house.clock.advance(1_234)
    deleted = house.delete(deployment_id)
    charge = PRICE * 2_234 // 3_600
    assert house.charged_micros() == charge
    assert app().money.ledger.balance(house.customer_id).held_micros == 0
    house.assert_proven()
    house.settle()

    assert house.charged_micros() == charge
    gone = house.deployment(deployment_id)
    assert (gone.status, gone.desired) == (DeploymentStatus.DELETED, DesiredState.ABSENT)
    assert house.operation(deleted).status is OperationStatus.SUCCEEDED
    usage = app().cloud.usage_reports.intervals(Reach(house.customer_id), deployment_id, PageRequest(10))
    assert [record.end - record.start for record in usage.intervals.items] == [1_000, 1_234]
    house.assert_nothing_left()
    types = [event.type for event in house.timeline(deployment_id)]
    assert [type_ for type_ in types if type_ != "resource"] == [
        "requested",
        "provisioning",
        "active",
        "deleting",
        "deleted",
    ]
    assert [event.sequence for event in house.timeline(deployment_id)] == list(range(1, len(types) + 1))


def failed(house: Installation, deployment_id: str) -> str:
    """Assert that a machine failed without a charge; return the failure's code."""
    deployment = house.deployment(deployment_id)
    assert deployment.status is DeploymentStatus.ERROR
    assert deployment.failure is not None
    assert house.charged_micros() == 0
    house.assert_nothing_left()
    told = [event for event in house.timeline(deployment_id) if event.type == "failed"]
    assert [(event.status, event.message) for event in told] == [
        (deployment.failure.code, deployment.failure.message)
    ]
    assert "Nothing was charged" in deployment.failure.message
    return deployment.failure.code


def ended(house: Installation, deployment_id: str) -> None:
    """Delete a machine, and assert that only its charge is left."""
    charged = house.charged_micros()
    house.delete(deployment_id)
    house.settle_with_reconciler()
    assert house.deployment(deployment_id).status is DeploymentStatus.DELETED
    assert house.charged_micros() >= charged
    house.assert_nothing_left()


def stacks(house: Installation) -> list[str]:
    """The names of all stacks in the region."""
    return [owned.ref.name for owned in house.region.provider.list_owned(REGION)]


# An ambiguous create


@pytest.mark.guarantee("G20")
@pytest.mark.parametrize("kind", ["drop_after_effect", "error_after_effect", "timeout_after_effect"])
@pytest.mark.parametrize("silent_afterwards", [0, 3])
def test_g20_a_create_without_an_answer_is_looked_up_and_makes_one_machine(
    house: Installation, kind: str, silent_afterwards: int
) -> None:
    match = FaultMatch(service="orchestration", method="POST", path="/stacks$")
    house.region.simulator.inject(kind, match, delay_seconds=4)
    if silent_afterwards:
        looks = FaultMatch(service="orchestration", method="GET")
        house.region.simulator.inject("error_before_effect", looks, times=silent_afterwards)
    deployment = house.active()
    assert stacks(house) == [deployment.ref.name]
    house.assert_proven()
    ended(house, deployment.id)


# No room, no quota, no answer


@pytest.mark.guarantee("G08", "G27")
@pytest.mark.parametrize(
    ("kind", "code", "sentence"),
    [
        ("no_valid_host", "CAPACITY_UNAVAILABLE", "no room for this machine type"),
        ("quota_exceeded", "PROVIDER_QUOTA", "quota is used up"),
        ("stack_timeout", "PROVISIONING_FAILED", "could not be built"),
    ],
)
def test_g27_a_failed_build_is_told_in_plain_words_costs_nothing_and_leaves_nothing(
    house: Installation, kind: str, code: str, sentence: str
) -> None:
    house.region.simulator.inject(kind, delay_seconds=20)
    accepted = house.create()
    house.settle()
    assert failed(house, accepted.deployment.id) == code
    failure = house.deployment(accepted.deployment.id).failure
    assert failure is not None
    assert sentence in failure.message
    assert house.operation(accepted).status is OperationStatus.FAILED
    assert len(house.aws.alerts) == (1 if code == "PROVISIONING_FAILED" else 0)


@pytest.mark.guarantee("G27")
@pytest.mark.parametrize(
    ("match", "kind", "options"),
    [
        (FaultMatch(method="POST", path="/stacks$"), "rate_limit", {"times": 100}),
        (FaultMatch(service="orchestration"), "error_before_effect", {"times": 60}),
    ],
)
def test_g27_a_busy_region_is_given_time_and_then_told_as_busy(
    house: Installation, match: FaultMatch, kind: str, options: dict[str, int]
) -> None:
    house.region.simulator.inject(kind, match, **options)
    accepted = house.create()
    house.settle_with_reconciler()
    assert failed(house, accepted.deployment.id) == "PROVIDER_BUSY"


def test_what_the_region_will_never_build_fails_at_once(house: Installation) -> None:
    catalog = read_catalog()
    broken = [replace(found, flavor="there-is-no-such-flavor") for found in catalog.instance_types]
    DynamoCatalogRecords(house.transactor).replace(replace(catalog, instance_types=tuple(broken)))
    accepted = house.create()
    house.settle()
    assert failed(house, accepted.deployment.id) == "PROVISIONING_FAILED"
    ((subject, text),) = house.aws.alerts
    assert accepted.deployment.id in subject
    assert "there-is-no-such-flavor" in text
    assert all("no-such-flavor" not in event.message for event in house.timeline(accepted.deployment.id))


# Deadlines


@pytest.mark.guarantee("G28")
def test_g28_a_build_that_never_ends_fails_at_its_deadline(house: Installation) -> None:
    house.region.simulator.inject("create_stuck")
    accepted = house.create()
    house.settle()
    assert failed(house, accepted.deployment.id) == "PROVISIONING_FAILED"
    (told,) = (event for event in house.timeline(accepted.deployment.id) if event.type == "failed")
    assert timedelta() <= told.at - START - PROVISION_DEADLINE < timedelta(minutes=1)


@pytest.mark.guarantee("G28")
def test_g28_a_region_that_falls_silent_during_the_build_fails_it_at_its_deadline(house: Installation) -> None:
    accepted = house.create()
    house.step()
    fault = house.region.simulator.inject("error_before_effect", times=None)
    while house.deployment(accepted.deployment.id).status is DeploymentStatus.PROVISIONING:
        assert house.clock.now() - START < 2 * PROVISION_DEADLINE
        house.go_on()
    house.assert_proven()
    house.region.simulator.cloud.faults.remove(fault.id)
    house.settle_with_reconciler()
    assert failed(house, accepted.deployment.id) == "PROVIDER_BUSY"


@pytest.mark.guarantee("G28")
def test_g28_a_request_that_nothing_began_in_time_is_given_up(house: Installation) -> None:
    accepted = house.create()
    house.deliver_stream(lost=True)
    house.clock.advance(PROVISION_DEADLINE.total_seconds() + 1)
    house.settle_with_reconciler()
    assert failed(house, accepted.deployment.id) == "PROVIDER_BUSY"


# Deleting


@pytest.mark.guarantee("G23")
@pytest.mark.parametrize("states_before", range(14))
def test_g23_a_delete_works_after_each_state_of_the_create(house: Installation, states_before: int) -> None:
    house.region.fresh(speed=60)  # slow enough for several reads of a machine that is being built
    deployment_id = house.create().deployment.id
    for _ in range(states_before):
        house.step()
    house.delete(deployment_id)
    house.assert_proven()
    charged = house.charged_micros()
    house.settle()
    assert house.deployment(deployment_id).status is DeploymentStatus.DELETED
    assert house.charged_micros() == charged
    house.assert_nothing_left()


@pytest.mark.guarantee("G20", "G23")
@pytest.mark.parametrize("kind", ["slow", "timeout_after_effect"])
def test_g23_a_delete_works_while_the_create_call_is_under_way(house: Installation, kind: str) -> None:
    """The call is delayed, before or after its effect; the delete searches, and again after the call has ended."""
    match = FaultMatch(service="orchestration", method="POST", path="/stacks$")
    fault = house.region.simulator.inject(kind, match, delay_seconds=1)
    deployment_id = house.create().deployment.id
    with ThreadPoolExecutor(1) as elsewhere:
        creating = elsewhere.submit(house.step)
        while not next(
            found.struck for found in house.region.simulator.cloud.faults.list() if found.id == fault.id
        ):
            assert not creating.done()
            time.sleep(0.005)
        house.delete(deployment_id)
        house.deliver_stream()
        deleting = next(found for name, found in house.workflows.executions.items() if found.machine == DELETE)
        deleting.step(house.clock.now(), house.workflows.around)
        assert house.deployment(deployment_id).status is DeploymentStatus.DELETING
    house.settle()
    assert house.deployment(deployment_id).status is DeploymentStatus.DELETED
    assert house.charged_micros() == 0
    house.assert_nothing_left()


@pytest.mark.guarantee("G23")
@pytest.mark.parametrize("states_before", range(6, 22, 3))
def test_g23_a_delete_works_while_a_failed_build_is_cleaned_up(house: Installation, states_before: int) -> None:
    house.region.simulator.inject("quota_exceeded")
    deployment_id = house.create().deployment.id
    for _ in range(states_before):
        house.step()
    ended(house, deployment_id)
    assert house.charged_micros() == 0


def test_deleting_again_gives_the_same_operation(house: Installation) -> None:
    deployment_id = house.active().id
    first = house.delete(deployment_id)
    assert house.delete(deployment_id).operation.id == first.operation.id
    house.settle()
    again = house.delete(deployment_id)
    assert (again.operation.id, again.deployment.status) == (first.operation.id, DeploymentStatus.DELETED)
    house.settle()
    house.assert_nothing_left()


@pytest.mark.guarantee("G22", "G24")
@pytest.mark.parametrize(
    ("kind", "storage_kind"),
    [
        ("delete_failed_port", "local"),
        ("delete_failed_foreign_port", "local"),
        ("delete_failed_volume", "network"),
    ],
)
def test_g24_what_blocks_a_deletion_is_removed(house: Installation, kind: str, storage_kind: str) -> None:
    deployment = house.active(storage_kind=storage_kind, storage_gb=10 if storage_kind == "network" else None)
    house.region.simulator.inject(kind)
    ended(house, deployment.id)
    assert house.aws.alerts == []
    kinds = [execution.visited.count("RemoveMachine") for execution in house.workflows.executions.values()]
    assert max(kinds) > 2


@pytest.mark.guarantee("G06", "G21", "G22")
def test_g22_a_deletion_that_hangs_is_told_once_never_given_up_and_never_called_deleted(
    house: Installation,
) -> None:
    deployment = house.active()
    fault = house.region.simulator.inject("delete_stuck", times=None)
    house.delete(deployment.id)
    charged = house.charged_micros()
    while house.clock.now() - START < timedelta(hours=7):
        house.go_on()
        status = house.deployment(deployment.id).status
        assert status in {DeploymentStatus.DELETING, DeploymentStatus.DELETE_STUCK}
    assert status is DeploymentStatus.DELETE_STUCK
    ((subject, text),) = house.aws.alerts
    assert deployment.id in subject
    assert deployment.ref.name in text
    assert [event.type for event in house.timeline(deployment.id)].count("delete_stuck") == 1
    house.assert_proven()
    house.region.simulator.cloud.faults.remove(fault.id)
    house.region.simulator.cloud.set_speed(20_000)  # at last the stack's own time-out comes
    house.settle_with_reconciler()
    assert house.deployment(deployment.id).status is DeploymentStatus.DELETED
    assert house.charged_micros() == charged
    assert len(house.aws.alerts) == 1
    house.assert_nothing_left()


@pytest.mark.guarantee("G22", "G28")
def test_g22_a_deletion_in_a_region_that_does_not_answer_is_told_and_goes_on(house: Installation) -> None:
    deployment = house.active()
    fault = house.region.simulator.inject("error_before_effect", times=None)
    house.delete(deployment.id)
    while house.clock.now() - START < timedelta(hours=1):
        house.go_on()
    assert house.deployment(deployment.id).status is DeploymentStatus.DELETE_STUCK
    assert len(house.aws.alerts) == 1
    house.region.simulator.cloud.faults.remove(fault.id)
    house.settle_with_reconciler()
    assert house.deployment(deployment.id).status is DeploymentStatus.DELETED
    assert len(house.aws.alerts) == 1
    house.assert_nothing_left()


def test_deleting_what_somebody_else_has_deleted_in_the_region_succeeds(house: Installation) -> None:
    deployment = house.active()
    house.region.provider.delete(deployment.ref)
    house.pass_time(10)
    ended(house, deployment.id)


# Tokens


@pytest.mark.guarantee("G26")
@pytest.mark.parametrize("kind", ["token_expired", "token_revoked"])
def test_g26_tokens_that_end_at_any_moment_fail_nothing(house: Installation, kind: str) -> None:
    for after in range(0, 40, 4):
        house.region.simulator.inject(kind, after=after)
    deployment = house.active()
    executions = len(house.workflows.executions)
    house.region.simulator.cloud.faults.clear()
    for after in range(0, 20, 4):
        house.region.simulator.inject(kind, after=after)
    ended(house, deployment.id)
    assert len(house.workflows.executions) == executions + 1
    retried = [name for execution in house.workflows.executions.values() for name in execution.failures]
    assert retried == []


# Leases of a deployment


@pytest.mark.guarantee("G29")
@pytest.mark.parametrize("states_before", [1, 3, 5])
def test_g29_a_task_that_was_overtaken_changes_nothing(house: Installation, states_before: int) -> None:
    """The reconciler takes over a dead attempt; late writes of that attempt are refused."""
    accepted = house.create()
    for _ in range(states_before):
        house.step()
    (first,) = house.workflows.executions.values()
    first.status = "FAILED"
    house.clock.advance(600)
    assert app().cloud.reconciler.run().taken_over == 1
    before = house.table.items()
    for task in ("CreateMachine", "PollMachine", "ActivateDeployment", "RecordFailure", "RemoveMachine"):
        with pytest.raises(LeaseLost):
            tasks()[f"${{{task}}}"](first.data)
    assert house.table.items() == before
    house.settle()
    assert house.deployment(accepted.deployment.id).status is DeploymentStatus.ACTIVE
    ended(house, accepted.deployment.id)


@pytest.mark.guarantee("G29")
def test_g29_a_late_repeat_of_a_task_changes_nothing(house: Installation) -> None:
    """Every task runs again after the operation has ended."""
    deployment = house.active()
    (creating,) = house.workflows.executions.values()
    before = house.table.items()
    for task in ("CreateMachine", "PollMachine", "ActivateDeployment", "RecordFailure"):
        assert tasks()[f"${{{task}}}"](creating.data)["outcome"] == "active"
    assert house.table.items() == before
    house.delete(deployment.id)
    house.settle()
    before = house.table.items()
    deleting = next(found for found in house.workflows.executions.values() if found.machine == DELETE)
    assert tasks()["${RemoveMachine}"](deleting.data)["outcome"] == "gone"
    assert house.table.items() == before
    house.assert_nothing_left()


@pytest.mark.guarantee("G29")
def test_g29_an_activation_that_comes_after_the_failure_opens_no_meter(house: Installation) -> None:
    deployment_id = house.create().deployment.id
    while (execution := house.step()) and execution.state != "ActivateDeployment":
        pass
    assert execution is not None
    tasks()["${RecordFailure}"](execution.data)
    assert tasks()["${ActivateDeployment}"](execution.data)["outcome"] == "failed"
    assert tasks()["${PollMachine}"](execution.data)["outcome"] == "failed"
    assert house.deployment(deployment_id).status is DeploymentStatus.ERROR
    house.assert_proven()
    execution.status = "FAILED"
    house.settle_with_reconciler()
    assert failed(house, deployment_id) == "PROVISIONING_FAILED"


# The reconciler


@pytest.mark.guarantee("G28")
def test_g28_a_start_that_was_lost_is_made_up_for(house: Installation) -> None:
    accepted = house.create()
    house.deliver_stream(lost=True)
    house.settle_with_reconciler()
    assert house.deployment(accepted.deployment.id).status is DeploymentStatus.ACTIVE
    house.delete(accepted.deployment.id)
    house.deliver_stream(lost=True)
    house.settle_with_reconciler()
    house.assert_nothing_left()


@pytest.mark.guarantee("G28")
def test_g28_an_execution_that_dies_after_any_state_is_taken_over(house: Installation) -> None:
    """Each attempt runs two states longer than the one before."""
    accepted = house.create()
    for states in range(1, 12, 2):
        for _ in range(states):
            house.step()
        for execution in house.workflows.executions.values():
            execution.status = "ABORTED"
        house.clock.advance(600)
        app().cloud.reconciler.run()
    house.settle_with_reconciler()
    assert house.deployment(accepted.deployment.id).status is DeploymentStatus.ACTIVE
    assert stacks(house) == [accepted.deployment.ref.name]
    ended(house, accepted.deployment.id)


@pytest.mark.guarantee("G28", "G29")
def test_g28_an_execution_that_runs_without_doing_anything_is_stopped_and_taken_over(house: Installation) -> None:
    accepted = house.create()
    house.step()
    (zombie,) = house.workflows.executions.values()
    house.clock.advance(300)
    assert app().cloud.reconciler.run().left_alone == 1
    assert zombie.status == "RUNNING"
    house.clock.advance(1_200)
    assert app().cloud.reconciler.run().taken_over == 1
    assert zombie.status == "ABORTED"
    house.settle()
    assert house.deployment(accepted.deployment.id).status is DeploymentStatus.ACTIVE
    ended(house, accepted.deployment.id)


@pytest.mark.guarantee("G28")
def test_g28_trouble_with_one_operation_does_not_keep_the_others_waiting(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubled, other = house.create(), house.create()
    house.deliver_stream(lost=True)
    house.clock.advance(60)
    state = house.workflows.state

    def state_or_trouble(operation: Operation) -> ExecutionState:
        if operation.id == troubled.operation.id:
            raise TimeoutError
        return state(operation)

    with monkeypatch.context() as patch:
        patch.setattr(house.workflows, "state", state_or_trouble)
        with pytest.raises(ExceptionGroup, match="1 operations could not be looked at"):
            app().cloud.reconciler.run()
    assert list(house.workflows.executions) == [other.operation.execution_name]
    house.settle_with_reconciler()
    assert house.deployment(troubled.deployment.id).status is DeploymentStatus.ACTIVE
