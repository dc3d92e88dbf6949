"""Card top-ups from the request to the ledger, with the real gateway on the simulated Stripe."""

import itertools
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from chalicelib.domain.money.ledger.models import Account
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.domain.money.top_ups.models import (
    Amount,
    InvalidSignature,
    Method,
    NoticeState,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.domain.money.top_ups.top_ups import TopUpRequest, TopUps
from chalicelib.domain.money.top_ups.webhooks import Webhooks
from dev.simulators.faults import RequestFault
from tests.contract.gateway_lab import Delivery
from tests.contract.stripe_lab import StripeLab
from tests.fakes.money import MemoryLedgerRecords, MemoryTable, MemoryTransactor
from tests.fakes.payments import FixedRates, MemoryNotices, MemoryTopUpRecords
from tests.support.clock import SettableClock

AMOUNT_MICROS = 25_000_000
PERMUTATIONS_TRIED = 60


class Shop:
    """A customer with an account, and a Stripe account."""

    def __init__(self, lab: StripeLab) -> None:
        self.lab = lab
        self.gateway = lab.gateway
        self.customer_id = lab.top_up().customer_id
        self.clock = SettableClock(datetime.now(UTC))
        table = MemoryTable()
        transactor = MemoryTransactor(table)
        records = MemoryTopUpRecords(table)
        self._accounts = MemoryLedgerRecords(table)
        ledger = Ledger(self._accounts, transactor, self.clock)
        transactor.commit(ledger.open_account(self.customer_id))
        self.notices = MemoryNotices()
        self.settlement = Settlement(records, lambda _: self.gateway, ledger, FixedRates(), transactor, self.clock)
        self._top_ups = TopUps(
            records, lambda _: self.gateway, self.settlement, transactor, self.clock, "https://app.example.net"
        )
        self.webhooks = Webhooks(
            lambda _: self.gateway, self.notices, self.notices, records, self.settlement, self.clock
        )

    def ask(self, key: str | None = None) -> TopUp:
        request = TopUpRequest("stripe", Method.CARD, Amount(AMOUNT_MICROS))
        return self._top_ups.create(self.customer_id, request, key)

    def now(self, top_up: TopUp) -> TopUp:
        return self._top_ups.get(self.customer_id, top_up.id)

    def receive(self, deliveries: Sequence[Delivery]) -> None:
        """Deliver webhooks, and process each before the next."""
        for delivery in deliveries:
            self.webhooks.receive("stripe", delivery.raw_body, delivery.headers)
            while self.notices.waiting:
                self.webhooks.handle(*self.notices.waiting.pop(0))

    @property
    def account(self) -> Account:
        account = self._accounts.account(self.customer_id)
        assert account is not None
        return account


@pytest.fixture(scope="module", params=[False, True], ids=["in our page", "on Stripe's page"])
def lab(request: pytest.FixtureRequest) -> Iterator[StripeLab]:
    made = StripeLab(hosted_page=request.param)
    yield made
    made.close()


@pytest.fixture
def shop(lab: StripeLab) -> Iterator[Shop]:
    yield Shop(lab)
    lab.clear_faults()


def test_a_card_payment_is_credited_when_stripe_tells_of_it(shop: Shop) -> None:
    top_up = shop.ask()
    assert top_up.checkout is not None
    assert top_up.checkout.client_secret or top_up.checkout.redirect_url
    assert shop.account.posted_micros == 0
    shop.lab.pay(top_up)
    shop.receive(shop.lab.deliveries(top_up))
    assert shop.now(top_up).status is TopUpStatus.SETTLED
    assert shop.account.posted_micros == AMOUNT_MICROS


def test_g01_a_hundred_times_the_same_webhooks_are_one_credit(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    for _ in range(100):
        shop.receive(shop.lab.deliveries(top_up))
    assert shop.account.posted_micros == AMOUNT_MICROS


def test_g01_any_order_of_a_payments_events_is_one_credit(shop: Shop) -> None:
    """The events of a decline, a payment and a partial refund, in any selection and order."""
    top_up = shop.ask()
    shop.lab.decline(top_up)
    shop.lab.pay(top_up)
    shop.gateway.refund(top_up.provider_id or "", Amount(5_000_000), f"back-{top_up.id}")
    deliveries = shop.lab.deliveries(top_up)
    orders = list(itertools.permutations(deliveries))
    for order in random.Random(7).sample(orders, min(len(orders), PERMUTATIONS_TRIED)):
        shop.receive(order)
        assert shop.account.posted_micros == AMOUNT_MICROS - 5_000_000
        assert shop.now(top_up).refunded_micros == 5_000_000
        shop.notices.known.clear()


def test_g02_the_event_is_not_believed(shop: Shop) -> None:
    """It is signed correctly, but names a payment that Stripe does not know."""
    paid, unpaid = shop.ask(), shop.ask()
    shop.lab.pay(paid)
    intents = {provider_id for provider_id, owner in shop.lab.objects() if owner == paid.id}
    (event,) = (
        delivery for delivery in shop.lab.deliveries(paid) if b'"payment_intent.succeeded"' in delivery.raw_body
    )
    body = event.raw_body
    for provider_id in intents:
        body = body.replace(provider_id.encode(), (unpaid.provider_id or "").encode())
    body = body.replace(paid.id.encode(), unpaid.id.encode())
    shop.receive([shop.lab.signed(body)])
    assert shop.now(unpaid).status is TopUpStatus.AWAITING_PAYMENT
    assert shop.account.posted_micros == 0


def test_g40_what_is_not_stripes_changes_nothing(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    (*_, sent) = shop.lab.deliveries(top_up)
    for body, later_seconds in ((sent.raw_body[:-1], 0), (sent.raw_body + b" ", 0), (sent.raw_body, 301)):
        shop.clock.advance(later_seconds)
        with pytest.raises(InvalidSignature):
            shop.webhooks.receive("stripe", body, sent.headers)
    assert shop.notices.known == {}
    assert shop.account.posted_micros == 0


def test_g01_a_lost_webhook_costs_minutes_not_money(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    shop.clock.advance(3600)
    assert shop.settlement.reconcile()["looked"] == 1
    shop.receive(
        [shop.lab.signed(delivery.raw_body, shop.clock.now()) for delivery in shop.lab.deliveries(top_up)]
    )
    assert (shop.now(top_up).status, shop.account.posted_micros) == (TopUpStatus.SETTLED, AMOUNT_MICROS)


@pytest.mark.parametrize("exchanges", range(3))
def test_g01_a_create_without_an_answer_is_asked_again_and_paid_once(shop: Shop, exchanges: int) -> None:
    shop.lab.inject(RequestFault.DROP_AFTER_EFFECT, after=exchanges)
    try:
        shop.ask("the-key")
    except PaymentProviderError:
        shop.lab.clear_faults()
    top_up = shop.ask("the-key")
    shop.lab.pay(top_up)
    shop.receive(shop.lab.deliveries(top_up))
    assert shop.account.posted_micros == AMOUNT_MICROS


@pytest.mark.parametrize("won", [True, False])
def test_g09_a_dispute_freezes_at_once_and_debits_only_when_lost(shop: Shop, won: bool) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    shop.receive(shop.lab.deliveries(top_up))
    dispute_id = shop.lab.dispute(top_up)
    shop.receive(shop.lab.deliveries(top_up))
    assert (shop.account.posted_micros, shop.account.available_micros) == (AMOUNT_MICROS, 0)
    shop.lab.rule(dispute_id, won=won)
    for _ in range(3):
        shop.notices.known.clear()
        shop.receive(shop.lab.deliveries(top_up))
    left = AMOUNT_MICROS if won else 0
    assert (shop.account.posted_micros, shop.account.available_micros) == (left, left)


def test_g40_a_replay_is_acknowledged(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    sent = shop.lab.deliveries(top_up)[0]
    states = [shop.webhooks.receive("stripe", sent.raw_body, sent.headers) for _ in range(3)]
    assert states == [NoticeState.NEW, NoticeState.HANDED_OVER, NoticeState.HANDED_OVER]
    assert len(shop.notices.waiting) == 1
