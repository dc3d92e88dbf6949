"""Bank top-ups from the request to the ledger, with the real gateway on the simulated bank."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from chalicelib.domain.money.bank.matching import sort_lines
from chalicelib.domain.money.bank.models import Matched
from chalicelib.domain.money.bank.statements import read_statement
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Flag,
    InvalidSignature,
    Method,
    NoticeState,
    PaymentState,
    Rate,
    Refund,
    RefundStatus,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.domain.money.top_ups.top_ups import TopUpRequest, TopUps
from chalicelib.domain.money.top_ups.webhooks import Webhooks
from dev.simulators.bank.control import FORMS
from tests.contract.bank_lab import BankLab
from tests.fakes.money import MemoryLedgerRecords, MemoryTable, MemoryTransactor
from tests.fakes.payments import FixedRates, MemoryNotices, MemoryTopUpRecords
from tests.support.clock import SettableClock

CUSTOMER = "cus_1"
RATE = Decimal("1.25")


class Shop:
    """A customer with an account, and our accounts at a bank."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.lab = BankLab(self.clock)
        self.gateway = self.lab.gateway
        table = MemoryTable()
        transactor = MemoryTransactor(table)
        self.records = MemoryTopUpRecords(table)
        self._accounts = MemoryLedgerRecords(table)
        ledger = Ledger(self._accounts, transactor, self.clock)
        transactor.commit(ledger.open_account(CUSTOMER))
        self._rates = FixedRates()
        self.let_pass(0)
        self.notices = MemoryNotices()
        self.settlement = Settlement(
            self.records, lambda _: self.gateway, ledger, self._rates, transactor, self.clock
        )
        self._top_ups = TopUps(
            self.records,
            lambda _: self.gateway,
            self.settlement,
            transactor,
            self.clock,
            "https://app.example.net",
        )
        self.webhooks = Webhooks(
            lambda _: self.gateway, self.notices, self.notices, self.records, self.settlement, self.clock
        )

    def let_pass(self, seconds: float) -> None:
        """Advance the time, and keep the rate up to date."""
        self.clock.advance(seconds)
        self._rates.put_rate(Rate("GBP", RATE, self.clock.now()))

    def ask(self, currency: str = "GBP", key: str | None = None) -> TopUp:
        request = TopUpRequest("bank", Method.BANK_TRANSFER, Amount(100_000_000, currency))
        return self._top_ups.create(CUSTOMER, request, key)

    def now(self, top_up: TopUp) -> TopUp:
        return self._top_ups.get(CUSTOMER, top_up.id)

    def tell(self) -> None:
        """Deliver and process every new webhook."""
        for webhook in self.lab.simulator.outbox.history:
            headers = self.lab.simulator.outbox.headers_for(webhook)
            self.webhooks.receive(
                "bank", webhook.body.encode(), {name.lower(): value for name, value in headers.items()}
            )
        while self.notices.waiting:
            self.webhooks.handle(*self.notices.waiting.pop(0))

    def import_statement(self, form: str) -> int:
        """Import a statement; return the number of new lines."""
        statement = read_statement(self.lab.simulator.statement(form).encode())
        report = sort_lines(
            statement,
            lambda reference: self.records.top_up_of_provider("bank", reference),
            lambda transfer_id: any(transfer_id in top_up.booked for top_up in self._all()),
            self.gateway.accounts,
        )
        for line in report.accepted:
            self._book(line.matched)
        return len(report.accepted)

    def _all(self) -> list[TopUp]:
        return list(self.records.top_ups_to_check(0, self.clock.now() + timedelta(days=4_000)))

    def _book(self, matched: Matched) -> None:
        state = PaymentState(
            matched.top_up.provider_id or "", TopUpStatus.SETTLED, payments=(matched.transfer.payment(),)
        )
        self.settlement.book(matched.top_up, state)

    @property
    def balance_micros(self) -> int:
        account = self._accounts.account(CUSTOMER)
        assert account is not None
        return account.posted_micros


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.lab.close()


def test_the_customer_is_told_where_to_send_it_and_the_same_request_gets_the_same(shop: Shop) -> None:
    top_up = shop.ask(key="key")
    assert top_up.checkout is not None
    assert top_up.checkout.instructions["reference"] == top_up.provider_id
    assert top_up.checkout.instructions["iban"] == "GB29NWBK60161331926819"
    assert shop.ask(key="key") == top_up
    assert shop.lab.simulator.requests == [], "nobody was asked"


