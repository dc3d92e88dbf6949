"""Running out of money, through the table's stream, the state machines and a simulated region (G13)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib import bootstrap
from chalicelib.compute.models import OVERRUN_CHARGED, DeploymentStatus
from chalicelib.kernel.errors import AccountSuspended
from chalicelib.kernel.pages import PageRequest
from tests.fakes.lifecycle import Region, running_region
from tests.fakes.suspension import WatchedInstallation
from tests.support.clock import SettableClock
from tests.support.engine import Engine

HOUR = 3600
GRACE = timedelta(hours=72)


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    with running_region() as region:
        yield region


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
    balance = bootstrap.ledger().balance(house.customer_id)
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
        bootstrap.metering().meter_shard(shard)
    house.assert_proven()
    usage = bootstrap.deployments().usage(house.customer_id, deployment_id, PageRequest(10))
    assert [(meter.number, meter.closed_at is None) for meter in usage.meters] == [(1, False), (2, True)]
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
    assert any("cannot be switched" in subject for subject, _ in house.alerts.sent)

    house.region.simulator.cloud.faults.clear()
    house.run_with_schedules(1800)
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    debt = bootstrap.ledger().balance(house.customer_id).debt_micros
    most = OVERRUN_CHARGED + timedelta(seconds=60)
    assert 0 < debt <= _price(house, deployment_id) * most // timedelta(hours=1)
    house.assert_proven()
