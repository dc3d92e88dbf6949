"""Transfers between a user's own customers, through the API, on an engine with real transactions."""

import io
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from beancount import loader

from chalicelib.adapters.dynamodb.cloud.suspension import DynamoWatchRecords
from chalicelib.adapters.dynamodb.money.ledger import DynamoLedgerRecords
from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
from chalicelib.domain.cloud.suspension.models import SuspensionStatus, Watch
from chalicelib.domain.foundation.access.errors import CustomerBlocked
from chalicelib.domain.foundation.access.models import CustomerStatus, Role
from chalicelib.domain.money.journals.journals import OperatorsChart, as_beancount, as_csv
from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.domain.money.ledger.models import Entry, EntryType, HoldPurpose
from chalicelib.domain.money.metering.models import Meter
from chalicelib.domain.money.transfers.models import TransferRequest
from chalicelib.domain.money.transfers.service import MAX_PER_DAY_MICROS
from chalicelib.domain.people.accounts.emails import normalise_email
from chalicelib.domain.people.accounts.models import Customer
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.wiring.app import app
from tests.fakes.identity import People
from tests.fakes.money import Crash, InterruptedTransactor
from tests.support.api import Answer, Api
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.settings import TABLE_NAME

DOLLAR = 1_000_000
WRITERS = 16


@dataclass
class Household:
    """Ann with a second customer, in which tests set her role; and Bob with a customer of his own."""

    ann: Api
    bob: Api
    user_id: str
    first: str
    second: str
    bobs: str

    def send(self, amount: str, to: str = "", **options: str) -> Answer:
        """Transfer money from Ann's first customer."""
        body = {"toCustomerId": to or self.second, "amount": amount, "note": "for the spring"}
        return self.ann.post("/billing/transfers", body, headers={"X-Customer-Id": self.first, **options})

    def wish(self, source: str, target: str, amount: str = "1.00") -> TransferRequest:
        return TransferRequest(source, target, amount, "", self.user_id)


def posted(customer_id: str) -> int:
    account = app().money.ledger_records.account(customer_id)
    assert account is not None
    return account.posted_micros


def fund(customer_id: str, dollars: int, key: str = "start") -> None:
    app().money.ledger.credit(customer_id, dollars * DOLLAR, reason="a test", actor_user_id="usr_1", key=key)


def open_customer(owner_email: str, clock: SettableClock) -> str:
    """Open another customer of a person."""
    users = DynamoUsers()
    owner = users.by_email(normalise_email(owner_email))
    assert owner is not None
    customer = Customer(new_id(Kind.CUSTOMER, clock.now()), "Second", clock.now())
    writes = [*users.insert_customer(customer, owner), *app().money.ledger.open_account(customer.id)]
    app().core.transactor.commit(writes)
    return customer.id


def become(engine: Engine, user_id: str, customer_id: str, role: Role) -> None:
    """Give a member another role."""
    for item in engine.items():
        if item["pk"]["S"] == f"USER#{user_id}" and item["sk"]["S"] == f"MEMBERSHIP#{customer_id}":
            engine.load([{**item, "role": {"S": role.value}}])


