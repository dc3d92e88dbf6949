"""Reaching a spend cap, through the table's stream, the state machines and a simulated region."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.cloud.deployments.models import DeploymentStatus
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.domain.money.ledger.models import HoldPurpose, Period
from chalicelib.domain.money.spending.errors import SpendCapReached
from chalicelib.domain.money.spending.models import NO_CAPS, Caps
from chalicelib.kernel.pages import PageRequest
from chalicelib.wiring.app import app
from tests.fakes.lifecycle import Region
from tests.fakes.suspension import WatchedInstallation
from tests.integration.cloud.test_lifecycle_matrix import FAULTS, Fault, Once
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give

KEY = "key_01"
MIDNIGHT = datetime(2031, 5, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class KeyCaps:
    """`KeyCaps` with given caps for one key."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps

    def caps_of_key(self, customer_id: str, api_key_id: str) -> Caps:
        """The given caps."""
        return self.caps if api_key_id == KEY else NO_CAPS


@pytest.fixture
def house(
    table: Engine, clock: SettableClock, region: Region, monkeypatch: pytest.MonkeyPatch
) -> WatchedInstallation:
    return WatchedInstallation(table, clock, region, monkeypatch)


def _price(house: WatchedInstallation, deployment_id: str) -> int:
    return house.deployment(deployment_id).price_micros_per_hour


def _cap(house: WatchedInstallation, deployment_id: str, hours: int) -> datetime:
    """Set a cap that lets the machine run for some more hours today; return the time of the warning."""
    spent = app().money.spend_caps.get(house.customer_id).day.spent_micros
    caps = Caps(daily_micros=spent + hours * _price(house, deployment_id))
    report = app().money.spend_caps.put(house.customer_id, caps)
    assert report.day.reached_at is not None
    return report.day.reached_at


def _actions(house: WatchedInstallation) -> list[tuple[str, str, str]]:
    """The actions by `system` in the customer's activity log, oldest first."""
    found = app().foundation.activity_log.list(house.customer_id, PageRequest(100)).items
    return [(one.action, one.actor_user_id, one.reason) for one in reversed(found)]


def _assert_stopped(house: WatchedInstallation, deployment_id: str, reached: datetime) -> None:
    watch = house.watch()
    assert watch is not None
    assert watch.since is not None
    assert timedelta(0) <= watch.since - reached <= timedelta(seconds=1)
    assert (watch.reason, watch.deletes_at) == ("SPEND_CAP", None)
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    assert house.servers() == ["SHUTOFF"]
    house.assert_proven()


def test_a_customer_is_warned_stopped_at_the_cap_and_runs_again_when_the_day_ends(
    house: WatchedInstallation,
) -> None:
    deployment_id = house.running()
    reached = _cap(house, deployment_id, hours=5)
    house.run_until(reached - 50 * MINUTE)
    assert house.mails() == ["spend_cap_near"]
    house.run_until(reached - timedelta(seconds=1))
    assert house.status() is None
    house.run_for(1)
    assert house.status() == "SUSPENDED"
    house.run_for(60)
    _assert_stopped(house, deployment_id, reached)
    assert house.mails()[1:] == ["spend_cap_reached"]
    with pytest.raises(SpendCapReached, match="daily spend cap"):
        house.create()
    report = app().money.spend_caps.get(house.customer_id).day
    assert report.cap_micros is not None
    assert 0 <= report.spent_micros - report.cap_micros <= _price(house, deployment_id) // 60

    house.run_until(MIDNIGHT - timedelta(seconds=1))
    assert house.status() == "SUSPENDED"
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    house.run_for(61)
    assert house.status() is None
    assert house.deployment(deployment_id).status is DeploymentStatus.ACTIVE
    assert house.servers() == ["ACTIVE"]
    assert house.mails()[2:] == ["spend_cap_lifted"]
    assert _actions(house) == [
        ("suspend_machines", "system", "Your spend cap is reached"),
        ("resume_machines", "system", "Your spend cap leaves room again"),
    ]
    told = [event.message for event in house.timeline(deployment_id) if event.type in {"suspending", "resuming"}]
    assert [message.split(";")[0] for message in told] == [
        "Your spend cap is reached",
        "Your spend cap leaves room again",
    ]
    assert app().money.spend_caps.get(house.customer_id).day.spent_micros < _price(house, deployment_id) // 60
    house.assert_proven()


@pytest.mark.parametrize("caps", [NO_CAPS, Caps(daily_micros=10**9)], ids=["removed", "raised"])
def test_a_cap_that_is_raised_or_removed_lets_machines_run_at_once(house: WatchedInstallation, caps: Caps) -> None:
    deployment_id = house.running()
    reached = _cap(house, deployment_id, hours=1)
    house.run_until(reached + MINUTE)
    _assert_stopped(house, deployment_id, reached)
    app().money.spend_caps.put(house.customer_id, caps)
    house.run_for(60)
    assert house.status() is None
    assert house.deployment(deployment_id).status is DeploymentStatus.ACTIVE
    house.assert_proven()


