"""The proof compares top-ups, refunds and disputes with the ledger, and names every difference (G12)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.domain.money.refunds.models import RefundRequest
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Dispute,
    DisputeStatus,
    Payment,
    RefundStatus,
    TopUp,
    TopUpStatus,
)
from chalicelib.wiring.app import app
from tests.fakes.identity import People
from tests.fakes.refunds import RefundingGateway
from tests.support.api import Api
from tests.support.clock import SettableClock
from tests.support.engine import Engine, Item
from tests.support.parts import give
from tests.support.settings import TABLE_NAME

pytestmark = pytest.mark.guarantee("G12")

DOLLAR = 1_000_000
Change = Callable[[Item], Item]


class Payer:
    """A customer with a payment of which parts are refunded, being refunded, and disputed."""

    def __init__(self, api: Api, table: Engine, clock: SettableClock, gateway: RefundingGateway) -> None:
        self.api, self.table, self.clock, self.gateway = api, table, clock, gateway
        asked = api.post("/billing/topups/card", {"amount": "100.00"}).data
        self.customer_id = str(api.get("/me").data["currentCustomerId"])
        self.top_up = app().money.top_ups.get(self.customer_id, asked["id"])
        payment = Payment("ch_1", Amount(100 * DOLLAR), clock.now())
        self.tell(payments=(payment,), status=TopUpStatus.SETTLED)
        self.refund("10.00")
        gateway.outcome = RefundStatus.PENDING
        self.refund("20.00")
        disputes = [Dispute(f"dp_{dollars}", Amount(dollars * DOLLAR), DisputeStatus.OPEN) for dollars in (5, 30)]
        self.tell(disputes=tuple(disputes))
        self.tell(disputes=(replace(disputes[0], status=DisputeStatus.LOST), disputes[1]))

    def tell(self, **changes: object) -> TopUp:
        self.gateway.tell(str(self.top_up.provider_id), **changes)
        return app().money.settlement.look(self.top_up)

    def refund(self, amount: str) -> None:
        app().money.refunds.order(RefundRequest(self.top_up.id, amount, "Paid twice", "usr_a"), amount)


@pytest.fixture
def payer(api: Api, table: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> Payer:
    gateway = RefundingGateway()
    give(money={"gateway": lambda _: gateway})
    return Payer(People(api, table, monkeypatch).newcomer("ada@example.com"), table, clock, gateway)


def test_g12_honest_payments_prove_themselves(payer: Payer) -> None:
    frozen = {hold.purpose: hold.amount_micros for hold in app().money.ledger.holds(payer.customer_id)}
    assert frozen == {"refund": 20 * DOLLAR, "dispute": 30 * DOLLAR}
    assert app().operations.proof.run().differences == ()


def _number(field: str, by: int) -> Change:
    return lambda item: {**item, field: {"N": str(int(item[field]["N"]) + by)}}


def _text(field: str, value: str) -> Change:
    return lambda item: {**item, field: {"S": value}}


@pytest.mark.parametrize(
    ("kind", "fields", "change", "sentence"),
    [
        ("TOP_UP", {}, _number("credited_micros", 1), "has brought 90.000001 USD, but 90.00 USD by its entries"),
        ("TOP_UP", {}, _number("refunded_micros", -1), "has brought"),
        ("TOP_UP", {}, _number("disputed_micros", 1), "are disputed, and 30.00 USD held for that"),
        ("ENTRY", {"type": "top_up"}, _text("reference", "top_other"), "has brought"),
        ("ENTRY", {"type": "refund"}, _text("type", "credit"), "has brought"),
        ("HOLD", {"purpose": "dispute"}, _number("amount_micros", -1), "held for that"),
        ("HOLD", {"purpose": "dispute"}, _text("purpose", "refund"), "held for that"),
        ("REFUND", {"status": "PENDING"}, _text("status", "DONE"), "is for no refund under way"),
        ("REFUND", {"status": "PENDING"}, _text("sk", "REFUND#gone"), "is for no refund under way"),
    ],
)
def test_g12_any_damage_to_payments_is_named(
    payer: Payer, kind: str, fields: dict[str, str], change: Change, sentence: str
) -> None:
    (item,) = (
        item
        for item in payer.table.items()
        if item["kind"]["S"] == kind and all(item[name].get("S") == value for name, value in fields.items())
    )
    changed = change(item)
    if changed["sk"] != item["sk"]:
        payer.table.client.delete_item(TableName=TABLE_NAME, Key={"pk": item["pk"], "sk": item["sk"]})
    payer.table.load([changed])
    sentences = [found.sentence for found in app().operations.proof.run().differences]
    assert any(sentence in found for found in sentences), sentences
