"""The status and flags of a hosted crypto invoice, by its transfers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.money.crypto.states import (
    GatewayStatus,
    Invoice,
    Receipt,
    asked_in_asset,
    payable_micros,
    received_micros,
)
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Flag,
    GatewayRefused,
    Method,
    Payment,
    TopUp,
    TopUpStatus,
)
from tests.support.clock import START

ASKED = 100_000_000
EXPIRY = START + timedelta(hours=1)


def receipt(
    micros: int, *, number: int = 0, late: bool = False, final: bool = True, asset: str = "USDT"
) -> Receipt:
    at = EXPIRY + timedelta(seconds=1) if late else START
    return Receipt(Payment(f"tx-{number}", Amount(micros, asset), at), is_final=final)


def invoice(gateway_status: GatewayStatus, *receipts: Receipt, percent: int = 1) -> Invoice:
    return Invoice(Amount(ASKED, "USDT"), EXPIRY, gateway_status, receipts, percent)


def top_up(asset: str = "USDT", network: str = "ETH", currency: str = "USD") -> TopUp:
    return TopUp(
        id="top_1",
        customer_id="cus_1",
        gateway="btcpay",
        method=Method.CRYPTO,
        amount=Amount(ASKED, currency),
        status=TopUpStatus.CREATED,
        created_at=START,
        updated_at=START,
        deadline_at=EXPIRY,
        asset=asset,
        network=network,
    )


class TestStatus:
    @pytest.mark.parametrize(
        ("gateway_status", "receipts", "status", "flags"),
        [
            (GatewayStatus.OPEN, [], TopUpStatus.AWAITING_PAYMENT, set()),
            (GatewayStatus.OPEN, [receipt(ASKED, final=False)], TopUpStatus.PROCESSING, set()),
            (GatewayStatus.OPEN, [receipt(ASKED)], TopUpStatus.SETTLED, set()),
            (GatewayStatus.OPEN, [receipt(ASKED // 100 * 99)], TopUpStatus.SETTLED, set()),
            (GatewayStatus.OPEN, [receipt(ASKED // 100 * 99 - 1)], TopUpStatus.PARTIALLY_PAID, set()),
            (GatewayStatus.OPEN, [receipt(ASKED // 100 * 101)], TopUpStatus.SETTLED, set()),
            (GatewayStatus.OPEN, [receipt(ASKED // 100 * 101 + 1)], TopUpStatus.SETTLED, {Flag.OVERPAID}),
            (GatewayStatus.OPEN, [receipt(40)], TopUpStatus.PARTIALLY_PAID, set()),
            (
                GatewayStatus.OPEN,
                [receipt(40), receipt(ASKED, number=1, final=False)],
                TopUpStatus.PROCESSING,
                set(),
            ),
            (GatewayStatus.SHORT, [receipt(40)], TopUpStatus.PARTIALLY_PAID, {Flag.UNDERPAID}),
            (GatewayStatus.EXPIRED, [], TopUpStatus.EXPIRED, set()),
            (GatewayStatus.EXPIRED, [receipt(40)], TopUpStatus.EXPIRED, {Flag.UNDERPAID}),
            (GatewayStatus.EXPIRED, [receipt(ASKED, late=True)], TopUpStatus.SETTLED, {Flag.LATE}),
            (GatewayStatus.EXPIRED, [receipt(40, late=True)], TopUpStatus.EXPIRED, {Flag.LATE, Flag.UNDERPAID}),
            (GatewayStatus.EXPIRED, [receipt(ASKED, late=True, final=False)], TopUpStatus.PROCESSING, {Flag.LATE}),
            (GatewayStatus.SETTLED, [receipt(ASKED)], TopUpStatus.SETTLED, set()),
            (GatewayStatus.SETTLED, [receipt(2 * ASKED)], TopUpStatus.SETTLED, {Flag.OVERPAID}),
            (GatewayStatus.SETTLED, [receipt(ASKED, final=False)], TopUpStatus.PROCESSING, set()),
            (GatewayStatus.SETTLED, [], TopUpStatus.SETTLED, {Flag.MANUAL_REVIEW}),
            (GatewayStatus.SETTLED, [receipt(40)], TopUpStatus.SETTLED, {Flag.MANUAL_REVIEW, Flag.UNDERPAID}),
            (GatewayStatus.ACCEPTED, [], TopUpStatus.SETTLED, {Flag.MANUAL_REVIEW}),
            (GatewayStatus.ACCEPTED, [receipt(40)], TopUpStatus.SETTLED, {Flag.MANUAL_REVIEW, Flag.UNDERPAID}),
            (GatewayStatus.INVALID, [receipt(ASKED, final=False)], TopUpStatus.FAILED, {Flag.MANUAL_REVIEW}),
            (GatewayStatus.INVALID, [receipt(ASKED)], TopUpStatus.SETTLED, {Flag.MANUAL_REVIEW}),
            (GatewayStatus.OPEN, [receipt(ASKED, asset="USDC")], TopUpStatus.PARTIALLY_PAID, {Flag.MANUAL_REVIEW}),
        ],
    )
    def test_it_follows_from_what_came(
        self, gateway_status: GatewayStatus, receipts: list[Receipt], status: TopUpStatus, flags: set[Flag]
    ) -> None:
        found = invoice(gateway_status, *receipts)
        assert found.status is status
        assert found.flags == flags

    def test_the_second_of_the_expiry_is_in_time(self) -> None:
        on_time = Receipt(Payment("tx", Amount(ASKED, "USDT"), EXPIRY), is_final=True)
        assert invoice(GatewayStatus.EXPIRED, on_time).flags == frozenset()

    @pytest.mark.guarantee("G11")
    @given(
        st.sampled_from(GatewayStatus),
        st.lists(st.tuples(st.integers(1, 3 * ASKED), st.booleans(), st.booleans()), max_size=6),
        st.integers(0, 5),
    )
    def test_g11_every_final_transfer_is_a_payment_whatever_the_invoice_is_called(
        self, gateway_status: GatewayStatus, transfers: list[tuple[int, bool, bool]], percent: int
    ) -> None:
        receipts = [
            receipt(micros, number=number, late=late, final=final)
            for number, (micros, late, final) in enumerate(transfers)
        ]
        found = invoice(gateway_status, *receipts, percent=percent)
        assert {payment.id for payment in found.payments} == {r.payment.id for r in receipts if r.is_final}
        received = sum(payment.amount.micros for payment in found.payments)
        if received >= ASKED:
            assert found.status is TopUpStatus.SETTLED
        if found.status is TopUpStatus.SETTLED and gateway_status not in {
            GatewayStatus.ACCEPTED,
            GatewayStatus.SETTLED,
        }:
            assert received * 100 >= ASKED * (100 - percent)
        assert (Flag.OVERPAID in found.flags) == (received > ASKED + ASKED * percent // 100)
        assert not {Flag.OVERPAID, Flag.UNDERPAID} <= found.flags

    @given(st.permutations([receipt(1, number=n, late=n > 2) for n in range(5)]))
    def test_payments_come_in_the_order_of_time_and_not_of_the_list(self, receipts: list[Receipt]) -> None:
        assert [payment.id for payment in invoice(GatewayStatus.OPEN, *receipts).payments] == [
            f"tx-{n}" for n in range(5)
        ]


class TestAmounts:
    @pytest.mark.parametrize("currency", ["USD", "USDT"])
    def test_a_stablecoin_is_asked_for_at_par(self, currency: str) -> None:
        assert asked_in_asset(top_up(currency=currency)) == Amount(ASKED, "USDT")

    @pytest.mark.parametrize(
        ("asset", "network", "currency"),
        [
            ("BTC", "ETH", "USD"),
            ("usdt", "ETH", "USD"),
            ("USDT", "TRON", "USD"),
            ("USDT", "", "USD"),
            ("USDT", "ETH", "EUR"),
            ("USDC", "BSC", "USDT"),
        ],
    )
    def test_anything_else_is_refused_with_a_sentence(self, asset: str, network: str, currency: str) -> None:
        with pytest.raises(GatewayRefused) as caught:
            asked_in_asset(top_up(asset, network, currency))
        assert caught.value.sentence.endswith(".")
        assert "top_1" not in caught.value.sentence

    @given(st.decimals(min_value=0, max_value=10**9, places=18))
    def test_what_came_is_rounded_down_and_what_is_asked_up(self, amount: Decimal) -> None:
        low, high = received_micros(amount), payable_micros(amount)
        assert Decimal(low) <= amount * 10**6 <= Decimal(high)
        assert high - low <= 1
