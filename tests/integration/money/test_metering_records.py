"""Writes that the table refuses, whatever a service does: the last defence of G03, G04 and G07."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib.adapters.dynamodb.money.ledger import DynamoLedgerRecords
from chalicelib.adapters.dynamodb.money.metering import DynamoMeterRecords
from chalicelib.adapters.dynamodb.transactor import DynamoTransactor
from chalicelib.domain.money.ledger.models import Account, Hold, HoldPurpose
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.metering.models import Meter
from chalicelib.domain.money.metering.ports import METER_UNCHANGED, SHARDS
from chalicelib.kernel.pages import PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Write
from tests.support.clock import START
from tests.support.engine import Engine

METER = Meter.opening("cus_a", "dep_a", 1, 3_600_000, 1_000)


@pytest.fixture
def meters(table: Engine) -> DynamoMeterRecords:
    return DynamoMeterRecords()


@pytest.fixture
def books(table: Engine) -> DynamoLedgerRecords:
    return DynamoLedgerRecords()


def commit(*writes: Write) -> None:
    DynamoTransactor().commit(writes)


def refused(asserts: str, *writes: Write) -> None:
    """Assert that the table refuses the writes of the block, for the assertion with this name."""
    with pytest.raises(ConditionFailed) as failed:
        commit(*writes)
    assert failed.value.asserts == {asserts}


@pytest.mark.guarantee("G04")
def test_g04_a_meter_moves_only_from_the_watermark_that_was_read(meters: DynamoMeterRecords) -> None:
    commit(meters.insert_meter(METER))
    moved, _ = METER.advanced(1_100)
    commit(meters.replace_meter(METER, moved))
    refused(METER_UNCHANGED, meters.replace_meter(METER, METER.advanced(1_200)[0]))
    assert meters.meter("cus_a", "dep_a") == moved


@pytest.mark.guarantee("G06")
def test_g06_a_closed_meter_never_moves_again(meters: DynamoMeterRecords) -> None:
    commit(meters.insert_meter(METER))
    closed, usage = METER.closed(METER.watermark)
    assert usage is None
    commit(meters.replace_meter(METER, closed))
    refused(METER_UNCHANGED, meters.replace_meter(METER, METER.advanced(1_200)[0]))
    refused(METER_UNCHANGED, meters.replace_meter(METER, closed))
    assert [found for shard in range(SHARDS) for found in meters.open_meters(shard)] == []
    assert meters.meter("cus_a", "dep_a") == closed


@pytest.mark.guarantee("G04")
def test_g04_an_interval_is_recorded_once_and_a_meter_opened_once(meters: DynamoMeterRecords) -> None:
    _, usage = METER.advanced(1_100)
    assert usage is not None
    commit(meters.insert_meter(METER), meters.insert_usage(usage))
    refused(METER_UNCHANGED, meters.insert_usage(replace(usage, end=1_200)))
    refused(METER_UNCHANGED, meters.insert_meter(replace(METER, price_micros_per_hour=1)))
    assert list(meters.all_usage("cus_a", "dep_a")) == [usage]


def test_open_meters_of_a_customer_are_side_by_side_in_one_shard(meters: DynamoMeterRecords) -> None:
    """The worker groups meters by customer, so it posts all meters of a customer together."""
    opened = [
        Meter.opening(f"cus_{number % 40:02d}", f"dep_{number:03d}", 1, 1, 1_000 + number) for number in range(120)
    ]
    for meter in opened:
        commit(meters.insert_meter(meter))
    by_shard: Sequence[list[str]] = [
        [meter.customer_id for meter in meters.open_meters(shard)] for shard in range(SHARDS)
    ]
    assert all(customers == sorted(customers) for customers in by_shard)
    assert sum(len(set(customers)) for customers in by_shard) == 40
    assert sum(len(customers) for customers in by_shard) == 120
    assert sum(1 for customers in by_shard if customers) > SHARDS // 2


def test_usage_is_listed_in_pages_oldest_first_and_a_correction_last(meters: DynamoMeterRecords) -> None:
    meter, recorded = METER, []
    for second in (1_001, 1_500, 9_999):
        meter, usage = meter.advanced(second)
        assert usage is not None
        recorded.append(usage)
    _, correction = meter.closed(1_200)
    assert correction is not None
    recorded.append(correction)
    commit(*(meters.insert_usage(usage) for usage in recorded))
    first = meters.usage("cus_a", "dep_a", PageRequest(3))
    rest = meters.usage("cus_a", "dep_a", PageRequest(3, first.next_cursor))
    assert [*first.items, *rest.items] == recorded
    assert rest.next_cursor is None
    assert sum(usage.amount_micros for usage in recorded) == METER.charge_until(1_200)


@pytest.mark.guarantee("G07")
def test_g07_an_account_changes_only_from_what_was_read(books: DynamoLedgerRecords) -> None:
    account = Account("cus_a")
    commit(*books.insert_account(account))
    richer = replace(account, posted_micros=5, version=1)
    commit(books.replace_account(account, richer))
    refused(ACCOUNT_UNCHANGED, books.replace_account(account, replace(account, posted_micros=9, version=1)))
    assert books.account("cus_a") == richer
    refused("new_account", *books.insert_account(account))


@pytest.mark.guarantee("G08")
def test_g08_a_hold_is_placed_once_and_changed_only_from_what_was_read(books: DynamoLedgerRecords) -> None:
    hold = Hold("cus_a", "dep_a", 60, HoldPurpose.PROVISIONING, START)
    commit(books.insert_hold(hold))
    refused(ACCOUNT_UNCHANGED, books.insert_hold(hold))
    turned = replace(hold, amount_micros=10, purpose=HoldPurpose.RUNNING)
    commit(books.replace_hold(hold, turned))
    refused(ACCOUNT_UNCHANGED, books.replace_hold(hold, turned))
    refused(ACCOUNT_UNCHANGED, books.delete_hold(hold))
    assert books.hold("cus_a", "dep_a") == turned
    assert list(books.holds("cus_a")) == [turned]
    commit(books.delete_hold(turned))
    refused(ACCOUNT_UNCHANGED, books.delete_hold(turned))
    assert books.hold("cus_a", "dep_a") is None
