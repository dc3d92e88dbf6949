"""Crypto top-ups from the request to the ledger, with the real gateways on simulated services."""

import itertools
import random
from collections.abc import Iterator
from decimal import Decimal

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
from tests.contract.crypto_lab import BTCPayLab, CryptoLab, OxaPayLab
from tests.fakes.money import MemoryLedgerRecords, MemoryTable, MemoryTransactor
from tests.fakes.payments import FixedRates, MemoryNotices, MemoryTopUpRecords
from tests.support.api import Answer, Api
from tests.support.clock import SettableClock
from tests.support.parts import give

CUSTOMER = "cus_1"
RATE = Decimal("0.999")
PERMUTATIONS_TRIED = 40


class Shop:
    """A customer with an account, and a crypto gateway with its chain."""

    def __init__(self, made: type[BTCPayLab] | type[OxaPayLab]) -> None:
        self.clock = SettableClock()
        self.lab: CryptoLab = made(self.clock)
        self.gateway = self.lab.gateway
        self._table = MemoryTable()
        transactor = MemoryTransactor(self._table)
        records = MemoryTopUpRecords(self._table)
        self._accounts = MemoryLedgerRecords(self._table)
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
        """Advance the time, and keep the rates up to date."""
        self.clock.advance(seconds)
        for asset in ("USDT", "USDC"):
            self._rates.put_rate(Rate(asset, RATE, self.clock.now()))

    def ask(self, key: str | None = None) -> TopUp:
        request = TopUpRequest(self.lab.name, Method.CRYPTO, Amount(25_000_000), "USDT", "POLYGON")
        return self._top_ups.create(CUSTOMER, request, key)

    def now(self, top_up: TopUp) -> TopUp:
        return self._top_ups.get(CUSTOMER, top_up.id)

    def tell(self, top_up: TopUp) -> None:
        """Deliver and process every new webhook."""
        deliveries = self.lab.deliveries(top_up)
        for delivery in deliveries[self._told :]:
            self.webhooks.receive(self.lab.name, delivery.raw_body, delivery.headers)
        self._told = len(deliveries)
        while self.notices.waiting:
            self.webhooks.handle(*self.notices.waiting.pop(0))

    @property
    def balance_micros(self) -> int:
        account = self._accounts.account(CUSTOMER)
        assert account is not None
        return account.posted_micros


