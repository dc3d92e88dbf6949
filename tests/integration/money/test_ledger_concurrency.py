"""Sixteen writers on one balance, on an engine with real transactions."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import pytest
from pynamodb.exceptions import CancellationReason, VerboseClientError

from chalicelib.adapters.dynamodb.cloud.deployments import DynamoDeploymentRecords
from chalicelib.adapters.dynamodb.money.ledger import DynamoLedgerRecords
from chalicelib.adapters.dynamodb.money.metering import DynamoMeterRecords
from chalicelib.adapters.dynamodb.table import Record
from chalicelib.adapters.dynamodb.transactor import DynamoTransactor
from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.domain.money.ledger.models import Account, EntryType
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.metering.models import Meter
from chalicelib.domain.money.metering.ports import SHARDS
from chalicelib.domain.money.metering.service import Metering
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.transactions import TransactionContended, Transactor, Write, with_fresh_reads
from tests.fakes.money import Crash, InterruptedTransactor, MemoryPrices, MemoryQueue
from tests.support.clock import SettableClock
from tests.support.engine import Engine

CUSTOMER = "cus_shared"
WRITERS = 16
DOLLAR = 1_000_000


@dataclass
class Books:
    """The real ledger and metering of one customer."""

    ledger: Ledger
    metering: Metering
    records: DynamoLedgerRecords
    transactor: Transactor
    clock: SettableClock

    def account(self) -> Account:
        """The present account."""
        account = self.records.account(CUSTOMER)
        assert account is not None
        return account

    def change(self, decide: Callable[[AccountChange], Sequence[Write]]) -> None:
        """Change the account as a service would."""

        def attempt() -> None:
            change = self.ledger.change(CUSTOMER, self.clock.now())
            others = decide(change)
            self.transactor.commit([*change.writes(), *others])

        with_fresh_reads(attempt, stale=frozenset({ACCOUNT_UNCHANGED}))

    def credit(self, key: str, amount_micros: int = DOLLAR) -> None:
        """Credit an amount, as staff do."""
        self.ledger.credit(CUSTOMER, amount_micros, reason="a test", actor_user_id="usr_staff", key=key)

    def hold(self, reference: str, amount_micros: int) -> bool:
        """Hold an amount; return whether the balance was sufficient."""

        def place(change: AccountChange) -> Sequence[Write]:
            change.place_hold(reference, amount_micros)
            return []

        try:
            self.change(place)
        except InsufficientBalance:
            return False
        return True

    def open_meter(self, deployment_id: str, price_micros_per_hour: int) -> None:
        """Open the meter of a machine."""
        opened_at = epoch_seconds(self.clock.now())
        meter = Meter.opening(CUSTOMER, deployment_id, 1, price_micros_per_hour, opened_at)
        self.change(lambda change: self.metering.open(change, meter))

    def meter_everything(self) -> int:
        """Meter all shards once."""
        return sum(self.metering.meter_shard(shard) for shard in range(SHARDS))


def _books(transactor: Transactor, clock: SettableClock) -> Books:
    records = DynamoLedgerRecords()
    ledger = Ledger(records, transactor, clock)
    metering = Metering(
        DynamoMeterRecords(), MemoryPrices(), DynamoDeploymentRecords(), ledger, transactor, MemoryQueue(), clock
    )
    return Books(ledger, metering, records, transactor, clock)


@pytest.fixture
def books(table: Engine, clock: SettableClock) -> Books:
    books = _books(DynamoTransactor(), clock)
    books.transactor.commit(books.ledger.open_account(CUSTOMER))
    return books


def assert_numbered(books: Books) -> None:
    """Assert that entries have no gaps, each balance follows from the one before, and the account from all."""
    entries = list(books.records.all_entries(CUSTOMER))
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    balance = 0
    for entry in entries:
        balance += entry.change_micros
        assert entry.balance_after_micros == balance
    account = books.account()
    assert (account.posted_micros, account.sequence) == (balance, len(entries))
    assert account.held_micros == sum(hold.amount_micros for hold in books.records.holds(CUSTOMER))


@pytest.mark.guarantee("G03", "G07")
def test_g07_sixteen_writers_lose_nothing_double_nothing_and_never_overdraw(books: Books) -> None:
    """With credits, holds and usage at once, every acknowledged change is there."""
    books.credit("start", 10 * DOLLAR)
    for number in range(4):
        books.open_meter(f"dep_run_{number}", 3_600_000)
    acknowledged: dict[str, int] = {"credit": 0, "hold": 0, "usage": 0}
    lock = Lock()

    def writer(number: int) -> None:
        for turn in range(3):
            kind = ("credit", "hold", "usage")[(number + turn) % 3]
            if kind == "credit":
                books.credit(f"credit-{number}-{turn}")
                count = 1
            elif kind == "hold":
                count = int(books.hold(f"dep_{number}_{turn}", 2 * DOLLAR))
            else:
                books.clock.advance(1)
                count = books.meter_everything()
            with lock:
                acknowledged[kind] += count

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(writer, range(WRITERS)))

    assert_numbered(books)
    entries = list(books.records.all_entries(CUSTOMER))
    by_type = {type_: [entry for entry in entries if entry.type is type_] for type_ in EntryType}
    assert len(by_type[EntryType.CREDIT]) == acknowledged["credit"] + 1
    assert len({entry.reference for entry in by_type[EntryType.CREDIT]}) == acknowledged["credit"] + 1
    assert len(by_type[EntryType.USAGE]) == acknowledged["usage"]
    holds = list(books.records.holds(CUSTOMER))
    assert len(holds) == acknowledged["hold"]
    assert 0 < len(holds) < WRITERS * 3, "some holds must have been refused, and some granted"
    metered = sum(
        meter.charge_until(meter.watermark)
        for number in range(4)
        if (meter := books.metering.meter(CUSTOMER, f"dep_run_{number}"))
    )
    assert -sum(entry.change_micros for entry in by_type[EntryType.USAGE]) == metered
    # Only usage may take the balance below the held amount; here the balance suffices for both.
    assert books.account().available_micros >= 0


@pytest.mark.guarantee("G07")
def test_g07_holds_at_once_never_take_more_than_is_available(books: Books) -> None:
    books.credit("start", 10 * DOLLAR)
    with ThreadPoolExecutor(WRITERS) as pool:
        granted = list(pool.map(lambda number: books.hold(f"dep_{number}", 3 * DOLLAR), range(WRITERS)))
    assert granted.count(True) == 3
    assert books.account().available_micros == DOLLAR
    assert_numbered(books)


@pytest.mark.guarantee("G07")
def test_g07_what_machines_have_used_but_is_not_posted_yet_cannot_be_held(books: Books) -> None:
    books.credit("start", 10 * DOLLAR)
    books.open_meter("dep_running", 3_600 * DOLLAR)  # a dollar a second
    books.clock.advance(8)
    assert not books.hold("dep_other", 3 * DOLLAR)
    assert books.hold("dep_other", 2 * DOLLAR)


@pytest.mark.guarantee("G07")
def test_g07_overrun_of_running_machines_is_debt_and_nothing_can_be_held_on_it(books: Books) -> None:
    books.credit("start", 10 * DOLLAR)
    books.open_meter("dep_running", 3_600 * DOLLAR)
    books.clock.advance(25)
    assert books.meter_everything() == 1
    balance = books.ledger.balance(CUSTOMER)
    assert (balance.posted_micros, balance.available_micros) == (-15 * DOLLAR, 0)
    assert balance.debt_micros == 15 * DOLLAR
    assert balance.runway_seconds == 0
    assert not books.hold("dep_other", 1)


@pytest.mark.guarantee("G03")
def test_g03_a_key_credits_once_however_many_ask_at_once(books: Books) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda _: books.credit("the same"), range(WRITERS * 2)))
    (entry,) = books.records.all_entries(CUSTOMER)
    assert entry.change_micros == books.account().posted_micros == DOLLAR


@pytest.mark.guarantee("G03")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_g03_no_crash_comes_between_a_marker_and_its_effect(books: Books, table: Engine, moment: str) -> None:
    """A crash leaves both or neither; a repeated request with the same key makes one credit."""
    interrupted = InterruptedTransactor(DynamoTransactor())

    def die() -> None:
        raise Crash

    setattr(interrupted, moment, die)
    crashing = _books(interrupted, books.clock)
    with pytest.raises(Crash):
        crashing.credit("once")
    kinds = [item["kind"]["S"] for item in table.items()]
    assert (kinds.count("POSTED"), kinds.count("ENTRY")) == ((0, 0) if moment == "before" else (1, 1))
    books.credit("once")
    assert books.account().posted_micros == DOLLAR
    assert_numbered(books)


class _Conflicting:
    """The real connection, but its first transactions fail with conflicts in AWS's form."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        connection = Record.shared_connection()
        dispatch = connection.dispatch
        self._left = times
        self.met = 0

        def conflicting(operation: str, arguments: dict[str, Any]) -> Any:
            if operation != "TransactWriteItems" or not self._left:
                return dispatch(operation, arguments)
            self._left -= 1
            self.met += 1
            raise _conflict(len(arguments["TransactItems"]))

        monkeypatch.setattr(connection, "dispatch", conflicting)


def _conflict(writes: int) -> VerboseClientError:
    """AWS's answer if the first of `writes` is part of another transaction at the same time."""
    return VerboseClientError(
        {"Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"}},
        "TransactWriteItems",
        {"request_id": "1", "table_name": "hearth"},
        cancellation_reasons=[CancellationReason("TransactionConflict"), *[None] * (writes - 1)],
    )


def test_conflicts_with_other_transactions_are_tried_again(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    conflicts = _Conflicting(monkeypatch, times=5)
    books.credit("once")
    assert conflicts.met == 5
    assert books.account().posted_micros == DOLLAR
    assert_numbered(books)


def test_conflicts_without_end_are_told_and_nothing_is_written(
    books: Books, table: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = table.items()
    with monkeypatch.context() as patch:
        _Conflicting(patch, times=100)
        with pytest.raises(TransactionContended):
            books.credit("once")
    assert table.items() == before
    books.credit("once")
    assert books.account().posted_micros == DOLLAR
