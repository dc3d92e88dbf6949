"""Stripe's signature, compared with the SDK's, and the objects of events."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.gateways.stripe.config import StripeConfig
from chalicelib.adapters.gateways.stripe.gateway import StripeGateway
from chalicelib.adapters.gateways.stripe.webhooks import notice_of, verify_signature
from chalicelib.domain.money.top_ups.models import InvalidSignature, Notice
from chalicelib.kernel.clock import SystemClock

SECRET = "whsec_of_these_tests"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
T = int(NOW.timestamp())
BODY = (
    b'{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"object":"payment_intent","id":"pi_1"}}}'
)


def signed(body: bytes, at: int = T, secret: str = SECRET) -> str:
    made = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return str(made)


def refused(body: bytes, header: str, now: datetime = NOW) -> None:
    with pytest.raises(InvalidSignature):
        verify_signature(body, header, [SECRET], now)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-300, 300))
def test_g40_what_the_sdk_signs_is_taken(text: str, seconds: int) -> None:
    verify_signature(text.encode(), signed(text.encode(), T + seconds), [SECRET], NOW)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_g40_a_body_that_is_no_text_is_refused_like_any_other(body: bytes) -> None:
    refused(body, signed(BODY))


@settings(deadline=None)
@given(st.integers(301, 10**9), st.booleans())
def test_g40_outside_the_window_it_is_refused_in_both_directions(seconds: int, future: bool) -> None:
    refused(BODY, signed(BODY, T + seconds if future else T - seconds))


@settings(deadline=None)
@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_g40_any_altered_byte_is_noticed(place: int, mask: int) -> None:
    body = bytearray(BODY)
    body[place] ^= mask
    refused(bytes(body), signed(BODY))


@settings(deadline=None)
@given(st.integers(0, len(BODY) - 1))
def test_g40_any_truncation_is_noticed(length: int) -> None:
    refused(BODY[:length], signed(BODY))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_g40_no_header_makes_it_stumble(header: str) -> None:
    refused(BODY, header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"t={T}",
        f"v1={'0' * 64}",
        f"t={T},v1=",
        f"t={T},v1={'é' * 64}",
        f"t=-1,v1={'0' * 64}",
        f"t=١٢٣,v1={'0' * 64}",
        signed(BODY, secret="whsec_of_another"),
        signed(BODY).replace("v1=", "v0="),
        signed(BODY) + f",t={T + 1}",
        signed(BODY) + "," + "v1=0," * 2000,
    ],
)
def test_g40_a_header_that_proves_nothing_is_refused(header: str) -> None:
    refused(BODY, header)


def test_g40_one_good_signature_among_several_is_enough() -> None:
    """While a secret is being replaced, Stripe signs with the old and the new one."""
    timestamp, good = signed(BODY).split(",")
    verify_signature(BODY, f"{timestamp},v1={'0' * 64},{good},v0=abc", [SECRET], NOW)
    verify_signature(BODY, f"{timestamp},{good}", ["whsec_new", SECRET], NOW)


def test_g40_nothing_is_parsed_before_it_is_verified() -> None:
    gateway = StripeGateway(
        StripeConfig.model_validate({"secret_key": "sk_test_x", "webhook_secrets": [SECRET]}), SystemClock()
    )
    with pytest.raises(InvalidSignature, match="no signature"):
        gateway.verify(b"not json", {"stripe-signature": signed(BODY)}, NOW)
    with pytest.raises(InvalidSignature, match="not an event"):
        gateway.verify(b"not json", {"stripe-signature": signed(b"not json")}, NOW)
    with pytest.raises(InvalidSignature, match="seconds from now"):
        gateway.verify(BODY, {"stripe-signature": signed(BODY)}, NOW + timedelta(seconds=301))
    assert gateway.verify(BODY, {"stripe-signature": signed(BODY)}, NOW).provider_id == "pi_1"


@pytest.mark.parametrize(
    ("about", "provider_id", "reference"),
    [
        ({"object": "payment_intent", "id": "pi_1", "metadata": {"top_up_id": "top_1"}}, "pi_1", "top_1"),
        ({"object": "payment_intent", "id": "pi_1", "metadata": {}}, "pi_1", None),
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "metadata": {}}, "pi_1", None),
        ({"object": "charge", "id": "ch_1", "payment_intent": None}, None, None),
        ({"object": "refund", "id": "re_1", "payment_intent": "pi_1", "metadata": None}, "pi_1", None),
        ({"object": "dispute", "id": "du_1", "payment_intent": "pi_1"}, "pi_1", None),
        ({"object": "checkout.session", "id": "cs_1", "client_reference_id": "top_1"}, "cs_1", "top_1"),
        ({"object": "setup_intent", "id": "seti_1"}, "seti_1", None),
        ({"object": "customer", "id": "cus_1"}, None, None),
    ],
)
def test_an_event_leads_to_what_can_be_fetched(
    about: dict[str, Any], provider_id: str | None, reference: str | None
) -> None:
    event = {"id": "evt_1", "type": "some.thing", "data": {"object": about}}
    assert notice_of(json.dumps(event).encode()) == Notice("evt_1", "some.thing", provider_id, reference)


@pytest.mark.parametrize(
    "event",
    [[], "text", 1, None, {}, {"id": "evt_1"}, {"id": "evt_1", "type": "x", "data": {"object": "pi_1"}}],
)
def test_what_is_no_event_is_refused(event: object) -> None:
    with pytest.raises(InvalidSignature):
        notice_of(json.dumps(event).encode())