@pytest.mark.guarantee("G02")
def test_g02_what_is_on_its_way_is_not_credited(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.begin_paying(top_up)
    shop.tell()
    assert (shop.now(top_up).status, shop.balance_micros) == (TopUpStatus.PROCESSING, 0)
    shop.lab.finish_paying(top_up)
    shop.tell()
    assert (shop.now(top_up).status, shop.balance_micros) == (TopUpStatus.SETTLED, 125_000_000)


@pytest.mark.guarantee("G01")
@pytest.mark.parametrize("form", FORMS)
def test_g01_webhooks_looks_and_statements_in_any_order_credit_once(shop: Shop, form: str) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up, 40_000_000)
    shop.lab.pay(top_up, 60_000_000)
    steps: list[Callable[[], object]] = [
        shop.tell,
        lambda: shop.settlement.look(shop.now(top_up)),
        lambda: shop.import_statement(form),
    ]
    for order in permutations(steps):
        for step in (*order, *order):
            step()
        assert shop.balance_micros == 125_000_000
    assert shop.import_statement(form) == 0


@pytest.mark.guarantee("G01")
@pytest.mark.parametrize("form", FORMS)
def test_g01_a_statement_alone_credits_once(shop: Shop, form: str) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    assert [shop.import_statement(form) for _ in range(3)] == [1, 0, 0]
    assert shop.balance_micros == 125_000_000
    shop.tell()
    shop.let_pass(86_400)
    shop.settlement.reconcile()
    assert shop.balance_micros == 125_000_000


@pytest.mark.guarantee("G01")
def test_g01_a_hundred_deliveries_in_any_order_are_one_credit(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.begin_paying(top_up)
    shop.lab.finish_paying(top_up)
    outbox = shop.lab.simulator.outbox
    deliveries = [webhook for webhook in outbox.history for _ in range(50)]
    random.Random(7).shuffle(deliveries)
    states = []
    for webhook in deliveries:
        headers = {name.lower(): value for name, value in outbox.headers_for(webhook).items()}
        states.append(shop.webhooks.receive("bank", webhook.body.encode(), headers))
    shop.tell()
    assert states.count(NoticeState.NEW) == 2
    assert shop.balance_micros == 125_000_000


def test_less_is_credited_and_waited_for_and_more_is_flagged(shop: Shop) -> None:
    less, more = shop.ask(), shop.ask()
    shop.lab.pay(less, 99_000_000)
    shop.lab.pay(more, 101_000_000)
    shop.tell()
    assert shop.balance_micros == 250_000_000
    assert shop.now(less).status is TopUpStatus.PARTIALLY_PAID
    assert Flag.OVERPAID in shop.now(more).flags


def test_money_that_comes_after_the_end_is_credited_and_flagged(shop: Shop) -> None:
    top_up = shop.ask()
    shop.let_pass(40 * 86_400)
    shop.settlement.reconcile()
    assert shop.now(top_up).status is TopUpStatus.EXPIRED
    shop.lab.pay(top_up)
    shop.tell()
    assert (shop.now(top_up).status, shop.balance_micros) == (TopUpStatus.SETTLED, 125_000_000)
    assert Flag.LATE in shop.now(top_up).flags


def test_another_currency_is_not_credited_at_the_wrong_rate(shop: Shop) -> None:
    top_up = shop.ask("GBP")
    shop.lab.simulator.pay(replace(shop.lab.order(top_up), currency="USD"))
    shop.tell()
    shop.let_pass(86_400)
    shop.settlement.reconcile()
    assert shop.balance_micros == 0


def test_a_lost_webhook_costs_time_and_no_money(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    shop.let_pass(2 * 86_400)
    shop.settlement.reconcile()
    assert shop.now(top_up).status is TopUpStatus.SETTLED
    assert shop.balance_micros == 125_000_000


@pytest.mark.guarantee("G09")
def test_g09_what_the_bank_sends_back_is_debited_once(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    shop.tell()
    made = shop.gateway.refund(top_up.provider_id or "", Amount(40_000_000, "GBP"), "key")
    assert made == Refund(made.id, Amount(40_000_000, "GBP"), RefundStatus.DONE, "key")
    for _ in range(3):
        shop.tell()
        shop.settlement.look(shop.now(top_up))
    assert shop.balance_micros == 75_000_000


@pytest.mark.guarantee("G40")
def test_g40_what_is_stale_changes_nothing(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    [delivery] = shop.lab.deliveries(top_up)
    shop.let_pass(301)
    with pytest.raises(InvalidSignature):
        shop.webhooks.receive("bank", delivery.raw_body, delivery.headers)
    assert (shop.notices.waiting, shop.balance_micros) == ([], 0)
