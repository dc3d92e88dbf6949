"""The conversion of BTCPay's and OxaPay's answers, and their configuration."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.adapters.gateways import btcpay, oxapay
from chalicelib.adapters.gateways.btcpay import greenfield
from chalicelib.adapters.gateways.btcpay import mapping as btcpay_mapping
from chalicelib.adapters.gateways.oxapay import mapping as oxapay_mapping
from chalicelib.adapters.gateways.oxapay import merchant
from chalicelib.adapters.shared.configuration import ConfigurationError
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Flag,
    GatewayRefused,
    GatewayUnreachable,
    PaymentState,
    RefundStatus,
    TopUpStatus,
)
from tests.support.clock import START
from tests.unit.money.test_payments_crypto import top_up

NOW = int(START.timestamp())
EXPIRY = NOW + 3600
BTCPAY_SECTION = {
    "base_url": "https://btcpay.example.net/",
    "store_id": "Store1",
    "api_key": "the-key",
    "webhook_secret": "the-secret",
    "payment_methods": {"USDT-ETH": "USDT-ETHEREUM", "USDC-BSC": "USDC-BSC"},
}
OXAPAY_SECTION = {"merchant_api_key": "the-key", "callback_url": "https://webhooks.example.net/oxapay"}
BTCPAY = btcpay.BTCPayConfig.from_secret(json.dumps({"btcpay": BTCPAY_SECTION}))
OXAPAY = oxapay.OxaPayConfig.from_secret(json.dumps({"oxapay": OXAPAY_SECTION}))


def payment(name: str, value: str, status: str = "Settled", at: int = NOW) -> dict[str, Any]:
    return {"id": name, "receivedDate": at, "value": value, "status": status}


def btcpay_state(status: str, additional: str, *payments: dict[str, Any], **more: Any) -> PaymentState:
    invoice = {
        "id": "inv1",
        "amount": "100.00",
        "currency": "USD",
        "status": status,
        "additionalStatus": additional,
        "checkoutLink": "https://btcpay.example.net/i/inv1",
        "createdTime": NOW,
        "expirationTime": EXPIRY,
        "metadata": {"orderId": "top_1"},
    }
    method = {
        "paymentMethodId": "USDT-ETHEREUM",
        "currency": "USDt",
        "destination": "0xabc",
        "amount": "100.1",
        "payments": list(payments),
    }
    return btcpay_mapping.state(
        greenfield.InvoiceData.model_validate(invoice),
        [greenfield.PaymentMethodData.model_validate({**method, **more})],
        BTCPAY,
    )


class TestBTCPay:
    @pytest.mark.parametrize(
        ("words", "payments", "status", "flags"),
        [
            (("New", "None"), [], TopUpStatus.AWAITING_PAYMENT, set()),
            (("New", "PaidPartial"), [payment("a", "1")], TopUpStatus.PARTIALLY_PAID, set()),
            (("Processing", "None"), [payment("a", "100.1", "Processing")], TopUpStatus.PROCESSING, set()),
            (("Settled", "None"), [payment("a", "100.1")], TopUpStatus.SETTLED, set()),
            (("Settled", "PaidOver"), [payment("a", "150")], TopUpStatus.SETTLED, {Flag.OVERPAID}),
            (("Settled", "Marked"), [], TopUpStatus.SETTLED, {Flag.MANUAL_REVIEW}),
            (("Expired", "None"), [], TopUpStatus.EXPIRED, set()),
            (("Expired", "PaidPartial"), [payment("a", "1")], TopUpStatus.EXPIRED, {Flag.UNDERPAID}),
            (
                ("Expired", "PaidLate"),
                [payment("a", "100.1", at=EXPIRY + 1)],
                TopUpStatus.SETTLED,
                {Flag.LATE},
            ),
            (("Invalid", "None"), [payment("a", "100.1", "Processing")], TopUpStatus.FAILED, {Flag.MANUAL_REVIEW}),
            (("Invalid", "Marked"), [payment("a", "100.1")], TopUpStatus.SETTLED, {Flag.MANUAL_REVIEW}),
        ],
    )
    def test_its_two_statuses(
        self, words: tuple[str, str], payments: list[dict[str, Any]], status: TopUpStatus, flags: set[Flag]
    ) -> None:
        state = btcpay_state(*words, *payments)
        assert state.status is status
        assert state.flags == flags
        assert bool(state.failure) == (status is TopUpStatus.FAILED)

    @pytest.mark.guarantee("G11")
    def test_g11_a_payment_is_known_by_invoice_and_transaction_and_exact(self) -> None:
        state = btcpay_state("Settled", "None", payment("0xab-0", "100.1000009"), payment("0xab-1", "1e-6"))
        assert [(paid.id, paid.amount) for paid in state.payments] == [
            ("inv1:0xab-0", Amount(100_100_000, "USDT")),
            ("inv1:0xab-1", Amount(1, "USDT")),
        ]
        assert state.payments[0].at == START.replace(microsecond=0)

    def test_a_replaced_payment_is_none(self) -> None:
        state = btcpay_state("New", "None", payment("a", "100.1", "Invalid"))
        assert (state.status, state.payments) == (TopUpStatus.AWAITING_PAYMENT, ())

    def test_an_unexpected_way_of_paying_is_credited_and_flagged(self) -> None:
        state = btcpay_state("Settled", "None", payment("a", "0.5"), paymentMethodId="BTC-CHAIN", currency="BTC")
        assert [paid.amount for paid in state.payments] == [Amount(500_000, "BTC")]
        assert Flag.MANUAL_REVIEW in state.flags

    def test_an_unknown_status_is_no_word_to_act_on(self) -> None:
        with pytest.raises(GatewayUnreachable):
            btcpay_state("Frozen", "None")

    def test_the_request_asks_for_one_asset_on_one_network(self) -> None:
        request = btcpay_mapping.invoice_request(top_up(), BTCPAY, "https://app.example.net")
        assert (request["amount"], request["currency"]) == ("100.00", "USD")
        assert request["metadata"]["orderId"] == "top_1"
        assert request["checkout"]["paymentMethods"] == ["USDT-ETHEREUM"]
        assert request["checkout"]["monitoringMinutes"] == 30 * 24 * 60

    def test_what_the_store_does_not_take_is_refused_with_a_sentence(self) -> None:
        with pytest.raises(GatewayRefused) as caught:
            btcpay_mapping.invoice_request(top_up("USDC", "POLYGON"), BTCPAY, "https://app.example.net")
        assert caught.value.sentence == "USDC on POLYGON is not offered."

    def test_no_address_yet_is_no_checkout(self) -> None:
        invoice = greenfield.InvoiceData.model_validate(
            {"id": "i", "amount": "1", "currency": "USD", "status": "New", "createdTime": 1, "expirationTime": 2}
        )
        with pytest.raises(GatewayUnreachable):
            btcpay_mapping.checkout(top_up(), invoice, [], "USDT-ETHEREUM")


def transfer(tx_hash: str, amount: str, status: str = "confirmed", **more: Any) -> dict[str, Any]:
    told = {"tx_hash": tx_hash, "amount": Decimal(amount), "currency": "USDT", "status": status, "date": NOW}
    return {**told, **more}


def oxapay_state(status: str, *transfers: dict[str, Any]) -> PaymentState:
    data = {
        "track_id": 7,
        "status": status,
        "amount": 100,
        "currency": "USDT",
        "order_id": "top_1",
        "expired_at": EXPIRY,
        "date": NOW,
        "txs": list(transfers),
    }
    return oxapay_mapping.state(merchant.PaymentData.model_validate(data), OXAPAY)


class TestOxaPay:
    @pytest.mark.parametrize(
        ("word", "transfers", "status", "flags"),
        [
            ("new", [], TopUpStatus.AWAITING_PAYMENT, set()),
            ("waiting", [], TopUpStatus.AWAITING_PAYMENT, set()),
            ("paying", [transfer("a", "100", "confirming")], TopUpStatus.PROCESSING, set()),
            ("paid", [transfer("a", "100")], TopUpStatus.SETTLED, set()),
            ("Paid", [transfer("a", "120")], TopUpStatus.SETTLED, {Flag.OVERPAID}),
            ("paid", [transfer("a", "100", "confirming")], TopUpStatus.PROCESSING, set()),
            ("manual_accept", [transfer("a", "60")], TopUpStatus.SETTLED, {Flag.MANUAL_REVIEW, Flag.UNDERPAID}),
            ("underpaid", [transfer("a", "60")], TopUpStatus.PARTIALLY_PAID, {Flag.UNDERPAID}),
            ("expired", [], TopUpStatus.EXPIRED, set()),
            ("expired", [transfer("a", "100", date=EXPIRY + 1)], TopUpStatus.SETTLED, {Flag.LATE}),
        ],
    )
    def test_its_statuses(
        self, word: str, transfers: list[dict[str, Any]], status: TopUpStatus, flags: set[Flag]
    ) -> None:
        state = oxapay_state(word, *transfers)
        assert state.status is status
        assert state.flags == flags
        assert state.refunds == ()

    @pytest.mark.parametrize(
        ("word", "status"), [("refunding", RefundStatus.PENDING), ("refunded", RefundStatus.DONE)]
    )
    def test_a_refund_is_of_all_that_was_paid_and_looked_at(self, word: str, status: RefundStatus) -> None:
        state = oxapay_state(word, transfer("a", "60"), transfer("b", "40.5"))
        assert [(refund.id, refund.amount, refund.status) for refund in state.refunds] == [
            ("7:refund:USDT", Amount(100_500_000, "USDT"), status)
        ]
        assert len(state.payments) == 2
        assert Flag.MANUAL_REVIEW in state.flags

    @pytest.mark.guarantee("G11")
    def test_g11_transfers_of_one_transaction_stay_apart_in_whatever_order_they_come(self) -> None:
        told = [transfer("0xAB", "1"), transfer("0xab", "2"), transfer("0xcd", "3")]
        ids = {paid.id: paid.amount.micros for paid in oxapay_state("paying", *told).payments}
        assert ids == {"7:0xab": 1_000_000, "7:0xab:2": 2_000_000, "7:0xcd": 3_000_000}
        assert {p.id: p.amount.micros for p in oxapay_state("paying", *reversed(told)).payments} == ids

    def test_a_failed_transfer_is_none(self) -> None:
        state = oxapay_state("waiting", transfer("a", "100", "failed"))
        assert (state.status, state.payments) == (TopUpStatus.AWAITING_PAYMENT, ())

    def test_an_unknown_status_is_no_word_to_act_on(self) -> None:
        with pytest.raises(GatewayUnreachable):
            oxapay_state("frozen")

    def test_the_request_asks_in_the_asset_and_leaves_the_fee_to_us(self) -> None:
        asked, fields = oxapay_mapping.request(top_up("USDC", "BSC"), OXAPAY)
        assert asked == Amount(100_000_000, "USDC")
        assert (fields["currency"], fields["pay_currency"], fields["network"]) == ("USDC", "USDC", "BEP20")
        assert (fields["order_id"], fields["fee_paid_by_payer"]) == ("top_1", 0)
        assert fields["callback_url"] == "https://webhooks.example.net/oxapay"

    def test_a_network_that_is_not_configured_is_refused_with_a_sentence(self) -> None:
        config = OXAPAY.model_copy(update={"networks": {"ETH": "ERC20"}})
        with pytest.raises(GatewayRefused) as caught:
            oxapay_mapping.request(top_up("USDT", "BSC"), config)
        assert caught.value.sentence == "USDT on BSC is not offered."


class TestConfiguration:
    @pytest.mark.parametrize(
        "change",
        [
            {"api_key": None},
            {"base_url": "btcpay"},
            {"store_id": "../x"},
            {"payment_methods": {}},
            {"payment_methods": {"BTC-CHAIN": "BTC"}},
            {"payment_methods": {"USDT-ETH": "same", "USDC-ETH": "same"}},
            {"payment_methods": {"USDT-ETH": "a b"}},
            {"tolerance_percent": 50},
            {"surprise": 1},
        ],
    )
    def test_a_wrong_btcpay_section_is_named_without_its_values(self, change: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError) as caught:
            btcpay.BTCPayConfig.from_secret(json.dumps({"btcpay": {**BTCPAY_SECTION, **change}}))
        assert next(iter(change)) in str(caught.value)
        assert "the-secret" not in str(caught.value)

    @pytest.mark.parametrize(
        "change",
        [{"merchant_api_key": None}, {"networks": {"TRON": "TRC20"}}, {"networks": {}}, {"lifetime_minutes": 5}],
    )
    def test_a_wrong_oxapay_section_is_named_without_its_values(self, change: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError) as caught:
            oxapay.OxaPayConfig.from_secret(json.dumps({"oxapay": {**OXAPAY_SECTION, **change}}))
        assert next(iter(change)) in str(caught.value)

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"btcpay": 1, "oxapay": 1}'])
    def test_a_secret_without_the_section_is_refused(self, text: str) -> None:
        with pytest.raises(ConfigurationError):
            btcpay.BTCPayConfig.from_secret(text)
        with pytest.raises(ConfigurationError):
            oxapay.OxaPayConfig.from_secret(text)

    @pytest.mark.guarantee("G46")
    def test_g46_a_configuration_does_not_show_its_secrets(self) -> None:
        shown = f"{BTCPAY!r} {BTCPAY} {OXAPAY!r} {OXAPAY}"
        assert "the-key" not in shown
        assert "the-secret" not in shown


def test_a_daily_look_goes_back_as_far_as_late_payments_come() -> None:
    """Both gateways list by creation, so the list must reach back as far as webhooks of late payments."""
    listened = timedelta(minutes=BTCPAY.expiration_minutes + BTCPAY.monitoring_minutes)
    assert listened >= timedelta(days=30)
    assert timedelta(days=OXAPAY.listening_days) >= timedelta(days=30)
