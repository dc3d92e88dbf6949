"""An `Idempotency-Key` brings back the top-up of the same request, and of no other (G44)."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from chalicelib.domain.foundation.access.models import Role
from chalicelib.wiring.app import app
from tests.fakes.access import FakeAuthenticator, principal
from tests.fakes.payments import FakeGateway
from tests.support.api import Api
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give

pytestmark = pytest.mark.guarantee("G44")

REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("card", {"amount": "50.00"}),
    ("card", {"amount": "60.00"}),
    ("paypal", {"amount": "700.00", "currency": "EUR"}),
    ("paypal", {"amount": "50.00"}),
    ("bank-transfer", {"amount": "50.00", "currency": "USD"}),
]


class Office:
    """Two colleagues of one customer, and gateways that answer everything."""

    def __init__(self, api: Api) -> None:
        ann = principal(Role.OWNER)
        bob = replace(principal(Role.OWNER), customer_id=ann.customer_id)
        give(people={"authenticator": FakeAuthenticator({"ann": ann, "bob": bob})})
        app().core.transactor.commit(app().money.ledger.open_account(ann.customer_id))
        self.gateways = {name: FakeGateway(name) for name in ("stripe", "paypal", "bank")}
        give(money={"gateway": self.gateways.__getitem__})
        self.ann, self.bob = api.as_bearer("ann"), api.as_bearer("bob")


@pytest.fixture
def office(table: Engine, clock: SettableClock, api: Api) -> Office:
    return Office(api)


def ask(person: Api, path: str, body: dict[str, Any], key: str = "order-1") -> str:
    """The id of the top-up, which is what was asked for."""
    answer = person.post(f"/billing/topups/{path}", body, headers={"Idempotency-Key": key})
    assert answer.status in {200, 201}, answer.text
    assert answer.data["amount"]["amount"] == body["amount"]
    return str(answer.data["id"])


@pytest.mark.parametrize(("one", "other"), list(combinations(REQUESTS, 2)))
def test_g44_another_request_with_the_same_key_is_no_replay(office: Office, one: Any, other: Any) -> None:
    """At the same endpoint it is refused; at another one, it is another top-up."""
    made = ask(office.ann, *one)
    if one[0] == other[0]:
        answer = office.ann.post(f"/billing/topups/{other[0]}", other[1], headers={"Idempotency-Key": "order-1"})
        assert answer.code == "IDEMPOTENCY_CONFLICT"
    else:
        assert ask(office.ann, *other) != made
    assert ask(office.ann, *one) == made


@pytest.mark.parametrize("request_", REQUESTS)
def test_g44_a_colleague_with_the_same_key_gets_a_top_up_of_their_own(office: Office, request_: Any) -> None:
    assert ask(office.ann, *request_) != ask(office.bob, *request_)


def test_g44_a_request_whose_answer_was_lost_goes_on_with_its_own_top_up(office: Office) -> None:
    """The record of the first attempt is found by the repeated request, and by no other."""
    office.gateways["stripe"].silent = "after"
    assert (
        office.ann.post("/billing/topups/card", {"amount": "50.00"}, headers={"Idempotency-Key": "k"}).status
        == 502
    )
    office.gateways["stripe"].silent = ""
    (first,) = office.gateways["stripe"].states.values()
    assert ask(office.ann, "paypal", {"amount": "700.00", "currency": "EUR"}, "k") != first.reference
    assert ask(office.ann, "card", {"amount": "50.00"}, "k") == first.reference
