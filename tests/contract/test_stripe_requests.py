"""Checks every kind of request that we send to Stripe against Stripe's SDK and OpenAPI document."""

import re
from dataclasses import replace
from typing import Any

import pytest
from stripe import params
from stripe.params import checkout

from chalicelib.domain.money.top_ups.models import Amount
from dev.simulators.http import Json
from dev.simulators.stripe.wire import API_VERSION, parse_form
from tests.contract.stripe_lab import StripeLab
from tests.support.stripe_judge import SINCE_THE_DOCUMENT, DocumentJudge, complaints_of_sdk
from tools.vendor_documents import DOCUMENTS

RETURN_URL = "https://shop.example.com/billing"
KINDS: dict[str, Any] = {
    "POST /v1/customers": params.CustomerCreateParams,
    "POST /v1/customers/*": params.CustomerUpdateParams,
    "GET /v1/customers/search": params.CustomerSearchParams,
    "GET /v1/customers/*/payment_methods": params.CustomerPaymentMethodListParams,
    "POST /v1/payment_intents": params.PaymentIntentCreateParams,
    "POST /v1/payment_intents/*/confirm": params.PaymentIntentConfirmParams,
    "GET /v1/payment_intents": params.PaymentIntentListParams,
    "GET /v1/payment_intents/*": params.PaymentIntentRetrieveParams,
    "POST /v1/setup_intents": params.SetupIntentCreateParams,
    "GET /v1/setup_intents/*": params.SetupIntentRetrieveParams,
    "POST /v1/payment_methods/*/detach": params.PaymentMethodDetachParams,
    "POST /v1/checkout/sessions": checkout.SessionCreateParams,
    "GET /v1/checkout/sessions": checkout.SessionListParams,
    "GET /v1/checkout/sessions/*": checkout.SessionRetrieveParams,
    "POST /v1/refunds": params.RefundCreateParams,
    "GET /v1/refunds": params.RefundListParams,
    "GET /v1/disputes": params.DisputeListParams,
    "GET /v1/charges": params.ChargeListParams,
}
IDS = ("cus_", "pi_", "seti_", "pm_", "cs_")


def kind_of(request: dict[str, Json]) -> str:
    """The kind of a request, one of those above."""
    parts = ["*" if part.startswith(IDS) else part for part in request["path"].split("/")]
    return f"{request['method']} {'/'.join(parts)}"


def live_on(lab: StripeLab) -> None:
    """Do everything at Stripe that a customer, staff and schedules can cause."""
    gateway, top_up = lab.gateway, lab.top_up()
    provider_id = gateway.create(top_up, return_url=RETURN_URL).provider_id
    gateway.find(top_up)
    lab.pay(top_up)
    gateway.refund(provider_id, Amount(1_000_000), top_up.id)
    lab.dispute(top_up)
    gateway.fetch(provider_id)
    setup = gateway.begin_saving(top_up.customer_id, "payer@example.com", top_up.id).provider_id
    lab.save(setup)
    (method,) = gateway.saved_methods(top_up.customer_id)
    gateway.fetch(setup)
    automatic = replace(lab.top_up(), customer_id=top_up.customer_id)
    gateway.confirm_charge(gateway.prepare_charge(automatic, method.provider_id))
    gateway.forget_method(top_up.customer_id, method.provider_id)
    list(gateway.settled(top_up.created_at, top_up.deadline_at))


@pytest.fixture(scope="module")
def requests() -> list[dict[str, Json]]:
    """The requests that both ways to pay send."""
    sent: list[dict[str, Json]] = []
    for hosted_page in (False, True):
        lab = StripeLab(hosted_page=hosted_page)
        try:
            live_on(lab)
            sent += lab.simulator.requests
        finally:
            lab.close()
    return sent


def _params(request: dict[str, Json]) -> dict[str, Json]:
    return parse_form(request["body"] if request["method"] == "POST" else request["query"])


def test_every_kind_is_sent(requests: list[dict[str, Json]]) -> None:
    assert {kind_of(request) for request in requests} == set(KINDS)


def test_the_sdk_finds_no_fault(requests: list[dict[str, Json]]) -> None:
    found = {
        (kind_of(request), complaint)
        for request in requests
        for complaint in complaints_of_sdk(_params(request), KINDS[kind_of(request)])
    }
    assert found == set()


def test_they_speak_the_version_that_was_judged(requests: list[dict[str, Json]]) -> None:
    assert {request["version"] for request in requests} == {API_VERSION}


def test_g10_every_request_that_creates_something_has_our_key(requests: list[dict[str, Json]]) -> None:
    """For other requests the SDK makes random keys, which only cover the retries within one call."""
    ours = re.compile(r"top_\w+-(intent|session|charge)|(customer|setup|refund|confirm)-\w+")
    keys: dict[str, list[str]] = {}
    for request in requests:
        if request["method"] == "POST":
            keys.setdefault(kind_of(request), []).append(request["idempotency_key"])
    with_ours = {kind for kind, made in keys.items() if all(ours.fullmatch(key) for key in made)}
    assert keys.keys() - with_ours == {"POST /v1/customers/*", "POST /v1/payment_methods/*/detach"}


@pytest.fixture(scope="module")
def document() -> DocumentJudge:
    """Stripe's OpenAPI document, which `make install` has fetched."""
    return DocumentJudge(DOCUMENTS["stripe"].path)


def test_the_document_finds_no_fault(requests: list[dict[str, Json]], document: DocumentJudge) -> None:
    found = {
        (kind_of(request), complaint)
        for request in requests
        for complaint in document.complaints(request["method"], request["path"], _params(request))
    }
    assert found == set()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"amounts": "1"}, "amounts"),
        ({"amount": "ten"}, "amount"),
        ({"metadata": "text"}, "metadata"),
        ({"confirm": "perhaps"}, "confirm"),
    ],
)
def test_the_judges_do_find_faults(document: DocumentJudge, change: dict[str, Json], named: str) -> None:
    sent = {"amount": "1000", "currency": "usd", "metadata": {"a": "b"}}
    assert complaints_of_sdk(sent, params.PaymentIntentCreateParams) == []
    assert document.complaints("POST", "/v1/payment_intents", sent) == []
    (ours,) = complaints_of_sdk(sent | change, params.PaymentIntentCreateParams)
    (theirs,) = document.complaints("POST", "/v1/payment_intents", sent | change)
    assert named in ours
    assert named in theirs


def test_what_the_document_does_not_know_yet_is_known_to_the_sdk() -> None:
    for kind, name in SINCE_THE_DOCUMENT:
        assert name in KINDS[kind].__annotations__
