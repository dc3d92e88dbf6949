"""Metering of many machines of many customers, with failures."""

from dataclasses import dataclass

import pytest

from chalicelib.domain.money.ledger.models import Account, EntryType
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.metering.models import Meter, PriceChange
from chalicelib.domain.money.metering.ports import SHARDS
from chalicelib.domain.money.metering.service import Metering
from chalicelib.kernel.clock import epoch_seconds
from tests.fakes.money import (
    Crash,
    InterruptedTransactor,
    MemoryLedgerRecords,
    MemoryMeterRecords,
    MemoryPrices,
    MemoryQueue,
    MemoryTable,
    MemoryTransactor,
)
from tests.support.clock import SettableClock

HOURLY = 3_600_000


@dataclass
class Books:
    """Ledger and metering in memory."""

    ledger: Ledger
    metering: Metering
    records: MemoryLedgerRecords
    meters: MemoryMeterRecords
    transactor: InterruptedTransactor
    clock: SettableClock
    queue: MemoryQueue
    prices: MemoryPrices

    def open(self, customer_id: str, count: int) -> None:
        """Open the meters of `count` machines, at a dollar per second."""
        for number in range(count):
            change = self.ledger.change(customer_id, self.clock.now())
            opened_at = epoch_seconds(self.clock.now())
            meter = Meter.opening(customer_id, f"dep_{number:03d}", 1, HOURLY, opened_at)
            self.transactor.commit([*self.metering.open(change, meter), *change.writes()])

    def account(self, customer_id: str) -> Account:
        """The present account."""
        account = self.records.account(customer_id)
        assert account is not None
        return account


@pytest.fixture
def books() -> Books:
    table, clock, queue, prices = MemoryTable(), SettableClock(), MemoryQueue(), MemoryPrices()
    records, meters = MemoryLedgerRecords(table), MemoryMeterRecords(table)
    transactor = InterruptedTransactor(MemoryTransactor(table))
    ledger = Ledger(records, transactor, clock)
    books = Books(
        ledger,
        Metering(meters, prices, meters, ledger, transactor, queue, clock),
        records,
        meters,
        transactor,
        clock,
        queue,
        prices,
    )
    for customer_id in ("cus_a", "cus_b", "cus_c"):
        transactor.commit(ledger.open_account(customer_id))
    return books


def test_a_run_asks_for_every_shard_once(books: Books) -> None:
    assert books.metering.run() == SHARDS
    assert books.queue.sent == list(range(SHARDS))


@pytest.mark.guarantee("G05")
@pytest.mark.parametrize("count", [1, 33, 34, 70])
def test_g05_a_customer_with_more_machines_than_fit_a_transaction_is_charged_for_all(
    books: Books, count: int
) -> None:
    books.open("cus_a", count)
    books.clock.advance(10)
    assert books.metering.meter_shard(0) == count
    account = books.account("cus_a")
    assert account.posted_micros == -count * 10 * 1_000
    assert account.sequence == count
    assert books.metering.meter_shard(0) == 0


def test_one_customers_trouble_does_not_keep_the_others_from_being_charged(books: Books) -> None:
    for customer_id in ("cus_a", "cus_b", "cus_c"):
        books.open(customer_id, 2)
    books.clock.advance(10)
    broken = books.meters.now_open()
    books.meters.lagging = [
        *broken[:2],
        Meter.opening("cus_unknown", "dep_x", 1, HOURLY, broken[0].opened_at),
        *broken[2:],
    ]
    with pytest.raises(ExceptionGroup, match="1 customers of shard 0 were not metered"):
        books.metering.meter_shard(0)
    assert [books.account(customer_id).posted_micros for customer_id in ("cus_a", "cus_b", "cus_c")] == [
        -20_000
    ] * 3


@pytest.mark.guarantee("G03")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_g03_a_worker_that_dies_never_charges_twice(books: Books, moment: str) -> None:
    def die() -> None:
        raise Crash

    books.open("cus_a", 3)
    books.clock.advance(10)
    setattr(books.transactor, moment, die)
    with pytest.raises(ExceptionGroup):
        books.metering.meter_shard(0)
    books.metering.meter_shard(0)
    assert books.account("cus_a").posted_micros == -30_000
    assert books.account("cus_a").sequence == 3


