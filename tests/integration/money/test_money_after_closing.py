"""Payments for a customer that was closed and erased are posted, and can be refunded."""

from dataclasses import replace

import pytest

from chalicelib.domain.money.auto_top_up.models import AutoTopUpSettings
from chalicelib.domain.money.billing.models import MovementKind
from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.domain.money.ledger.models import Account
from chalicelib.domain.money.payment_methods.service import PaymentMethods
from chalicelib.domain.money.refunds.models import RefundOrderStatus, RefundRequest
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentMethod,
    TopUp,
    TopUpStatus,
)
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.pages import PageRequest
from chalicelib.wiring.app import app
from functions.operations.departure.workers import erase_closed_customers
from tests.fakes.auto_top_up import ChargingGateway
from tests.fakes.identity import PASSWORD, People
from tests.fakes.payments import FakeGateway
from tests.fakes.refunds import RefundingGateway
from tests.support.api import Api
from tests.support.changes import deliver_items
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give

DOLLAR = 1_000_000


class Gone:
    """A customer that requested two payments, made one, and was then closed and erased."""

    def __init__(self, ada: Api, table: Engine, clock: SettableClock, gateway: FakeGateway) -> None:
        self.table, self.clock, self.gateway = table, clock, gateway
        self.customer_id = str(ada.get("/me").data["currentCustomerId"])
        self.paid, self.unpaid = self._asked(ada), self._asked(ada)
        self.pay(self.paid)
        self.tell(self.unpaid, status=TopUpStatus.EXPIRED)
        closed = ada.post("/account/close", {"password": PASSWORD, "forfeitBalance": "30.00"})
        assert closed.status == 200, closed.text
        clock.advance(300)
        assert erase_closed_customers({}, None) == {"erased": 1}

    def _asked(self, ada: Api) -> TopUp:
        made = ada.post("/billing/topups/card", {"amount": "30.00"}).data
        return app().money.top_ups.get(self.customer_id, made["id"])

    def pay(self, top_up: TopUp) -> TopUp:
        payment = Payment(f"ch_{top_up.id}", Amount(30 * DOLLAR), self.clock.now())
        return self.tell(top_up, payments=(payment,), status=TopUpStatus.SETTLED)

    def tell(self, top_up: TopUp, **changes: object) -> TopUp:
        self.gateway.tell(str(top_up.provider_id), **changes)
        return app().money.settlement.look(top_up)

    def stream(self) -> None:
        """Deliver the present items of money as changes."""
        items = [item for item in self.table.items() if item["kind"]["S"] in {"TOP_UP", "ACCOUNT"}]
        deliver_items(items, "MODIFY")

    @property
    def account(self) -> Account:
        account = app().money.ledger_records.account(self.customer_id)
        assert account is not None
        return account


@pytest.fixture
def gone(api: Api, table: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> Gone:
    gateway = RefundingGateway()
    give(money={"gateway": lambda _: gateway})
    give(money={"gateway_names": ("stripe",)})
    return Gone(People(api, table, monkeypatch).newcomer("ada@example.com"), table, clock, gateway)


@pytest.mark.guarantee("G11")
def test_g11_what_comes_late_is_booked_and_sent_back(gone: Gone) -> None:
    late = gone.pay(gone.unpaid)
    gone.stream()
    assert gone.account.posted_micros == 30 * DOLLAR
    order = app().money.refunds.order(RefundRequest(late.id, "30.00", "The account is closed", "usr_a"), "key")
    assert order.status is RefundOrderStatus.DONE
    gone.stream()
    assert (gone.account.posted_micros, gone.account.held_micros) == (0, 0)
    gone.clock.advance(40 * 86_400)
    app().money.invoicing.run()
    documents = app().money.billing_documents
    summary, _ = documents.invoices(gone.customer_id, PageRequest()).items
    newest = documents.invoice(gone.customer_id, summary.id)
    assert [moved.kind for moved in newest.movements] == [MovementKind.PAYMENT, MovementKind.REPAYMENT]
    assert (newest.totals.total_cents, newest.buyer.name) == (0, "")
    assert app().operations.proof.run().differences == ()


def test_what_was_given_up_is_not_sent_back(gone: Gone) -> None:
    with pytest.raises(InsufficientBalance):
        app().money.refunds.order(RefundRequest(gone.paid.id, "30.00", "Asked for later", "usr_a"), "key")


@pytest.mark.guarantee("G09")
def test_g09_a_late_dispute_becomes_debt(gone: Gone) -> None:
    dispute = Dispute("dp_1", gone.paid.amount, DisputeStatus.OPEN)
    gone.tell(gone.paid, disputes=(dispute,))
    gone.stream()
    gone.tell(gone.paid, disputes=(replace(dispute, status=DisputeStatus.LOST),))
    gone.stream()
    assert (gone.account.posted_micros, gone.account.held_micros) == (-30 * DOLLAR, 0)
    assert app().operations.proof.run().differences == ()


@pytest.mark.guarantee("G10")
def test_g10_no_card_is_charged_by_a_rule_that_was_saved_while_the_account_closed(
    api: Api, table: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = ChargingGateway()
    give(money={"gateway": lambda _: gateway})
    ada = People(api, table, monkeypatch).newcomer("ada@example.com")
    customer_id = ada.get("/me").data["currentCustomerId"]
    settings = AutoTopUpSettings(
        enabled=True,
        low_limit_micros=DOLLAR,
        amount_micros=10 * DOLLAR,
        method_id=f"pm_{customer_id}",
        monthly_cap_micros=10 * DOLLAR,
    )
    find = PaymentMethods.get

    def then_close(methods: PaymentMethods, customer_id: str, method_id: str) -> PaymentMethod:
        found = find(methods, customer_id, method_id)
        assert ada.post("/account/close", {"password": PASSWORD}).status == 200
        return found

    monkeypatch.setattr(PaymentMethods, "get", then_close)
    with pytest.raises(Conflict):
        app().money.auto_top_ups.put(customer_id, settings)
    assert app().money.auto_top_ups.process_all() == {"looked_at": 0}
    assert gateway.calls == []


def test_nobody_gives_it_a_credit(gone: Gone) -> None:
    with pytest.raises(Conflict):
        app().money.four_eyes.credit(gone.customer_id, DOLLAR, reason="Sorry", asked_by="usr_a", key="key")
    assert gone.account.posted_micros == 0
