"""Webhooks of BTCPay and OxaPay: forged, too old, from the future, truncated, unreadable, or valid."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyHttpUrl, SecretStr

from chalicelib.adapters.gateways.btcpay import BTCPayConfig, BTCPayGateway
from chalicelib.adapters.gateways.oxapay import OxaPayConfig, OxaPayGateway
from chalicelib.domain.money.top_ups.models import InvalidSignature, Notice
from chalicelib.domain.money.top_ups.ports import Gateway
from tests.support.clock import START

SECRET = "the-secret"
NOW_SECONDS = int(START.timestamp())
BTCPAY = BTCPayGateway(
    BTCPayConfig(
        base_url=AnyHttpUrl("https://btcpay.example.net"),
        store_id="Store1",
        api_key=SecretStr("key"),
        webhook_secret=SecretStr(SECRET),
        payment_methods={"USDT-ETH": "USDT-ETHEREUM"},
    )
)
OXAPAY = OxaPayGateway(OxaPayConfig(merchant_api_key=SecretStr(SECRET)))
BTCPAY_EVENT = {
    "deliveryId": "second",
    "originalDeliveryId": "first",
    "isRedelivery": True,
    "type": "InvoiceSettled",
    "timestamp": NOW_SECONDS,
    "storeId": "Store1",
    "invoiceId": "inv1",
    "metadata": {"orderId": "top_1"},
}
OXAPAY_EVENT = {
    "track_id": "151811887",
    "status": "Paid",
    "type": "white_label",
    "amount": 25.5,
    "order_id": "top_1",
    "date": NOW_SECONDS,
    "txs": [{"status": "confirmed", "tx_hash": "0xab", "date": NOW_SECONDS}],
}


def btcpay_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"btcpay-sig": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def oxapay_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"hmac": hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()}


Signer = Callable[..., dict[str, str]]
BOTH = pytest.mark.parametrize(
    ("gateway", "sign", "event"),
    [(BTCPAY, btcpay_headers, BTCPAY_EVENT), (OXAPAY, oxapay_headers, OXAPAY_EVENT)],
    ids=["btcpay", "oxapay"],
)


def verified(gateway: Gateway, sign: Signer, event: Mapping[str, Any], after_seconds: int = 0) -> Notice:
    body = json.dumps(event).encode()
    return gateway.verify(body, sign(body), START + timedelta(seconds=after_seconds))


class TestNotice:
    def test_btcpays_names_the_invoice_and_the_first_delivery(self) -> None:
        assert verified(BTCPAY, btcpay_headers, BTCPAY_EVENT) == Notice("first", "InvoiceSettled", "inv1", "top_1")

    def test_btcpays_first_delivery_is_its_own(self) -> None:
        event = {**BTCPAY_EVENT, "originalDeliveryId": None}
        assert verified(BTCPAY, btcpay_headers, event).event_id == "second"

    def test_what_btcpay_tells_of_another_store_or_thing_concerns_nothing(self) -> None:
        for change in ({"storeId": "Other"}, {"invoiceId": None, "metadata": None}):
            notice = verified(BTCPAY, btcpay_headers, {**BTCPAY_EVENT, **change})
            assert (notice.provider_id, notice.reference) == (None, None)

    def test_oxapays_names_the_payment(self) -> None:
        notice = verified(OXAPAY, oxapay_headers, OXAPAY_EVENT)
        assert (notice.kind, notice.provider_id, notice.reference) == ("paid", "151811887", "top_1")

    def test_oxapays_id_is_the_bodys(self) -> None:
        first = verified(OXAPAY, oxapay_headers, OXAPAY_EVENT)
        assert verified(OXAPAY, oxapay_headers, OXAPAY_EVENT, after_seconds=60).event_id == first.event_id
        other = {**OXAPAY_EVENT, "amount": 26}
        assert verified(OXAPAY, oxapay_headers, other).event_id != first.event_id

    def test_a_payout_of_oxapays_concerns_nothing(self) -> None:
        notice = verified(OXAPAY, oxapay_headers, {**OXAPAY_EVENT, "type": "payout"})
        assert (notice.provider_id, notice.reference) == (None, None)

    def test_oxapays_track_id_may_be_a_number(self) -> None:
        assert verified(OXAPAY, oxapay_headers, {**OXAPAY_EVENT, "track_id": 7}).provider_id == "7"

    def test_a_late_payment_makes_an_old_invoice_of_oxapays_young(self) -> None:
        old = {**OXAPAY_EVENT, "date": NOW_SECONDS - 20 * 86_400}
        assert verified(OXAPAY, oxapay_headers, old).provider_id == "151811887"


@pytest.mark.guarantee("G40")
class TestRefusal:
    @BOTH
    def test_g40_another_secret(self, gateway: Gateway, sign: Signer, event: Mapping[str, Any]) -> None:
        body = json.dumps(event).encode()
        with pytest.raises(InvalidSignature):
            gateway.verify(body, sign(body, "another"), START)

    @BOTH
    @pytest.mark.parametrize(
        "headers", [{}, {"btcpay-sig": "", "hmac": ""}, {"btcpay-sig": "é", "hmac": "\udcff"}]
    )
    def test_g40_no_signature(
        self, gateway: Gateway, sign: Signer, event: Mapping[str, Any], headers: dict[str, str]
    ) -> None:
        with pytest.raises(InvalidSignature):
            gateway.verify(json.dumps(event).encode(), headers, START)

    @BOTH
    @given(data=st.data())
    def test_g40_any_other_bytes_under_a_good_signature(
        self, gateway: Gateway, sign: Signer, event: Mapping[str, Any], data: st.DataObject
    ) -> None:
        body = json.dumps(event).encode()
        cut = data.draw(st.integers(0, len(body)))
        other = body[:cut] + data.draw(st.binary(max_size=8)) + body[cut + data.draw(st.integers(0, 8)) :]
        if other != body:
            with pytest.raises(InvalidSignature):
                gateway.verify(other, sign(body), START)

    @BOTH
    @given(signature=st.text(max_size=140), body=st.binary(max_size=200))
    def test_g40_any_text_for_a_signature(
        self, gateway: Gateway, sign: Signer, event: Mapping[str, Any], signature: str, body: bytes
    ) -> None:
        with pytest.raises(InvalidSignature):
            gateway.verify(body, dict.fromkeys(sign(body), signature), START)

    @BOTH
    @given(
        body=st.binary(max_size=64)
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        ).map(lambda value: json.dumps(value).encode())
    )
    def test_g40_a_signed_body_that_is_no_event(
        self, gateway: Gateway, sign: Signer, event: Mapping[str, Any], body: bytes
    ) -> None:
        with pytest.raises(InvalidSignature):
            gateway.verify(body, sign(body), START)

    @pytest.mark.parametrize(
        ("gateway", "sign", "event", "longest"),
        [
            (BTCPAY, btcpay_headers, BTCPAY_EVENT, 7200),
            (OXAPAY, oxapay_headers, OXAPAY_EVENT, 4 * 86_400),
        ],
        ids=["btcpay", "oxapay"],
    )
    def test_g40_the_window_holds_in_both_directions(
        self, gateway: Gateway, sign: Signer, event: Mapping[str, Any], longest: int
    ) -> None:
        assert verified(gateway, sign, event, -300) == verified(gateway, sign, event, longest)
        for age_seconds in (-301, longest + 1):
            with pytest.raises(InvalidSignature):
                verified(gateway, sign, event, age_seconds)
