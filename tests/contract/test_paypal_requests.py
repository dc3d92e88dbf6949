"""Checks every request that the adapter sends against PayPal's reference."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from chalicelib.adapters.gateways.paypal import states
from chalicelib.domain.money.top_ups.models import Amount
from chalicelib.kernel.clock import later
from tests.contract.paypal_lab import PayPalLab
from tests.contract.paypal_reference import OPERATIONS, ORDER, Operation, objections
from tests.unit.money.test_paypal_states import CONFIG, TOP_UP


def test_a_whole_life_of_a_top_up_is_within_the_reference() -> None:
    """The test uses every operation, so that every one is checked."""
    lab = PayPalLab()
    try:
        top_up = lab.top_up()
        gateway = lab.gateway
        order_id = gateway.create(top_up, return_url="https://shop.example.com/billing").provider_id
        lab.decline(top_up)
        gateway.fetch(order_id)
        lab.pay(top_up)
        gateway.refund(order_id, Amount(1_000_000), f"rfd-{top_up.id}")
        lab.rule(lab.dispute(top_up), won=False)
        gateway.fetch(order_id)
        gateway.find(top_up)
        assert list(gateway.settled(later(lab.now(), -40 * 86_400), lab.now()))
        sent = [item for item in lab.simulator.requests if item["path"] != "/v1/oauth2/token"]
    finally:
        lab.close()
    assert [text for item in sent for text in judged(item)] == []
    assert all(any(is_of(item, operation) for item in sent) for operation in OPERATIONS)
    keys = Counter(item["request_id"] for item in sent if item["method"] == "POST")
    assert len(keys) == 4, "the order, two approvals and the refund each have a request id of their own"


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"intent": "SALE"},
        {"purchase_units": []},
        {"purchase_units": [{"amount": {"currency_code": "EUR", "value": 12.34}}]},
        {"purchase_units": [{"amount": {"currency_code": "EUR", "value": "12.34"}, "custom_id": "x" * 128}]},
        {"payment_source": {}},
    ],
)
def test_the_judge_objects_to_what_the_reference_does_not_have(change: dict[str, Any]) -> None:
    body = states.order_request(TOP_UP, "https://shop.example.com/billing", CONFIG)
    assert list(objections("POST", "/v2/checkout/orders", "", "key", body)) == []
    assert list(objections("POST", "/v2/checkout/orders", "", "key", body | change))
    assert list(objections("POST", "/v2/checkout/orders", "", "", body))
    assert list(objections("DELETE", "/v2/checkout/orders", "", "key", None))
    assert ORDER["additionalProperties"] is False


def judged(request: dict[str, Any]) -> list[str]:
    body = json.loads(request["body"]) if request["body"] else None
    return list(objections(request["method"], request["path"], request["query"], request["request_id"], body))


def is_of(request: dict[str, Any], operation: Operation) -> bool:
    return request["method"] == operation.method and bool(re.fullmatch(operation.path, request["path"]))
