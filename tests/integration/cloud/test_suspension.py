"""Suspension, through the table's stream, the state machines and a simulated region (G13)."""

from datetime import timedelta

import pytest

from chalicelib.domain.cloud.deployments.models import OVERRUN_CHARGED, DeploymentStatus
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.domain.money.ledger.errors import AccountSuspended
from chalicelib.kernel.money import parse_amount
from chalicelib.kernel.pages import PageRequest
from chalicelib.wiring.app import app
from functions.cloud.deployments.schemas import UsageView
from tests.fakes.lifecycle import FUNDS_MICROS, Region
from tests.fakes.suspension import WatchedInstallation
from tests.integration.cloud.test_lifecycle_matrix import FAULTS, Fault, Once
from tests.support.clock import SettableClock
from tests.support.engine import Engine

HOUR = 3600
GRACE = timedelta(hours=72)


@pytest.fixture
def house(
    table: Engine, clock: SettableClock, region: Region, monkeypatch: pytest.MonkeyPatch
) -> WatchedInstallation:
    return WatchedInstallation(table, clock, region, monkeypatch)


def test_g13_a_customer_is_warned_stopped_at_zero_and_resumed_by_a_payment(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    zero = house.zero()
    assert house.mails() == []

    for hours, mails in ((24, 1), (6, 2), (1, 3)):
        house.run_until(zero - timedelta(hours=hours, seconds=1))
        assert len(house.mails()) == mails - 1
        house.run_for(1)
        assert house.mails() == ["low_balance"] * mails
    house.run_until(zero - timedelta(seconds=1))
    assert house.status() is None
    house.run_for(1)
    assert house.status() == "SUSPENDED"
    house.run_for(60)
    stopped = house.deployment(deployment_id)
    assert stopped.status is DeploymentStatus.SUSPENDED
    assert house.servers() == ["SHUTOFF"]
    assert house.mails()[3:] == ["suspended"]
    balance = app().money.ledger.balance(house.customer_id)
    assert 0 < balance.debt_micros <= stopped.price_micros_per_hour * 60 // HOUR
    assert (balance.held_micros, balance.burn_micros_per_hour) == (0, 0)
    house.assert_proven()
    with pytest.raises(AccountSuspended):
        house.create()

    house.run_until(zero + GRACE / 2)
    house.pay(1)
    house.run_for(60)
    assert house.status() == "SUSPENDED"
    house.pay(10_000_000, key="enough")
    house.run_for(60)
    assert house.status() is None
    assert house.deployment(deployment_id).status is DeploymentStatus.ACTIVE
    assert house.servers() == ["ACTIVE"]
    assert house.mails()[4:] == ["resumed"]
    house.assert_proven()
    house.run_for(1000)
    for shard in range(16):
        app().money.metering.meter_shard(shard)
    house.assert_proven()
    usage = app().cloud.usage_reports.intervals(Reach(house.customer_id), deployment_id, PageRequest(10))
    assert [(meter.number, meter.closed_at is None) for meter in usage.meters] == [(1, False), (2, True)]
    shown = UsageView.of(usage)
    assert (shown.proof.tiles, shown.proof.sums, shown.closed) == (True, True, False)
    posted = app().money.ledger.change(house.customer_id, house.clock.now()).account.posted_micros
    assert parse_amount(shown.total.amount) == FUNDS_MICROS + 10_000_001 - posted
    told = [event.type for event in house.timeline(deployment_id) if event.type != "resource"]
    assert told[2:] == ["active", "suspending", "suspended", "resuming", "resumed"]


def test_g13_what_is_not_paid_for_is_deleted_after_the_grace_period(house: WatchedInstallation) -> None:
    deployment_ids = [house.running(), house.running()]
    zero = house.zero()
    house.run_until(zero + timedelta(minutes=1))
    assert house.servers() == ["SHUTOFF", "SHUTOFF"]
    watch = house.watch()
    assert watch is not None
    assert watch.deletes_at == zero + GRACE

    house.run_until(watch.deletes_at - timedelta(hours=24))
    assert house.mails()[-1] == "deletion_near"
    house.run_until(watch.deletes_at - timedelta(seconds=1))
    assert {house.deployment(each).status for each in deployment_ids} == {DeploymentStatus.SUSPENDED}
    house.run_for(HOUR)
    assert {house.deployment(each).status for each in deployment_ids} == {DeploymentStatus.DELETED}
    assert house.status() == "DELETED"
    assert house.mails()[-3:] == ["suspended", "deletion_near", "machines_deleted"]
    house.assert_nothing_left()

    house.pay(100_000_000)
    house.run_for(60)
    assert house.status() is None
    house.running()


def _price(house: WatchedInstallation, deployment_id: str) -> int:
    return house.deployment(deployment_id).price_micros_per_hour


def test_g13_a_region_that_does_not_answer_costs_the_customer_a_bounded_overrun(
    house: WatchedInstallation,
) -> None:
    deployment_id = house.running()
    house.run_until(house.zero() - timedelta(seconds=1))
    house.region.simulator.inject("error_before_effect", times=10_000)
    house.run_for(HOUR)
    assert house.status() == "SUSPENDED"
    assert house.deployment(deployment_id).status is DeploymentStatus.ACTIVE
    assert any("cannot be switched" in subject for subject, _ in house.aws.alerts)

    house.region.simulator.cloud.faults.clear()
    house.run_with_schedules(1800)
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    debt = app().money.ledger.balance(house.customer_id).debt_micros
    most = OVERRUN_CHARGED + timedelta(seconds=60)
    assert 0 < debt <= _price(house, deployment_id) * most // timedelta(hours=1)
    house.assert_proven()


# Paying, deleting and dying at any point


POINTS = {
    "before any warning": -30 * HOUR,
    "after the last warning": -1800,
    "a second before zero": -1,
    "at zero, with the switching begun": 0,
    "while machines are being switched": 1,
    "as soon as they are off": 40,
    "in the grace period": 30 * HOUR,
    "after the reminder": 60 * HOUR,
    "as the deletion begins": 72 * HOUR,
}


def _at(house: WatchedInstallation, point: str) -> str:
    """A machine of a customer at one point of its suspension; return its id."""
    deployment_id = house.running()
    house.run_until(house.zero() + timedelta(seconds=POINTS[point]))
    return deployment_id


@pytest.mark.parametrize("point", POINTS)
def test_g13_a_payment_at_any_point_ends_well(house: WatchedInstallation, point: str) -> None:
    deployment_id = _at(house, point)
    house.pay(1_000_000)
    house.run_for(600)
    assert house.status() is None
    if point == "as the deletion begins":
        assert house.deployment(deployment_id).status is DeploymentStatus.DELETED
        house.assert_nothing_left()
        return
    assert house.deployment(deployment_id).status is DeploymentStatus.ACTIVE
    assert house.servers() == ["ACTIVE"]
    house.assert_proven()
    zero = house.zero()
    house.run_until(zero + timedelta(seconds=60))
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    house.assert_proven()


@pytest.mark.guarantee("G06", "G13", "G23")
@pytest.mark.parametrize("point", POINTS)
def test_g13_a_deletion_at_any_point_ends_billing_and_everything(house: WatchedInstallation, point: str) -> None:
    deployment_id = _at(house, point)
    house.delete(deployment_id)
    charged = house.charged_micros()
    house.run_for(600)
    assert house.deployment(deployment_id).status is DeploymentStatus.DELETED
    assert house.charged_micros() == charged
    house.assert_nothing_left()


@pytest.mark.guarantee("G13", "G23", "G29")
def test_g13_a_deletion_takes_over_from_a_resumption(house: WatchedInstallation) -> None:
    deployment_id = _at(house, "in the grace period")
    house.pay(1_000_000)
    house.deliver_stream()
    assert house.deployment(deployment_id).status is DeploymentStatus.RESUMING
    house.delete(deployment_id)
    house.run_for(600)
    assert house.deployment(deployment_id).status is DeploymentStatus.DELETED
    assert house.status() is None
    house.assert_nothing_left()


def test_g13_deleting_one_of_two_lets_the_money_for_the_other_suffice(house: WatchedInstallation) -> None:
    first, second = house.running(), house.running()
    house.run_until(house.zero() + timedelta(minutes=1))
    debt = app().money.ledger.balance(house.customer_id).debt_micros
    house.pay(debt + _price(house, first) // 6)
    house.run_for(60)
    assert house.status() == "SUSPENDED"
    house.delete(second)
    house.run_for(120)
    assert house.status() is None
    assert house.deployment(first).status is DeploymentStatus.ACTIVE
    house.assert_proven()


def test_g13_a_machine_that_is_ready_only_after_zero_is_switched_off_at_once(house: WatchedInstallation) -> None:
    house.running()
    house.run_until(house.zero() - timedelta(hours=2))
    late = house.create().deployment.id
    left = app().money.ledger.balance(house.customer_id).posted_micros
    house.take(left)
    house.run_for(300)
    assert house.status() == "SUSPENDED"
    assert house.deployment(late).status is DeploymentStatus.SUSPENDED
    assert house.servers() == ["SHUTOFF", "SHUTOFF"]
    house.assert_proven()


# Lost events


def test_g13_zero_is_met_within_a_minute_though_every_event_was_lost(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    zero = house.zero()
    house.run_until(zero - timedelta(minutes=3))
    for execution in house.workflows.executions.values():
        execution.status = "ABORTED"
    house.loses_stream = True
    house.run_with_schedules(180 + 60)
    watch = house.watch()
    assert watch is not None
    assert watch.since is not None
    assert timedelta(0) <= watch.since - zero <= timedelta(seconds=60)
    house.run_with_schedules(180)
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    house.assert_proven()


def test_g13_an_execution_that_was_never_started_is_before_its_moment_comes(house: WatchedInstallation) -> None:
    house.running()
    zero = house.zero()
    house.run_until(zero - timedelta(seconds=90))
    (name,) = [name for name, found in house.workflows.executions.items() if found.status == "RUNNING"]
    del house.workflows.executions[name]
    app().cloud.balance_watch.reconcile()
    assert name not in house.workflows.executions
    house.run_for(60)
    app().cloud.balance_watch.reconcile()
    assert house.workflows.executions[name].status == "RUNNING"
    house.run_until(zero)
    assert house.status() == "SUSPENDED"


def test_g13_an_earlier_zero_gets_an_execution_of_its_own_and_ends_the_old_one(house: WatchedInstallation) -> None:
    house.running()
    old = house.workflows.next()
    assert old is not None
    house.run_for(HOUR)
    house.take(app().money.ledger.balance(house.customer_id).posted_micros - 1_000)
    house.deliver_stream()
    zero = house.zero()
    house.run_until(zero - timedelta(seconds=1))
    assert house.status() is None
    house.run_until(zero)
    assert house.status() == "SUSPENDED"
    house.run_until(old.wakes_at + timedelta(seconds=1))
    assert old.status == "SUCCEEDED"


def test_g13_an_execution_hands_over_before_it_is_too_old(house: WatchedInstallation) -> None:
    house.running()
    house.pay(1_000_000_000)
    first = house.workflows.next()
    assert first is not None
    zero = house.zero()
    house.run_until(zero)
    assert house.status() == "SUSPENDED"
    watches = [found for found in house.workflows.executions.values() if found.name.startswith("cus_")]
    assert len(watches) > 5
    assert all(found.visited.count("WatchBalance") <= 10 for found in watches)


def test_posting_usage_replaces_no_execution(house: WatchedInstallation) -> None:
    house.running()
    house.run_for(60)
    before = set(house.workflows.executions)
    for _ in range(20):
        house.run_for(299)
        for shard in range(16):
            app().money.metering.meter_shard(shard)
        house.deliver_stream()
    assert set(house.workflows.executions) == before


# Faults around the tasks


@pytest.mark.guarantee("G03", "G13", "G28", "G29")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("task", ["WatchBalance", "SwitchMachine"])
def test_g13_a_suspension_survives_a_fault_in_either_task(
    house: WatchedInstallation, task: str, fault: Fault
) -> None:
    deployment_id = house.running()
    zero = house.zero()
    house.run_until(zero - timedelta(seconds=1))
    once = Once(house, task, fault)
    house.workflows.around = once
    house.run_with_schedules(600)
    assert once.struck
    assert house.status() == "SUSPENDED"
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    assert house.mails() == ["low_balance"] * 3 + ["suspended"]
    house.assert_proven()
    _resumed(house, deployment_id)


@pytest.mark.guarantee("G03", "G13", "G28", "G29")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_g13_a_resumption_survives_a_fault(house: WatchedInstallation, fault: Fault) -> None:
    deployment_id = _at(house, "in the grace period")
    once = Once(house, "SwitchMachine", fault)
    house.workflows.around = once
    _resumed(house, deployment_id)
    assert once.struck


def _resumed(house: WatchedInstallation, deployment_id: str) -> None:
    house.pay(10_000_000)
    house.run_with_schedules(600)
    house.region.simulator.cloud.faults.clear()
    assert house.status() is None
    assert house.deployment(deployment_id).status is DeploymentStatus.ACTIVE
    assert house.servers() == ["ACTIVE"]
    assert house.mails()[-1] == "resumed"
    house.assert_proven()


def test_g13_a_server_in_error_is_told_to_staff_and_costs_a_bounded_overrun(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    zero = house.zero()
    house.run_until(zero - timedelta(seconds=1))
    (server,) = (
        found
        for region in house.region.simulator.cloud.state.regions.values()
        for found in region.servers.values()
    )
    server.status = "ERROR"
    house.run_with_schedules(20 * 60)
    ((subject, text),) = [sent for sent in house.aws.alerts if "cannot be switched" in sent[0]]
    assert deployment_id in subject
    assert "status ERROR" in text

    server.status = "ACTIVE"
    house.run_with_schedules(300)
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    balance = app().money.ledger.balance(house.customer_id)
    most = OVERRUN_CHARGED + timedelta(seconds=60)
    assert 0 < balance.debt_micros <= _price(house, deployment_id) * most // timedelta(hours=1)
    house.assert_proven()