@pytest.fixture(params=[BTCPayLab, OxaPayLab], ids=["btcpay", "oxapay"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    made = Shop(request.param)
    yield made
    made.lab.close()


@pytest.mark.guarantee("G11")
def test_g11_partial_and_late_is_credited_as_it_comes_at_the_recorded_rate(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up, 10_000_000)
    shop.tell(top_up)
    assert shop.balance_micros == 9_990_000
    assert shop.now(top_up).status is TopUpStatus.PARTIALLY_PAID

    shop.lab.expire(top_up)
    shop.tell(top_up)
    shop.let_pass(5_000)
    shop.settlement.reconcile()
    ended = shop.now(top_up)
    assert (ended.status, ended.flags) == (TopUpStatus.EXPIRED, frozenset({Flag.UNDERPAID}))
    assert ended.failure == "", "something was paid"

    shop.let_pass(3 * 86_400)
    shop.lab.pay(top_up, 15_000_000)
    shop.tell(top_up)
    whole = shop.now(top_up)
    assert (whole.status, whole.flags) == (TopUpStatus.SETTLED, frozenset({Flag.LATE}))
    assert (whole.credited_micros, shop.balance_micros) == (24_975_000, 24_975_000)


@pytest.mark.guarantee("G11")
def test_g11_within_the_tolerance_no_flag_is_set(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up, 24_800_000)
    shop.tell(top_up)
    assert (shop.now(top_up).status, shop.now(top_up).flags) == (TopUpStatus.SETTLED, frozenset())
    assert shop.balance_micros == 24_775_200


@pytest.mark.guarantee("G11")
def test_g11_a_late_payment_whose_webhooks_were_lost_is_found(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.expire(top_up)
    shop.let_pass(10_000)
    shop.settlement.reconcile()
    assert shop.now(top_up).status is TopUpStatus.EXPIRED
    shop.lab.pay(top_up)
    shop.let_pass(86_400)
    shop.settlement.reconcile()
    assert shop.balance_micros == 24_975_000


@pytest.mark.guarantee("G11")
def test_g11_a_month_later_a_payment_whose_webhooks_were_lost_is_still_found(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.expire(top_up)
    for _ in range(29):
        shop.let_pass(86_400)
        shop.settlement.reconcile()
    shop.lab.pay(top_up)
    for _ in range(30):
        shop.let_pass(86_400)
        shop.settlement.reconcile()
    assert shop.balance_micros == 24_975_000


@pytest.mark.guarantee("G11")
def test_g11_a_stale_rate_delays_its_own_top_ups_and_no_others(shop: Shop) -> None:
    paid, unpaid = shop.ask(), shop.ask()
    shop.lab.pay(paid)
    shop.clock.advance(3 * 86_400)
    assert shop.settlement.reconcile() == {"looked": 1, "failed": 1}
    assert shop.balance_micros == 0
    assert shop.now(unpaid).status is TopUpStatus.EXPIRED
    shop.let_pass(3 * 86_400)
    shop.settlement.reconcile()
    assert shop.balance_micros == 24_975_000


@pytest.mark.guarantee("G01", "G02")
def test_g01_any_order_and_number_of_webhooks_credits_once(shop: Shop) -> None:
    """Webhooks of each part of the story arrive in other orders and repeatedly, with their old signatures."""
    top_up = shop.ask()
    shop.lab.pay(top_up, 10_000_000)
    shop.lab.pay(top_up, 15_000_000)
    told = shop.lab.deliveries(top_up)
    orders = list(itertools.islice(itertools.permutations(told), 5_000))
    for order in random.Random(7).sample(orders, min(PERMUTATIONS_TRIED, len(orders))):
        for delivery in (*order, *order):
            shop.webhooks.receive(shop.lab.name, delivery.raw_body, delivery.headers)
        while shop.notices.waiting:
            shop.webhooks.handle(*shop.notices.waiting.pop())
    assert shop.balance_micros == 24_975_000


@pytest.mark.guarantee("G40")
def test_g40_what_is_forged_or_stale_changes_nothing(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    told = shop.lab.deliveries(top_up)
    for delivery in told:
        with pytest.raises(InvalidSignature):
            shop.webhooks.receive(shop.lab.name, delivery.raw_body + b" ", delivery.headers)
    shop.let_pass(10 * 86_400)
    for delivery in told:
        with pytest.raises(InvalidSignature):
            shop.webhooks.receive(shop.lab.name, delivery.raw_body, delivery.headers)
    assert (shop.notices.waiting, shop.balance_micros) == ([], 0)


def test_a_replay_is_acknowledged(shop: Shop) -> None:
    top_up = shop.ask()
    shop.lab.pay(top_up)
    last = shop.lab.deliveries(top_up)[-1]
    states = [shop.webhooks.receive(shop.lab.name, last.raw_body, last.headers) for _ in range(100)]
    assert states == [NoticeState.NEW] + [NoticeState.HANDED_OVER] * 99
    assert len(shop.notices.waiting) == 1


def test_on_the_apis_own_host_a_provider_hears_ok_and_nothing_else(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OxaPay repeats a webhook unless the answer is 200 with `ok` (https://docs.oxapay.com/webhook)."""
    give(money={"webhooks": shop.webhooks})
    top_up = shop.ask()
    shop.lab.pay(top_up)
    told = shop.lab.deliveries(top_up)[-1]

    def deliver(body: bytes) -> Answer:
        path = "/billing/webhooks/crypto-provider"
        return api.post(path, body=body.decode(), headers=dict(told.headers))

    heard = deliver(told.raw_body)
    assert (heard.status, heard.text) == (200, "ok")
    assert heard.headers["Content-Type"].startswith("text/plain")
    forged = deliver(told.raw_body + b" ")
    assert (forged.status, forged.code) == (400, "VALIDATION_ERROR")
    assert len(shop.notices.waiting) == 1


@pytest.mark.parametrize("looked", [False, True], ids=["at-once", "after-the-reconciler-looked"])
@pytest.mark.guarantee("G01")
def test_g01_after_a_lost_answer_the_same_request_gives_a_way_to_pay(shop: Shop, *, looked: bool) -> None:
    shop.lab.simulator.inject(RequestFault.DROP_AFTER_EFFECT, FaultMatch(method="POST"))
    with pytest.raises(PaymentProviderError):
        shop.ask("key")
    if looked:
        shop.let_pass(600)
        assert shop.settlement.reconcile() == {"looked": 1, "failed": 0}
    top_up = shop.ask("key")
    assert top_up.checkout is not None
    assert top_up.checkout.address == shop.lab.invoice(top_up).address
    shop.lab.pay(top_up)
    shop.tell(top_up)
    assert shop.now(top_up).status is TopUpStatus.SETTLED
    assert shop.balance_micros == 24_975_000


@pytest.mark.guarantee("G01")
def test_g01_two_requests_at_once_show_one_address(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second request gets its answer before the first one."""
    create = shop.gateway.create
    inner: list[TopUp] = []

    def interrupted(top_up: TopUp, *, return_url: str) -> object:
        made = create(top_up, return_url=return_url)
        monkeypatch.setattr(shop.gateway, "create", create)
        inner.append(shop.ask("key"))
        return made

    monkeypatch.setattr(shop.gateway, "create", interrupted)
    outer = shop.ask("key")
    assert outer.checkout == inner[0].checkout
    assert outer.checkout is not None
    assert shop.gateway.fetch(outer.checkout.provider_id).provider_id == outer.provider_id