@pytest.fixture
def household(table: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> Household:
    people = People(Api(), table, monkeypatch)
    ann, bob = people.newcomer("ann@example.com"), people.newcomer("bob@example.com")
    me, him = ann.get("/me").data, bob.get("/me").data
    first = me["currentCustomerId"]
    fund(first, 100)
    return Household(
        ann, bob, me["user"]["id"], first, open_customer("ann@example.com", clock), him["currentCustomerId"]
    )


def entries(customer_id: str) -> Sequence[Entry]:
    return list(DynamoLedgerRecords().all_entries(customer_id))


def test_money_moves_with_an_entry_in_each_book(household: Household) -> None:
    made = household.send("30.00")
    assert made.status == 201, made.text
    assert (made.data["direction"], made.data["amount"]["amount"]) == ("out", "30.00")
    assert (posted(household.first), posted(household.second)) == (70 * DOLLAR, 30 * DOLLAR)
    sent, received = entries(household.first)[-1], entries(household.second)[-1]
    assert sent.posting == received.posting
    assert (sent.change_micros, received.change_micros) == (-30 * DOLLAR, 30 * DOLLAR)
    assert sent.reference == received.reference == made.data["id"]
    assert {sent.type, received.type} == {EntryType.TRANSFER}


def test_both_customers_and_both_logs_list_it(household: Household) -> None:
    made = household.send("30.00").data
    there = {"X-Customer-Id": household.second}
    assert household.ann.get("/billing/transfers").data == [made]
    (seen,) = household.ann.get("/billing/transfers", headers=there).data
    assert seen == {**made, "direction": "in"}
    sent = next(d for d in household.ann.get("/activity/recent").data if d["action"] == "send_transfer")
    assert sent["targets"] == {"toCustomerId": household.second}
    told = household.ann.get("/activity/recent", headers=there).data
    received = next(done for done in told if done["action"] == "receive_transfer")
    assert received["targets"] == {"transferId": made["id"], "fromCustomerId": household.first}
    assert household.bob.get("/billing/transfers").data == []


@pytest.mark.guarantee("G41")
def test_g41_a_sender_without_billing_rights_there_finds_no_receiver(household: Household, table: Engine) -> None:
    unknown = household.send("1.00", new_id(Kind.CUSTOMER, app().core.clock.now()))
    strangers = household.send("1.00", household.bobs)
    assert (strangers.status, strangers.text) == (404, unknown.text)
    for role, status in ((Role.DEVELOPER, 404), (Role.VIEWER, 404), (Role.BILLING, 201), (Role.ADMIN, 201)):
        become(table, household.user_id, household.second, role)
        assert household.send("1.00").status == status, role
    become(table, household.user_id, household.first, Role.DEVELOPER)
    assert household.send("1.00").code == "FORBIDDEN"
    assert posted(household.first) == 98 * DOLLAR


@pytest.mark.guarantee("G07")
@pytest.mark.parametrize("purpose", list(HoldPurpose))
def test_g07_what_is_held_or_disputed_cannot_leave(household: Household, purpose: HoldPurpose) -> None:
    change = app().money.ledger.change(household.first, app().core.clock.now())
    change.freeze("something", 60 * DOLLAR, purpose)
    app().core.transactor.commit(change.writes())
    refused = household.send("40.01")
    assert (refused.status, refused.code) == (402, "INSUFFICIENT_BALANCE")
    assert posted(household.second) == 0
    assert household.send("40.00").status == 201


@pytest.mark.guarantee("G07")
def test_g07_what_machines_have_used_and_is_not_metered_yet_cannot_leave(
    household: Household, clock: SettableClock
) -> None:
    change = app().money.ledger.change(household.first, clock.now())
    meter = Meter.opening(household.first, "dep_1", 1, 60 * DOLLAR, epoch_seconds(clock.now()))
    writes = app().money.metering.open(change, meter)
    app().core.transactor.commit([*change.writes(), *writes])
    clock.advance(600)
    assert household.send("90.01").code == "INSUFFICIENT_BALANCE"
    assert household.send("90.00").status == 201


def suspend(customer_id: str) -> None:
    before = Watch(customer_id)
    after = replace(before, status=SuspensionStatus.SUSPENDED, since=app().core.clock.now(), version=1)
    app().core.transactor.commit([DynamoWatchRecords().replace_watch(before, after)])


def test_a_suspended_customer_receives_and_does_not_send(household: Household) -> None:
    suspend(household.second)
    assert household.send("5.00").status == 201
    suspend(household.first)
    refused = household.send("5.00")
    assert (refused.status, refused.code) == (402, "ACCOUNT_SUSPENDED")
    assert (posted(household.first), posted(household.second)) == (95 * DOLLAR, 5 * DOLLAR)


@pytest.mark.parametrize("status", [CustomerStatus.BLOCKED, CustomerStatus.CLOSED])
def test_neither_to_nor_from_a_customer_that_is_blocked_or_closed(
    household: Household, table: Engine, status: CustomerStatus
) -> None:
    key = {"pk": {"S": f"CUSTOMER#{household.second}"}, "sk": {"S": "CUSTOMER"}}
    item = next(item for item in table.items() if {**item, **key} == item)
    table.load([{**item, "status": {"S": status.value}}])
    refused = household.send("1.00")
    assert (refused.status, refused.code) == (409, "CONFLICT")
    fund(household.second, 10)
    with pytest.raises(CustomerBlocked):
        app().money.transfers.send(household.wish(household.second, household.first), "back")
    assert (posted(household.first), posted(household.second)) == (100 * DOLLAR, 10 * DOLLAR)


@pytest.mark.parametrize("amount", ["0.99", "0", "-5.00", "1.001", "0.000001", "x"])
def test_an_amount_is_at_least_a_dollar_in_whole_cents(household: Household, amount: str) -> None:
    refused = household.send(amount)
    assert (refused.status, refused.fields) == (400, {"amount"})
    assert posted(household.first) == 100 * DOLLAR


def test_nobody_sends_to_the_sender(household: Household) -> None:
    assert household.send("1.00", household.first).fields == {"toCustomerId"}


def test_a_day_has_its_limit_and_the_next_day_its_own(household: Household, clock: SettableClock) -> None:
    fund(household.first, 20_000, "much")
    assert household.send("9999.00").status == 201
    refused = household.send("1.01")
    assert refused.fields == {"amount"}
    assert "1.00 USD more" in refused.error["message"]
    assert household.send("1.00").status == 201
    clock.advance(86_400)
    wish = household.wish(household.first, household.second, "10000.00")
    assert app().money.transfers.send(wish, "tomorrow").amount_micros == MAX_PER_DAY_MICROS


@pytest.mark.guarantee("G44")
def test_g44_a_key_sends_once_even_where_the_answer_was_lost(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactor = InterruptedTransactor(app().core.transactor)
    give(core={"transactor": transactor})
    wish = household.wish(household.first, household.second, "5.00")

    def die() -> None:
        raise Crash

    transactor.after = die
    with pytest.raises(Crash):
        app().money.transfers.send(wish, "once")
    made = app().money.transfers.send(wish, "once")
    assert made == app().money.transfers.send(wish, "once")
    assert (posted(household.first), posted(household.second)) == (95 * DOLLAR, 5 * DOLLAR)


@pytest.mark.guarantee("G07", "G12")
def test_g07_sixteen_writers_in_circles_keep_the_sum(household: Household, clock: SettableClock) -> None:
    """Each customer has too little for all transfers, so some must be refused."""
    circle = [household.first, household.second, *(open_customer("ann@example.com", clock) for _ in range(2))]
    for number, customer_id in enumerate(circle[1:]):
        fund(customer_id, 3, f"c{number}")
    before = sum(map(posted, circle))
    dice = random.Random(7)
    orders = [(at, dice.choice((1, 2, 40))) for at in range(len(circle)) for _ in range(12)]
    dice.shuffle(orders)

    def send(order: tuple[int, tuple[int, int]]) -> int:
        key, (at, dollars) = order
        source, target = circle[at], circle[(at + 1) % len(circle)]
        try:
            app().money.transfers.send(household.wish(source, target, f"{dollars}.00"), f"k{key}")
        except InsufficientBalance:
            return 0
        return dollars

    assert app().money.transfers is not None  # built once, before the threads
    with ThreadPoolExecutor(WRITERS) as pool:
        sent = list(pool.map(send, enumerate(orders)))
    assert 0 in sent
    assert sum(map(posted, circle)) == before
    assert all(posted(customer_id) >= 0 for customer_id in circle)
    moved = [entry for at in circle for entry in entries(at) if entry.type is EntryType.TRANSFER]
    assert sum(entry.change_micros for entry in moved) == 0
    assert sum(entry.change_micros for entry in moved if entry.change_micros > 0) == sum(sent) * DOLLAR
    assert app().operations.proof.run().differences == ()


def test_the_days_limit_holds_for_sixteen_writers(household: Household) -> None:
    fund(household.first, 20_000, "much")
    assert app().money.transfers is not None  # built once, before the threads

    def send(number: int) -> bool:
        wish = household.wish(household.first, household.second, "1000.00")
        try:
            app().money.transfers.send(wish, f"k{number}")
        except InvalidInput:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        sent = list(pool.map(send, range(WRITERS)))
    assert sum(sent) == 10
    assert posted(household.second) == MAX_PER_DAY_MICROS


@pytest.mark.guarantee("G12")
@pytest.mark.parametrize("damage", ["missing", "amount", "type"])
def test_g12_the_proof_names_a_transfer_that_is_in_one_book_only(
    household: Household, table: Engine, damage: str
) -> None:
    household.send("5.00")
    assert app().operations.proof.run().holds
    own = f"LEDGER#{household.second}"
    item = next(i for i in table.items() if i["pk"]["S"] == own and i["kind"]["S"] == "ENTRY")
    if damage == "missing":
        table.client.delete_item(TableName=TABLE_NAME, Key={"pk": item["pk"], "sk": item["sk"]})
    elif damage == "amount":
        table.load([{**item, "amount_micros": {"N": "4000000"}}])
    else:
        table.load([{**item, "type": {"S": "credit"}}])
    sentences = [found.sentence for found in app().operations.proof.run().differences]
    wanted = "is a credit with customer:" if damage == "type" else "is not the same in the book of"
    assert any(wanted in sentence for sentence in sentences), sentences


def test_exports_of_transfers_balance(household: Household) -> None:
    household.send("5.00")
    told = [*entries(household.first), *entries(household.second)]
    text = "".join(as_beancount(told, OperatorsChart()))
    _, errors, _ = loader.load_string(text)
    assert errors == []
    assert "Equity:Transfers" in text
    rows = io.StringIO("".join(as_csv(told))).readlines()
    assert sum(",transfer," in row for row in rows) == 2
