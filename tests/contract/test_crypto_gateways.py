"""Cases of hosted crypto invoices: partial payments, overpayments, late payments, and each credited once (G11)."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from chalicelib.adapters.gateways.btcpay.greenfield import PAGE_ITEMS
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Flag,
    GatewayRefused,
    GatewayUnreachable,
    PaymentState,
    TopUp,
    TopUpStatus,
)
from chalicelib.kernel.clock import later
from dev.simulators.crypto.book import HostedInvoice, Mark
from dev.simulators.faults import FaultMatch, RequestFault
from tests.contract.crypto_lab import BTCPayLab, CryptoLab, OxaPayLab

RETURN_URL = "https://app.example.net/billing"


@pytest.fixture(scope="module", params=[BTCPayLab, OxaPayLab], ids=["btcpay", "oxapay"])
def shop(request: pytest.FixtureRequest) -> Iterator[CryptoLab]:
    """The gateway under test, and its chain."""
    made: CryptoLab = request.param()
    yield made
    made.close()


@pytest.fixture
def top_up(shop: CryptoLab) -> Iterator[TopUp]:
    """A top-up of 25 dollars that waits for its payment."""
    made = shop.top_up(25_000_000)
    shop.gateway.create(made, return_url=RETURN_URL)
    yield made
    shop.clear_faults()


def looked_at(shop: CryptoLab, top_up: TopUp) -> PaymentState:
    return shop.gateway.fetch(shop.invoice(top_up).id)


def paid_micros(state: PaymentState) -> int:
    return sum(payment.amount.micros for payment in state.payments)


class TestCheckout:
    @pytest.mark.parametrize("asset", ["USDT", "USDC"])
    @pytest.mark.parametrize("network", ["ETH", "BSC", "POLYGON"])
    def test_it_says_what_to_send_where_and_until_when(self, shop: CryptoLab, asset: str, network: str) -> None:
        made = shop.top_up(25_500_000, asset=asset, network=network)
        checkout = shop.gateway.create(made, return_url=RETURN_URL)
        assert checkout.pay_amount is not None
        assert (checkout.pay_amount.micros, checkout.pay_amount.currency) == (25_500_000, asset)
        assert (checkout.address, checkout.network) == (shop.invoice(made).address, network)
        assert checkout.expires_at == shop.invoice(made).expires_at.replace(microsecond=0)

    def test_no_two_top_ups_share_an_address(self, shop: CryptoLab) -> None:
        checkouts = [shop.gateway.create(shop.top_up(), return_url=RETURN_URL) for _ in range(3)]
        assert len({checkout.address for checkout in checkouts}) == 3

    def test_a_network_that_is_none_of_ours_is_refused(self, shop: CryptoLab) -> None:
        with pytest.raises(GatewayRefused):
            shop.gateway.create(shop.top_up(network="TRON"), return_url=RETURN_URL)

    def test_after_a_lost_answer_the_customer_can_still_pay(self, shop: CryptoLab) -> None:
        """OxaPay then makes another payment, BTCPay does not; in both cases our reference finds the money."""
        made = shop.top_up()
        shop.simulator.inject(RequestFault.DROP_AFTER_EFFECT, FaultMatch(method="POST"))
        with pytest.raises(GatewayUnreachable):
            shop.gateway.create(made, return_url=RETURN_URL)
        checkout = shop.gateway.create(made, return_url=RETURN_URL)
        assert checkout.address == shop.invoice(made).address
        shop.pay(made)
        state = shop.gateway.fetch(checkout.provider_id)
        assert (state.status, state.reference) == (TopUpStatus.SETTLED, made.id)
        assert shop.gateway.find(made) == state

    def test_an_id_is_never_a_path(self, shop: CryptoLab) -> None:
        with pytest.raises(GatewayRefused):
            shop.gateway.fetch("../../x?y=z#")
        asked = shop.simulator.requests[-1]
        assert (asked["path"].endswith("/../../x?y=z#"), asked["query"]) == (True, "")


@pytest.mark.guarantee("G11")
class TestReceived:
    def test_g11_each_part_is_a_payment_of_its_own(self, shop: CryptoLab, top_up: TopUp) -> None:
        shop.pay(top_up, 10_000_000)
        first = looked_at(shop, top_up)
        assert (first.status, paid_micros(first)) == (TopUpStatus.PARTIALLY_PAID, 10_000_000)
        shop.pay(top_up, 15_000_000)
        both = looked_at(shop, top_up)
        assert (both.status, paid_micros(both)) == (TopUpStatus.SETTLED, 25_000_000)
        assert set(first.payments) < set(both.payments)
        assert both.flags == frozenset()

    @pytest.mark.parametrize(
        ("paid", "status", "flags"),
        [
            (24_750_000, TopUpStatus.SETTLED, set()),
            (25_250_000, TopUpStatus.SETTLED, set()),
            (25_250_001, TopUpStatus.SETTLED, {Flag.OVERPAID}),
            (90_000_000, TopUpStatus.SETTLED, {Flag.OVERPAID}),
        ],
    )
    def test_g11_the_band_is_a_hundredth_and_all_that_came_is_told(
        self, shop: CryptoLab, top_up: TopUp, paid: int, status: TopUpStatus, flags: set[Flag]
    ) -> None:
        shop.pay(top_up, paid)
        state = looked_at(shop, top_up)
        assert (state.status, paid_micros(state)) == (status, paid)
        assert state.flags == flags

    def test_g11_below_the_band_it_is_a_part(self, shop: CryptoLab, top_up: TopUp) -> None:
        shop.pay(top_up, 24_749_999)
        state = looked_at(shop, top_up)
        assert (state.status, paid_micros(state)) == (TopUpStatus.PARTIALLY_PAID, 24_749_999)

    def test_g11_more_money_after_settlement_is_reported_too(self, shop: CryptoLab, top_up: TopUp) -> None:
        shop.pay(top_up)
        shop.pay(top_up, 7_000_000)
        state = looked_at(shop, top_up)
        assert (state.status, paid_micros(state)) == (TopUpStatus.SETTLED, 32_000_000)
        assert state.flags == {Flag.OVERPAID}

    def test_g11_late_money_is_credited_and_flagged(self, shop: CryptoLab, top_up: TopUp) -> None:
        shop.expire(top_up)
        empty = looked_at(shop, top_up)
        assert (empty.status, empty.payments, empty.flags) == (TopUpStatus.EXPIRED, (), frozenset())
        shop.pay(top_up)
        late = looked_at(shop, top_up)
        assert (late.status, paid_micros(late)) == (TopUpStatus.SETTLED, 25_000_000)
        assert late.flags == {Flag.LATE}

    def test_g11_a_part_in_time_and_the_rest_late(self, shop: CryptoLab, top_up: TopUp) -> None:
        shop.pay(top_up, 5_000_000)
        shop.expire(top_up)
        part = looked_at(shop, top_up)
        assert (paid_micros(part), part.flags) == (5_000_000, frozenset({Flag.UNDERPAID}))
        shop.simulator.advance(20 * 86_400)
        shop.pay(top_up, 20_000_000)
        whole = looked_at(shop, top_up)
        assert (whole.status, paid_micros(whole)) == (TopUpStatus.SETTLED, 25_000_000)
        assert whole.flags == {Flag.LATE}

    def test_g11_a_transfer_that_vanishes_was_none(self, shop: CryptoLab, top_up: TopUp) -> None:
        shop.begin_paying(top_up)
        assert looked_at(shop, top_up).status is TopUpStatus.PROCESSING
        shop.simulator.drop(shop.invoice(top_up))
        state = looked_at(shop, top_up)
        assert (state.status, state.payments) == (TopUpStatus.AWAITING_PAYMENT, ())

    def test_g11_what_people_accept_is_settled_and_only_what_came_is_told(
        self, shop: CryptoLab, top_up: TopUp
    ) -> None:
        shop.pay(top_up, 5_000_000)
        shop.simulator.mark(shop.invoice(top_up), Mark.ACCEPTED)
        state = looked_at(shop, top_up)
        assert (state.status, paid_micros(state)) == (TopUpStatus.SETTLED, 5_000_000)
        assert state.flags == {Flag.MANUAL_REVIEW, Flag.UNDERPAID}


def test_of_two_with_our_reference_the_paid_one_is_found(shop: CryptoLab) -> None:
    """Two simultaneous requests may create two payments; the money can come to either."""
    for paid in (0, 1):
        made = [shop.top_up(), shop.top_up()]
        for top_up in made:
            shop.gateway.create(top_up, return_url=RETURN_URL)
        twins = [shop.invoice(top_up) for top_up in made]
        refer(twins[1], made[0].id)
        shop.simulator.pay(twins[paid])
        found = shop.gateway.find(made[0])
        assert found is not None
        assert (found.provider_id, found.status) == (twins[paid].id, TopUpStatus.SETTLED)


def refer(invoice: HostedInvoice, reference: str) -> None:
    """Set the reference of an invoice."""
    invoice.reference = reference
    if "metadata" in invoice.extra:
        invoice.extra["metadata"] = {"orderId": reference}
    else:
        invoice.extra["order_id"] = reference


def test_a_late_payment_is_listed_on_the_day_it_came(shop: CryptoLab) -> None:
    """Both gateways list by the day of creation, but we find it."""
    made = shop.top_up()
    shop.gateway.create(made, return_url=RETURN_URL)
    shop.expire(made)
    shop.simulator.advance(20 * 86_400)
    shop.pay(made)
    late = looked_at(shop, made)
    day_of_payment = shop.gateway.settled(late.payments[0].at, later(shop.now(), 1))
    assert [state for state in day_of_payment if state.reference == made.id] == [late]


class TestBTCPay:
    @pytest.fixture
    def store(self) -> Iterator[BTCPayLab]:
        made = BTCPayLab(rate=Decimal("1.0004"))
        yield made
        made.close()

    def test_what_to_send_follows_the_stores_own_rate(self, store: BTCPayLab) -> None:
        made = store.top_up(25_000_000)
        checkout = store.gateway.create(made, return_url=RETURN_URL)
        assert checkout.pay_amount == Amount(25_010_000, "USDT")
        store.pay(made)
        state = looked_at(store, made)
        assert (state.status, paid_micros(state), state.flags) == (TopUpStatus.SETTLED, 25_010_000, frozenset())

    def test_an_archived_invoice_is_still_found(self, store: BTCPayLab) -> None:
        made = store.top_up()
        checkout = store.gateway.create(made, return_url=RETURN_URL)
        store.invoice(made).extra["archived"] = True
        store.pay(made)
        assert store.gateway.find(made) == store.gateway.fetch(checkout.provider_id)
        assert store.gateway.create(made, return_url=RETURN_URL) == checkout

    def test_an_invoice_whose_reference_people_changed_is_not_ours(self, store: BTCPayLab) -> None:
        made = store.top_up()
        store.gateway.create(made, return_url=RETURN_URL)
        store.invoice(made).extra["metadata"] = {"orderId": "another"}
        assert store.gateway.find(made) is None

    def test_lists_are_read_to_their_end(self, store: BTCPayLab) -> None:
        made = [store.top_up() for _ in range(PAGE_ITEMS + 3)]
        for top_up in made:
            store.gateway.create(top_up, return_url=RETURN_URL)
        store.pay(made[0])
        settled = store.gateway.settled(later(store.now(), -60), later(store.now(), 60))
        assert [state.reference for state in settled] == [made[0].id]
