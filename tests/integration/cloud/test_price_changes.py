"""Price changes while machines run: from the data file to the ledger, the letters and the suspension."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from chalicelib.adapters.aws.clients import sqs
from chalicelib.domain.cloud.announcements import service as announcements
from chalicelib.domain.cloud.catalog.models import Catalog
from chalicelib.domain.cloud.catalog.prices import NOTICE, PricesRefused
from chalicelib.domain.cloud.deployments.models import DeploymentStatus
from chalicelib.domain.cloud.deployments.usage import UsageSpan
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.domain.money.ledger.models import EntryType
from chalicelib.domain.money.ledger.ports import EntryFilter
from chalicelib.domain.money.metering.models import Meter, PriceChange
from chalicelib.domain.money.metering.ports import SHARDS
from chalicelib.domain.money.metering.slots import UsageSlot
from chalicelib.kernel.clock import epoch_seconds, isoformat
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import PageRequest
from chalicelib.wiring.app import app
from functions.cloud.catalog.workers import announce_prices, follow_prices
from functions.cloud.deployments.schemas import UsageView
from tests.fakes.lifecycle import Region
from tests.fakes.money import Crash
from tests.fakes.suspension import EMAIL, WatchedInstallation
from tests.support.aws import PlayedAws
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.settings import value_of
from tools import load_catalog
from tools.catalog_data import read_catalog

OLD = 32_000
"""The price of cpu-2x4 per hour in the repository's data."""
NEW = 64_001
TYPE = "INSTANCE_TYPE#cpu-2x4"


@pytest.fixture
def house(
    table: Engine, clock: SettableClock, region: Region, monkeypatch: pytest.MonkeyPatch
) -> WatchedInstallation:
    return WatchedInstallation(table, clock, region, monkeypatch)


def with_changes(*changes: tuple[datetime, int], instance_type: str = "cpu-2x4") -> Catalog:
    """The catalogue with changes of the price of a type."""
    catalog = read_catalog()
    history = tuple(PriceChange(epoch_seconds(at), price) for at, price in changes)
    types = tuple(
        replace(entry, price_changes=history) if entry.id == instance_type else entry
        for entry in catalog.instance_types
    )
    return replace(catalog, instance_types=types)


def meter_all() -> None:
    """Run metering."""
    for shard in range(SHARDS):
        app().money.metering.meter_shard(shard)


def meters(house: WatchedInstallation, deployment_id: str) -> list[Meter]:
    return list(app().money.meter_records.meters(house.customer_id, deployment_id))