def test_an_interval_too_short_to_cost_anything_is_recorded_without_an_entry(books: Books) -> None:
    change = books.ledger.change("cus_a", books.clock.now())
    meter = Meter.opening("cus_a", "dep_cheap", 1, 1_800, epoch_seconds(books.clock.now()))
    books.transactor.commit([*books.metering.open(change, meter), *change.writes()])
    for _ in range(5):
        books.clock.advance(1)
        books.metering.meter_shard(0)
    usage = list(books.meters.all_usage("cus_a", "dep_cheap"))
    assert [record.amount_micros for record in usage] == [0, 1, 0, 1, 0]
    assert [record.entry_sequence for record in usage] == [None, 1, None, 2, None]
    assert books.account("cus_a").posted_micros == -2


@pytest.mark.guarantee("G05", "G06")
def test_g06_what_a_fast_clock_charged_too_far_ahead_is_taken_back(books: Books) -> None:
    books.open("cus_a", 1)
    now = books.clock.now()
    books.clock.advance(300)
    books.metering.meter_shard(0)
    books.clock.set(now)
    books.clock.advance(100)
    change = books.ledger.change("cus_a", books.clock.now())
    meter = books.metering.meter("cus_a", "dep_000")
    assert meter is not None
    writes = books.metering.close(change, meter, epoch_seconds(books.clock.now()))
    books.transactor.commit([*change.writes(), *writes])
    first, second = books.records.all_entries("cus_a")
    assert (first.type, first.change_micros) == (EntryType.USAGE, -300_000)
    assert (second.type, second.change_micros) == (EntryType.USAGE_CORRECTION, 200_000)
    assert second.at > first.at
    assert books.account("cus_a").posted_micros == -100_000
    assert books.account("cus_a").burn.micros_per_hour == 0


PARTS = {"type": 1}


def test_every_shard_is_asked_for_at_the_second_at_which_a_price_changes_soon(books: Books) -> None:
    now = epoch_seconds(books.clock.now())
    moments = (now - 1, now, now + 40, now + 90, now + 91)
    books.prices.histories["type"] = (PriceChange(0, 1), *(PriceChange(at, at) for at in moments))
    assert books.metering.run_at_changes() == [now, now + 40, now + 90]
    assert books.queue.sent == [*range(SHARDS)] * 3
    assert books.queue.delays_seconds == [1] * SHARDS + [41] * SHARDS + [91] * SHARDS


def test_while_no_price_changes_nobody_is_asked(books: Books) -> None:
    books.prices.histories["type"] = (PriceChange(0, 1),)
    assert books.metering.run_at_changes() == []
    assert books.queue.sent == []


@pytest.mark.guarantee("G05")
@pytest.mark.parametrize("count", [1, 16, 17, 40])
def test_g05_all_machines_of_a_customer_take_the_new_price_whatever_fits_a_transaction(
    books: Books, count: int
) -> None:
    start = epoch_seconds(books.clock.now())
    books.prices.histories["type"] = (
        PriceChange(0, HOURLY),
        PriceChange(start + 10, 2 * HOURLY),
        PriceChange(start + 20, HOURLY),
    )
    for number in range(count):
        change = books.ledger.change("cus_a", books.clock.now())
        meter = books.metering.next_meter("cus_a", f"dep_{number:03d}", PARTS, 7, start)
        books.transactor.commit([*books.metering.open(change, meter), *change.writes()])
    books.clock.advance(25)
    assert books.metering.meter_shard(0) == count
    account = books.account("cus_a")
    assert account.posted_micros == -count * (10 + 2 * 10 + 5) * 1_000
    assert account.burn.micros_per_hour == count * HOURLY
    assert [meter.number for meter in books.meters.now_open()] == [3] * count
    assert {books.meters.shown_price("cus_a", f"dep_{number:03d}") for number in range(count)} == {HOURLY}


def test_a_price_that_nobody_knows_is_the_machines_own(books: Books) -> None:
    meter = books.metering.next_meter("cus_a", "dep_a", {"gone": 1}, 7, 1_000)
    assert (meter.price_micros_per_hour, meter.number, meter.opened_at) == (7, 1, 1_000)
    assert books.metering.price({"gone": 1}, 7) == 7
    books.prices.histories["gone"] = (PriceChange(0, 9),)
    assert books.metering.price({"gone": 2}, 7) == 18