def test_a_lower_cap_brings_the_stop_nearer_and_ends_the_wait_for_the_old_one(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    _cap(house, deployment_id, hours=9)
    house.deliver_stream()
    nearer = _cap(house, deployment_id, hours=2)
    house.run_until(nearer + MINUTE)
    _assert_stopped(house, deployment_id, nearer)
    waiting = [found for found in house.workflows.executions.values() if found.name.startswith("cus_")]
    house.run_until(MIDNIGHT + MINUTE)
    due = [found for found in waiting if found.wakes_at <= house.clock.now()]
    assert due
    assert {found.status for found in due} == {"SUCCEEDED"}


def test_g13_money_that_ends_during_a_stop_is_what_counts_and_a_payment_brings_the_cap_back(
    house: WatchedInstallation,
) -> None:
    deployment_id = house.running()
    reached = _cap(house, deployment_id, hours=1)
    house.run_until(reached + MINUTE)
    house.take(app().money.ledger.balance(house.customer_id).posted_micros)
    house.run_for(60)
    watch = house.watch()
    assert watch is not None
    assert (watch.reason, watch.deletes_at is not None) == ("BALANCE", True)
    house.pay(10_000_000)
    house.run_for(60)
    watch = house.watch()
    assert watch is not None
    assert (watch.reason, watch.deletes_at) == ("SPEND_CAP", None)
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    house.run_until(MIDNIGHT + MINUTE)
    assert house.status() is None
    assert house.deployment(deployment_id).status is DeploymentStatus.ACTIVE
    assert house.mails()[1:] == ["spend_cap_reached", "suspended", "spend_cap_reached", "spend_cap_lifted"]
    house.assert_proven()


def test_a_machine_that_is_ready_only_after_the_cap_is_switched_off_at_once(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    house.run_for(60)
    late = house.create().deployment.id
    spent = app().money.spend_caps.get(house.customer_id).day.spent_micros
    app().money.spend_caps.put(house.customer_id, Caps(daily_micros=spent))
    house.run_for(300)
    assert house.status() == "SUSPENDED"
    assert {house.deployment(each).status for each in (deployment_id, late)} == {DeploymentStatus.SUSPENDED}
    assert house.servers() == ["SHUTOFF", "SHUTOFF"]
    house.delete(deployment_id)
    house.delete(late)
    house.run_for(300)
    assert house.status() == "SUSPENDED"
    house.run_until(MIDNIGHT)
    assert house.status() is None
    assert house.mails() == ["spend_cap_reached"]
    house.assert_nothing_left()


def test_a_cap_is_met_within_a_minute_though_every_event_was_lost(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    reached = _cap(house, deployment_id, hours=5)
    house.run_until(reached - 3 * MINUTE)
    for execution in house.workflows.executions.values():
        execution.status = "ABORTED"
    house.loses_stream = True
    house.run_with_schedules(180 + 60)
    watch = house.watch()
    assert watch is not None
    assert watch.since is not None
    assert timedelta(0) <= watch.since - reached <= MINUTE
    house.run_with_schedules(180)
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    house.assert_proven()


@pytest.mark.guarantee("G03", "G28")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_stop_and_its_end_survive_a_fault(house: WatchedInstallation, fault: Fault) -> None:
    deployment_id = house.running()
    reached = _cap(house, deployment_id, hours=5)
    house.run_until(reached - timedelta(seconds=1))
    once = Once(house, "WatchBalance", fault)
    house.workflows.around = once
    house.run_with_schedules(600)
    assert once.struck
    house.region.simulator.cloud.faults.clear()
    house.run_with_schedules(120)
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    house.run_until(MIDNIGHT)
    house.run_with_schedules(300)
    assert house.status() is None
    assert house.deployment(deployment_id).status is DeploymentStatus.ACTIVE
    assert house.mails() == ["spend_cap_near", "spend_cap_reached", "spend_cap_lifted"]
    house.assert_proven()


# API keys


def _create_through_key(house: WatchedInstallation) -> str:
    accepted = app().cloud.ordering.create(Reach(house.customer_id), house.wanted(), key=None, api_key_id=KEY)
    return accepted.deployment.id


def _capped_key(monkeypatch: pytest.MonkeyPatch, caps: Caps) -> KeyCaps:
    key_caps = KeyCaps(caps)
    give(money={"key_caps": key_caps})
    return key_caps


def test_what_a_keys_machines_cost_counts_for_its_cap_which_stops_nothing(
    house: WatchedInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = house.running()
    price = _price(house, own)
    key_caps = _capped_key(monkeypatch, Caps(daily_micros=2 * price))
    deployment_id = _create_through_key(house)
    house.run_for(300)
    assert house.deployment(deployment_id).made_by_key == KEY
    house.run_for(3_600)
    with pytest.raises(SpendCapReached, match="This API key's daily spend cap"):
        _create_through_key(house)
    house.create()  # a session is not limited by the key's cap
    house.run_for(2 * 3_600)
    assert house.status() is None
    assert house.deployment(deployment_id).status is DeploymentStatus.ACTIVE
    house.delete(deployment_id)
    house.run_for(60)
    spending = app().money.ledger_records.key_spending(house.customer_id, KEY)
    usage = app().money.meter_records.all_usage(house.customer_id, deployment_id)
    assert spending.day.posted_micros == sum(record.amount_micros for record in usage) > 3 * price
    assert spending.micros_per_hour == 0
    key_caps.caps = Caps(daily_micros=spending.day.posted_micros + price)
    _create_through_key(house)
    assert spending.spent_micros(Period.DAY, int(MIDNIGHT.timestamp())) == 0


@pytest.mark.guarantee("G07")
def test_of_many_that_ask_for_the_last_room_at_once_one_gets_it(
    house: WatchedInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = _price(house, house.create().deployment.id)
    _capped_key(monkeypatch, Caps(daily_micros=2 * price - 1))

    def ask(_: int) -> bool:
        try:
            _create_through_key(house)
        except SpendCapReached:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == [False] * 7 + [True]
    holds = list(app().money.ledger_records.holds(house.customer_id))
    assert [hold.api_key_id for hold in holds if hold.purpose is HoldPurpose.PROVISIONING and hold.api_key_id] == [
        KEY
    ]
