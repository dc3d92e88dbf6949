"""Refunds through the API, on the real table, with the real gateway on the simulated Stripe."""

from collections.abc import Callable, Iterator

import pytest

from chalicelib.domain.foundation.access.models import CustomerStatus
from chalicelib.domain.foundation.approvals.models import FOUR_EYES_ABOVE_MICROS, AboveLimit
from chalicelib.domain.money.ledger.models import EntryType
from chalicelib.domain.money.refunds.models import RefundOrderStatus
from chalicelib.domain.money.top_ups.models import TopUp, TopUpStatus
from chalicelib.kernel.ids import Kind
from chalicelib.kernel.money import parse_amount
from chalicelib.wiring.app import app
from dev.simulators.faults import RequestFault
from functions.money.refunds.workers import reconcile_refunds
from tests.contract.stripe_lab import StripeLab
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.world import World, WorldBuilder


@pytest.fixture(scope="module")
def lab() -> Iterator[StripeLab]:
    made = StripeLab()
    yield made
    made.close()


@pytest.fixture
def world(
    builder: WorldBuilder, lab: StripeLab, engine: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> World:
    world = builder.build(engine, clock, monkeypatch)
    give(money={"gateway": lambda _: lab.gateway})
    return world


@pytest.fixture
def paid(world: World, lab: StripeLab) -> TopUp:
    """A paid card top-up of Ann."""
    asked = world.ann.api.post("/billing/topups/card", {"amount": "2000.00"}).data
    top_up = app().money.top_ups.get(world.ann.ids[Kind.CUSTOMER], asked["id"])
    lab.pay(top_up)
    settled = app().money.settlement.look(top_up)
    assert settled.status is TopUpStatus.SETTLED
    return settled


def posted(world: World) -> int:
    """Ann's balance in micro-dollars."""
    return parse_amount(world.ann.api.get("/billing/balance").data["posted"]["amount"])


@pytest.mark.guarantee("G09")
def test_g09_staff_refund_a_card_payment(world: World, paid: TopUp) -> None:
    before = posted(world)
    body = {"amount": "25.00", "reason": "Paid twice"}
    made = world.staff.api.post(f"/v1/admin/topups/{paid.id}/refunds", body)
    assert made.status == 201
    assert made.data["approval"] is None
    assert made.data["refund"]["status"] == RefundOrderStatus.DONE
    assert before - posted(world) == 25_000_000
    assert world.staff.api.get(f"/v1/admin/topups/{paid.id}/refunds").data == [made.data["refund"]]


def test_a_large_one_is_approved_by_another(world: World, paid: TopUp) -> None:
    body = {"amount": "1500.00", "reason": "Paid twice"}
    approval = world.staff.api.post(f"/v1/admin/topups/{paid.id}/refunds", body).data["approval"]
    assert approval["status"] == "PENDING"
    own = world.staff.api.post(f"/v1/admin/approvals/{approval['id']}/approve")
    assert (own.status, own.code) == (403, "FORBIDDEN")
    decided = app().money.approvals.approve(approval["id"], "usr_another")
    listed = {shown["id"]: shown["status"] for shown in world.staff.api.get("/v1/admin/approvals").data}
    assert listed == {approval["id"]: "APPROVED", world.ann.ids[Kind.APPROVAL]: "PENDING"}
    (refund,) = world.staff.api.get(f"/v1/admin/topups/{paid.id}/refunds").data
    assert (refund["id"], refund["status"]) == (decided.effect_id, RefundOrderStatus.DONE)


def test_a_large_credit_is_approved_by_another(world: World) -> None:
    before = posted(world)
    path = f"/v1/admin/customers/{world.ann.ids[Kind.CUSTOMER]}/credits"
    asked = world.staff.api.post(path, {"amount": "1000.01", "reason": "A present"}).data
    assert asked["approval"]["status"] == "PENDING"
    assert parse_amount(asked["posted"]["amount"]) == before
    app().money.approvals.approve(asked["approval"]["id"], "usr_another")
    assert posted(world) - before == 1_000_010_000


def test_many_small_credits_within_a_day_are_a_large_one(world: World) -> None:
    customer_id = world.ann.ids[Kind.CUSTOMER]
    path = f"/v1/admin/customers/{customer_id}/credits"
    entries = app().money.ledger_records.all_entries(customer_id)
    given = sum(entry.change_micros for entry in entries if entry.type is EntryType.CREDIT)
    assert given >= FOUR_EYES_ABOVE_MICROS, "the world begins with a present"
    asked = world.staff.api.post(path, {"amount": "0.01", "reason": "One more"}).data
    assert asked["approval"]["status"] == "PENDING"


def test_a_credit_that_was_given_is_not_asked_about_again(world: World) -> None:
    customer_id = world.ann.ids[Kind.CUSTOMER]

    def refuse() -> None:
        raise AboveLimit

    def give(unless: Callable[[], None] | None) -> None:
        ledger = app().money.ledger
        ledger.credit(customer_id, 1, reason="A present", actor_user_id="usr_x", key="k", unless=unless)

    with pytest.raises(AboveLimit):
        give(refuse)
    before = posted(world)
    give(None)
    give(refuse)
    assert posted(world) == before + 1


def test_staff_cannot_give_money_to_themselves(world: World, engine: Engine) -> None:
    customer_id, staff_id = world.ann.ids[Kind.CUSTOMER], world.staff.api.get("/me").data["user"]["id"]
    for item in engine.items():
        if item["kind"]["S"] == "MEMBERSHIP" and item["sk"]["S"] == f"MEMBERSHIP#{customer_id}":
            engine.load([{**item, "pk": {"S": f"USER#{staff_id}"}}])
    body = {"amount": "1.00", "reason": "A present for me"}
    before = posted(world)
    for path in ("credits", f"invoices/{world.ann.ids[Kind.INVOICE]}/credit-notes"):
        refused = world.staff.api.post(f"/v1/admin/customers/{customer_id}/{path}", body)
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
    asked = f"/v1/admin/approvals/{world.ann.ids[Kind.APPROVAL]}"
    assert world.staff.api.post(f"{asked}/approve").code == "FORBIDDEN"
    assert world.staff.api.post(f"{asked}/reject").status == 200
    assert posted(world) == before


def test_a_closed_account_is_given_nothing(world: World, engine: Engine) -> None:
    customer_id = world.ann.ids[Kind.CUSTOMER]
    for item in engine.items():
        if item["kind"]["S"] == "CUSTOMER" and item["pk"]["S"] == f"CUSTOMER#{customer_id}":
            engine.load([{**item, "status": {"S": CustomerStatus.CLOSED.value}}])
    for amount in ("1.00", "2000.00"):
        body = {"amount": amount, "reason": "A present"}
        refused = world.staff.api.post(f"/v1/admin/customers/{customer_id}/credits", body)
        assert (refused.status, refused.code) == (409, "CONFLICT")


def test_a_colleagues_request_is_rejected_through_the_api(world: World) -> None:
    approval_id = world.ann.ids[Kind.APPROVAL]
    assert world.staff.api.post(f"/v1/admin/approvals/{approval_id}/reject").data["status"] == "REJECTED"
    again = world.staff.api.post(f"/v1/admin/approvals/{approval_id}/approve")
    assert (again.status, again.code) == (409, "CONFLICT")


def test_what_stripe_did_not_answer_is_found_by_the_schedule(
    world: World, paid: TopUp, lab: StripeLab, clock: SettableClock
) -> None:
    lab.inject(RequestFault.DROP_AFTER_EFFECT, match={"method": "POST", "path": "/v1/refunds"})
    body = {"amount": "25.00", "reason": "Paid twice"}
    made = world.staff.api.post(f"/v1/admin/topups/{paid.id}/refunds", body).data["refund"]
    assert made["status"] == RefundOrderStatus.ORDERED
    lab.clear_faults()
    clock.advance(121)
    reconcile_refunds({}, None)
    (refund,) = world.staff.api.get(f"/v1/admin/topups/{paid.id}/refunds").data
    assert refund["status"] == RefundOrderStatus.DONE
    assert len(lab.gateway.fetch(str(paid.provider_id)).refunds) == 1