def charge(price_micros_per_hour: int, seconds: float) -> int:
    """The charge by the test's own formula."""
    return int(price_micros_per_hour * int(seconds) // 3600)


@pytest.mark.guarantee("G04", "G05", "G12", "G13")
def test_g05_a_running_machine_costs_the_new_price_from_its_second_on(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    opened_at = meters(house, deployment_id)[0].opened_at
    changes_at = (house.clock.now() + timedelta(hours=30)).replace(microsecond=0)
    house.run_for(1_000)
    meter_all()
    app().cloud.catalog_loader.load(with_changes((changes_at, NEW)))
    house.run_until(changes_at - timedelta(seconds=100))
    meter_all()
    late = 217
    house.run_until(changes_at + timedelta(seconds=late))
    assert app().money.ledger.balance(house.customer_id).burn_micros_per_hour == OLD
    zero_before = house.zero()
    meter_all()

    old, new = meters(house, deployment_id)
    second = epoch_seconds(changes_at)
    assert (old.price_micros_per_hour, old.opened_at, old.closed_at) == (OLD, opened_at, second)
    assert (new.price_micros_per_hour, new.opened_at, new.closed_at) == (NEW, second, None)
    assert new.watermark == second + late
    assert house.charged_micros() == charge(OLD, second - opened_at) + charge(NEW, late)
    assert house.deployment(deployment_id).price_micros_per_hour == NEW
    balance = app().money.ledger.balance(house.customer_id)
    assert (balance.burn_micros_per_hour, balance.posted_micros) == (NEW, 100_000_000 - house.charged_micros())
    assert house.zero() < zero_before
    house.assert_proven()

    usage = app().cloud.usage_reports.intervals(Reach(house.customer_id), deployment_id, PageRequest(100))
    shown = UsageView.of(usage)
    assert (shown.proof.tiles, shown.proof.sums) == (True, True)
    assert {interval.price_per_hour.amount for interval in shown.intervals} == {"0.032", "0.064001"}

    # The watch waits for the time at which the balance ends at the new price.
    zero = house.zero()
    house.run_until(zero - timedelta(seconds=2))
    assert house.status() is None
    house.run_for(3)
    assert house.status() == "SUSPENDED"
    house.run_for(60)
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    house.assert_proven()


@pytest.mark.guarantee("G05", "G06")
def test_g06_a_machine_deleted_before_any_run_has_noticed_pays_each_price_for_its_seconds(
    house: WatchedInstallation,
) -> None:
    deployment_id = house.running()
    opened_at = meters(house, deployment_id)[0].opened_at
    first = (house.clock.now() + timedelta(hours=2)).replace(microsecond=0)
    second = first + timedelta(seconds=7)
    app().cloud.catalog_loader.load(with_changes((first, NEW), (second, 1)))
    house.run_until(second + timedelta(hours=1))
    house.delete(deployment_id)
    ended_at = epoch_seconds(house.clock.now())
    house.settle()
    expected = charge(OLD, epoch_seconds(first) - opened_at) + charge(NEW, 7)
    assert house.charged_micros() == expected + charge(1, ended_at - epoch_seconds(second))
    assert [meter.closed_at for meter in meters(house, deployment_id)] == [
        epoch_seconds(first),
        epoch_seconds(second),
        ended_at,
    ]
    house.assert_nothing_left()


def test_a_machine_that_is_off_takes_the_new_price_when_it_runs_again(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    house.run_until(house.zero() + timedelta(minutes=2))
    assert house.deployment(deployment_id).status is DeploymentStatus.SUSPENDED
    changes_at = house.clock.now() + timedelta(hours=1)
    app().cloud.catalog_loader.load(with_changes((changes_at, OLD * 1_000)))
    house.run_until(changes_at + timedelta(hours=1))
    meter_all()
    reserve = OLD * 1_000 // 6
    owed = app().money.ledger.balance(house.customer_id).debt_micros
    house.pay(owed + reserve - 1)
    house.run_for(60)
    assert house.status() == "SUSPENDED"
    house.pay(1, key="the last")
    house.run_for(60)
    deployment = house.deployment(deployment_id)
    assert (deployment.status, deployment.price_micros_per_hour) == (DeploymentStatus.ACTIVE, OLD * 1_000)
    assert meters(house, deployment_id)[-1].price_micros_per_hour == OLD * 1_000
    house.assert_proven()


def test_a_machine_that_was_asked_for_before_a_change_and_is_ready_after_it_costs_the_new_price(
    house: WatchedInstallation,
) -> None:
    changes_at = house.clock.now() + NOTICE + timedelta(seconds=2)
    app().cloud.catalog_loader.load(with_changes((changes_at, NEW)))
    house.clock.set(changes_at - timedelta(seconds=1))
    deployment = house.deployment(house.running())
    assert deployment.price_micros_per_hour == NEW
    assert app().money.ledger.balance(house.customer_id).held_micros == min(OLD, NEW * 600 // 3600)
    (meter,) = meters(house, deployment.id)
    assert (meter.price_micros_per_hour, meter.continues) == (NEW, False)
    house.assert_proven()


@pytest.mark.guarantee("G05")
def test_g05_hours_days_intervals_and_the_ledger_have_the_same_sum(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    start = house.clock.now()
    changes_at = (start + timedelta(hours=26, minutes=20)).replace(microsecond=0)
    app().cloud.catalog_loader.load(with_changes((changes_at, NEW)))
    for minutes in (17, 600, 1_000, 31, 3, 900):
        house.run_for(minutes * 60)
        meter_all()
    house.delete(deployment_id)
    house.settle()
    deployment = house.deployment(deployment_id)
    reports = app().cloud.usage_reports
    hours = reports.hourly(deployment, UsageSpan(), PageRequest(100)).items
    days = reports.daily(deployment, UsageSpan(), PageRequest(100), "Europe/Berlin").items
    intervals = list(app().money.meter_records.all_usage(house.customer_id, deployment_id))
    entries = app().money.ledger.entries(house.customer_id, EntryFilter(type=EntryType.USAGE), PageRequest(100))
    sums = {
        sum(hour.amount_micros for hour in hours),
        sum(day.amount_micros for day in days),
        sum(record.amount_micros for record in intervals),
        -sum(entry.change_micros for entry in entries.items),
        house.charged_micros(),
    }
    assert len(sums) == 1
    assert len(hours) > 40
    assert len(days) == 3
    two_prices = [hour for hour in hours if len(hour.parts) == 2]
    assert [[part.price_micros_per_hour for part in hour.parts] for hour in two_prices] == [[OLD, NEW]]
    assert two_prices[0].start <= epoch_seconds(changes_at) < two_prices[0].end

    paged: list[UsageSlot] = []
    cursor: str | None = None
    while True:
        page = reports.hourly(deployment, UsageSpan(), PageRequest(7, cursor))
        paged += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert paged == hours
    middle = start + timedelta(hours=20, minutes=1)
    before = reports.hourly(deployment, UsageSpan(end=middle), PageRequest(100)).items
    after = reports.hourly(deployment, UsageSpan(start=middle), PageRequest(100)).items
    assert [*before, *after] == hours


def test_customers_with_such_machines_are_told_once_for_each_change(house: WatchedInstallation) -> None:
    deployment_id = house.running()
    name = house.deployment(deployment_id).name
    changes_at = (house.clock.now() + timedelta(days=3)).replace(microsecond=0)
    app().cloud.catalog_loader.load(with_changes((changes_at, NEW)))
    assert announce_prices({}, None) == {"told": 1}
    assert announce_prices({}, None) == {"told": 0}
    app().cloud.catalog_loader.load(with_changes((changes_at, NEW)))
    assert app().cloud.price_announcements.run() == 0
    assert house.mails() == ["price_change"]
    when = f"{changes_at.day} {changes_at:%B %Y, %H:%M:%S} UTC"
    expected = f"{name}: 0.032 USD an hour, 0.064001 USD from {when} on"
    assert f"\n- {expected}\n" in house.mailbox.newest("price_change", EMAIL).mail.text

    app().cloud.catalog_loader.load(read_catalog())
    assert app().cloud.price_announcements.run() == 1
    assert house.mails() == ["price_change"] * 2
    stays = f"\n- {name}: 0.032 USD an hour, which stays\n"
    assert stays in house.mailbox.newest("price_change", EMAIL).mail.text


@pytest.mark.guarantee("G13")
def test_g13_the_shards_are_metered_at_the_second_of_the_change(
    house: WatchedInstallation, aws: PlayedAws
) -> None:
    """The queue delays one message for each shard until then."""
    changes_at = house.clock.now().replace(microsecond=0) + timedelta(hours=1)
    app().cloud.catalog_loader.load(with_changes((changes_at, NEW)))
    assert follow_prices({}, None) == {"seconds": []}
    house.clock.set(changes_at - timedelta(seconds=30))
    assert follow_prices({}, None) == {"seconds": [epoch_seconds(changes_at)]}
    sent = [(message["MessageBody"], message["DelaySeconds"]) for message in aws.asked("SendMessage")]
    assert sent == [(f'{{"shard": {shard}}}', 31) for shard in range(SHARDS)]
    waiting = sqs().get_queue_attributes(
        QueueUrl=value_of("METERING_QUEUE_URL"), AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )
    assert waiting["Attributes"]["ApproximateNumberOfMessagesDelayed"] == str(SHARDS)


def test_customers_without_such_machines_get_no_mail(house: WatchedInstallation) -> None:
    house.running()
    app().cloud.catalog_loader.load(
        with_changes((house.clock.now() + timedelta(days=3), NEW), instance_type="cpu-4x8")
    )
    assert app().cloud.price_announcements.run() == 0
    assert house.mails() == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_announcement_that_dies_goes_on_and_nobody_is_told_twice(
    house: WatchedInstallation, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are seven customers, two in each run, and a run that dies at each of its writes."""
    for _ in range(7):
        open_meter(house)
    monkeypatch.setattr(announcements, "CUSTOMERS_A_RUN", 2)
    app().cloud.catalog_loader.load(with_changes((house.clock.now() + timedelta(days=3), NEW)))

    def die() -> None:
        raise Crash

    for run in range(12):
        setattr(house.transactor, moment, die if run % 2 else None)
        try:
            app().cloud.price_announcements.run()
        except (Crash, ExceptionGroup):
            continue
        finally:
            house.transactor.before = house.transactor.after = None
    told = [item for item in house.table.items() if item["kind"]["S"] == "PRICE_TOLD"]
    assert len(told) == 7
    assert app().cloud.price_announcements.run() == 0


def open_meter(house: WatchedInstallation) -> None:
    """Open a meter of another customer, without a machine."""
    customer_id = new_id(Kind.CUSTOMER, house.clock.now())
    house.transactor.commit(app().money.ledger.open_account(customer_id))
    change = app().money.ledger.change(customer_id, house.clock.now())
    deployment_id = new_id(Kind.DEPLOYMENT, house.clock.now())
    meter = app().money.metering.next_meter(
        customer_id, deployment_id, {TYPE: 1}, OLD, epoch_seconds(house.clock.now())
    )
    house.transactor.commit([*app().money.metering.open(change, meter), *change.writes()])


def test_prices_in_force_cannot_be_changed_by_loading_and_nothing_else_is_loaded_then(
    house: WatchedInstallation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = house.table.items()
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        yaml.safe_dump({"instance_types": {"cpu-2x4": {"price_per_hour": "0.05"}, "cpu-4x8": None}})
    )
    assert load_catalog.main(["--overlay", str(overlay)]) == 1
    assert "cpu-2x4: its price of 0.032 stands" in capsys.readouterr().err
    assert house.table.items() == before
    with pytest.raises(PricesRefused):
        app().cloud.catalog_loader.load(with_changes((house.clock.now() - timedelta(days=1), NEW)))
    assert house.table.items() == before


def test_the_command_loads_a_change_that_is_dated(
    house: WatchedInstallation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = tmp_path / "overlay.yaml"
    change = {
        "effective_from": isoformat(house.clock.now().replace(microsecond=0) + timedelta(days=1)),
        "price": "2",
    }
    overlay.write_text(yaml.safe_dump({"instance_types": {"cpu-2x4": {"price_changes": [change]}}}))
    assert load_catalog.main(["--overlay", str(overlay)]) == 0
    assert f"{TYPE} has another future now" in capsys.readouterr().out
    assert load_catalog.main(["--overlay", str(overlay)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("; 0 entries changed")


def test_who_loads_decides_on_what_another_has_loaded_meanwhile(house: WatchedInstallation) -> None:
    """Another process has loaded a change that is too near to be withdrawn, before the slower one writes."""
    near = house.clock.now().replace(microsecond=0) + NOTICE + timedelta(seconds=5)

    def another() -> None:
        app().cloud.catalog_loader.load(with_changes((near, NEW)))
        house.clock.advance(10)

    house.transactor.before = another
    with pytest.raises(PricesRefused, match=r"its price of 0\.064001 stands"):
        app().cloud.catalog_loader.load(with_changes((near + timedelta(days=1), 2 * NEW)))
    history = app().money.prices.sheet().histories[TYPE]
    assert [change.micros_per_hour for change in history] == [OLD, NEW]
