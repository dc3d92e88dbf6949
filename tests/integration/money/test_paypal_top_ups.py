"""PayPal top-ups from the request to the ledger, with the real gateway on the simulated PayPal."""

import random
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice, permutations

import pytest

from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Flag,
    InvalidSignature,
    Method,
    NoticeState,
    Rate,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.domain.money.top_ups.top_ups import TopUpRequest, TopUps
from chalicelib.domain.money.top_ups.webhooks import Webhooks
from dev.simulators.faults import FaultMatch, RequestFault
from tests.contract.gateway_lab import Delivery
from tests.contract.paypal_lab import PayPalLab
from tests.fakes.money import MemoryLedgerRecords, MemoryTable, MemoryTransactor
from tests.fakes.payments import FixedRates, MemoryNotices, MemoryTopUpRecords
from tests.support.clock import SettableClock

CUSTOMER = "cus_1"
RATE = Decimal("1.25")
PERMUTATIONS_TRIED = 30
HOUR = 3600


class Shop:
    """A customer with an account, and our account at PayPal."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.lab = PayPalLab(self.clock)
        self.gateway = self.lab.gateway
        table = MemoryTable()
        transactor = MemoryTransactor(table)
        records = MemoryTopUpRecords(table)
        self._accounts = MemoryLedgerRecords(table)
        ledger = Ledger(self._accounts, transactor, self.clock)
        transactor.commit(ledger.open_account(CUSTOMER))
        self._rates = FixedRates()
        self.let_pass(0)
        self._told = 0
        self.notices = MemoryNotices()
        self.settlement = Settlement(records, lambda _: self.gateway, ledger, self._rates, transactor, self.clock)
        self._top_ups = TopUps(
            records, lambda _: self.gateway, self.settlement, transactor, self.clock, "https://app.example.net"
        )
        self.webhooks = Webhooks(
            lambda _: self.gateway, self.notices, self.notices, records, self.settlement, self.clock
        )

    def let_pass(self, seconds: float) -> None:
        """Advance the time, and keep the rate up to date."""
        self.clock.advance(seconds)
        self._rates.put_rate(Rate("EUR", RATE, self.clock.now()))

    def ask(self, key: str | None = None) -> TopUp:
        request = TopUpRequest("paypal", Method.PAYPAL, Amount(40_000_000, "EUR"))
        return self._top_ups.create(CUSTOMER, request, key)

    def now(self, top_up: TopUp) -> TopUp:
        return self._top_ups.get(CUSTOMER, top_up.id)

    def approve(self, top_up: TopUp) -> None:
        """Approve as the payer; Hearth does not fetch the order."""
        bank = self.lab.simulator.bank
        bank.approve(bank.account.order_named(top_up.id))

    def tell(self, top_up: TopUp) -> None:
        """Deliver and process every webhook, and those that the processing causes."""
        while new := self.lab.deliveries(top_up)[self._told :]:
            self._told += len(new)
            for delivery in new:
                self.receive(delivery)
            self.work_off()

    def receive(self, delivery: Delivery) -> NoticeState:
        return self.webhooks.receive("paypal", delivery.raw_body, delivery.headers)

    def work_off(self) -> None:
        while self.notices.waiting:
            self.webhooks.handle(*self.notices.waiting.pop())

    @property
    def money(self) -> tuple[int, int]:
        """The posted balance and the held amount."""
        account = self._accounts.account(CUSTOMER)
        assert account is not None
        return account.posted_micros, account.held_micros


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.lab.close()


@pytest.mark.guarantee("G01", "G02")
def test_g02_an_approval_is_captured_by_its_webhook_and_credited_at_the_recorded_rate(shop: Shop) -> None:
    top_up = shop.ask("key")
    assert top_up.checkout is not None
    assert top_up.checkout.redirect_url
    assert shop.ask("key") == top_up
    shop.approve(top_up)
    assert shop.money == (0, 0)
    shop.tell(top_up)
    paid = shop.now(top_up)
    assert (paid.status, paid.flags, paid.credited_micros) == (TopUpStatus.SETTLED, frozenset(), 50_000_000)
    assert shop.money == (50_000_000, 0)


@pytest.mark.guarantee("G01")
def test_g01_with_every_webhook_lost_the_reconciler_captures_and_credits(shop: Shop) -> None:
    top_up = shop.ask()
    shop.approve(top_up)
    shop.let_pass(HOUR)
    assert shop.settlement.reconcile() == {"looked": 1, "failed": 0}
    assert (shop.now(top_up).status, shop.money) == (TopUpStatus.SETTLED, (50_000_000, 0))


@pytest.mark.guarantee("G01", "G02")
def test_g01_any_order_and_number_of_webhooks_credits_once(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    shop.gateway.refund(shop.now(top_up).provider_id or "", Amount(4_000_000, "EUR"), f"rfd-{top_up.id}")
    told = shop.lab.deliveries(top_up)
    assert len(told) == 4
    orders = list(islice(permutations(told), 5_000))
    for order in random.Random(7).sample(orders, min(PERMUTATIONS_TRIED, len(orders))):
        for delivery in (*order, *order):
            shop.receive(delivery)
        shop.work_off()
    assert shop.money == (45_000_000, 0)


@pytest.mark.guarantee("G01", "G40")
def test_g40_a_hundred_replays_are_acknowledged_and_credit_once(shop: Shop) -> None:
    top_up = shop.ask()
    shop.approve(top_up)
    (approved,) = shop.lab.deliveries(top_up)
    assert [shop.receive(approved) for _ in range(100)] == [NoticeState.NEW] + [NoticeState.HANDED_OVER] * 99
    shop.work_off()
    assert shop.money == (50_000_000, 0)


@pytest.mark.guarantee("G40")
def test_g40_what_is_forged_stale_or_from_the_future_changes_nothing(shop: Shop) -> None:
    top_up = shop.ask()
    shop.approve(top_up)
    (approved,) = shop.lab.deliveries(top_up)
    for body in (approved.raw_body + b" ", approved.raw_body[:-1], b""):
        with pytest.raises(InvalidSignature):
            shop.receive(Delivery(body, approved.headers))
    for seconds in (-HOUR, 2 * HOUR):
        shop.clock.advance(seconds)
        with pytest.raises(InvalidSignature):
            shop.receive(approved)
    assert (shop.notices.waiting, shop.money) == ([], (0, 0))


@pytest.mark.guarantee("G02")
def test_g02_a_declined_source_credits_nothing_until_another_pays(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.decline(top_up)
    shop.tell(top_up)
    declined = shop.now(top_up)
    assert (declined.status, shop.money) == (TopUpStatus.AWAITING_PAYMENT, (0, 0))
    assert declined.failure
    shop.approve(top_up)
    shop.tell(top_up)
    paid = shop.now(top_up)
    assert (paid.status, paid.failure, shop.money) == (TopUpStatus.SETTLED, "", (50_000_000, 0))


@pytest.mark.guarantee("G02")
def test_g02_money_on_its_way_is_credited_when_it_has_arrived(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.begin_paying(top_up)
    shop.tell(top_up)
    assert (shop.now(top_up).status, shop.money) == (TopUpStatus.PROCESSING, (0, 0))
    shop.lab.finish_paying(top_up)
    shop.tell(top_up)
    assert (shop.now(top_up).status, shop.money) == (TopUpStatus.SETTLED, (50_000_000, 0))


@pytest.mark.guarantee("G09")
@pytest.mark.parametrize(("won", "posted"), [(True, 50_000_000), (False, 0)])
def test_g09_a_dispute_freezes_at_once_and_debits_only_when_lost(shop: Shop, won: bool, posted: int) -> None:
    """PayPal reports a lost dispute three times: as a reversal, as a refund, and as an outcome."""
    top_up = shop.ask()
    shop.approve(top_up)
    shop.tell(top_up)
    dispute_id = shop.lab.dispute(top_up)
    shop.tell(top_up)
    assert shop.money == (50_000_000, 50_000_000)
    shop.lab.rule(dispute_id, won=won)
    shop.tell(top_up)
    shop.settlement.look(shop.now(top_up))
    assert shop.money == (posted, 0)


@pytest.mark.guarantee("G09")
def test_g09_a_refund_in_paypals_own_pages_is_an_entry_too(shop: Shop) -> None:
    top_up = shop.ask()
    shop.approve(top_up)
    shop.tell(top_up)
    bank = shop.lab.simulator.bank
    bank.refund(bank.account.capture_named(top_up.id), None)
    shop.tell(top_up)
    assert (shop.now(top_up).refunded_micros, shop.money) == (50_000_000, (0, 0))


@pytest.mark.guarantee("G01")
def test_g01_after_a_lost_answer_the_same_request_leads_to_the_same_order(shop: Shop) -> None:
    shop.lab.inject(RequestFault.DROP_AFTER_EFFECT, match=FaultMatch(path="/v2/checkout/orders$"))
    with pytest.raises(PaymentProviderError):
        shop.ask("key")
    shop.let_pass(600)
    assert shop.settlement.reconcile() == {"looked": 1, "failed": 0}
    top_up = shop.ask("key")
    assert [top_up.provider_id] == list(shop.lab.simulator.bank.account.orders)
    shop.approve(top_up)
    shop.tell(top_up)
    assert shop.money == (50_000_000, 0)


@pytest.mark.guarantee("G01")
def test_g01_a_capture_whose_answer_was_lost_is_credited_once(shop: Shop) -> None:
    top_up = shop.ask()
    shop.approve(top_up)
    shop.lab.inject(RequestFault.DROP_AFTER_EFFECT, match=FaultMatch(path="/capture$"))
    shop.let_pass(HOUR)
    assert shop.settlement.reconcile() == {"looked": 0, "failed": 1}
    shop.tell(top_up)
    shop.let_pass(HOUR)
    shop.settlement.reconcile()
    assert (shop.now(top_up).credited_micros, shop.money) == (50_000_000, (50_000_000, 0))


def test_an_approval_within_paypals_own_time_but_after_ours_is_credited_and_called_late(shop: Shop) -> None:
    """After an approval at the end of three hours, three more hours are left for the capture."""
    top_up = shop.ask()
    shop.let_pass(3 * HOUR - 60)
    shop.approve(top_up)
    shop.let_pass(HOUR)
    shop.settlement.reconcile()
    paid = shop.now(top_up)
    assert (paid.status, paid.flags) == (TopUpStatus.SETTLED, frozenset({Flag.LATE}))
    assert shop.money == (50_000_000, 0)


@pytest.mark.guarantee("G28")
def test_g28_an_order_that_paypal_has_forgotten_ends_with_its_deadline(shop: Shop) -> None:
    top_up = shop.ask()
    shop.let_pass(3 * HOUR)
    assert shop.settlement.reconcile() == {"looked": 1, "failed": 0}
    ended = shop.now(top_up)
    assert (ended.status, shop.money) == (TopUpStatus.EXPIRED, (0, 0))
    assert ended.failure


@pytest.mark.guarantee("G28")
def test_g28_an_order_missing_before_its_deadline_is_a_failure(shop: Shop) -> None:
    top_up = shop.ask()
    bank = shop.lab.simulator.bank
    bank.expire(bank.account.order_named(top_up.id))
    shop.let_pass(600)
    assert shop.settlement.reconcile() == {"looked": 0, "failed": 1}
    assert shop.now(top_up).status is TopUpStatus.AWAITING_PAYMENT
