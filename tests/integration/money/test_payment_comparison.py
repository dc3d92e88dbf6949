"""The daily comparison of the gateways' payments with the ledger."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.adapters.aws.reports import S3Reports
from chalicelib.domain.money.top_ups.models import Amount, Payment, PaymentState, TopUpStatus
from chalicelib.domain.operations.proof.comparison import Comparison
from chalicelib.domain.operations.proof.models import ComparisonReport
from chalicelib.kernel.clock import isoformat
from chalicelib.wiring.app import app
from dev.simulators.bank.state import Order
from dev.simulators.faults import RequestFault
from functions.money.top_ups.workers import book_notice
from tests.contract.bank_lab import BankLab
from tests.fakes.identity import People
from tests.fakes.payments import FakeGateway
from tests.support.api import Api
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.settings import value_of

pytestmark = pytest.mark.guarantee("G01", "G12")


class ListingGateway(FakeGateway):
    """A fake gateway that lists all its payments."""

    def settled(self, since: object, until: object) -> Iterator[PaymentState]:
        yield from self.states.values()


class House:
    """A bank gateway, a card gateway, a customer, and the comparison."""

    def __init__(self, lab: BankLab, people: People) -> None:
        self.lab = lab
        self.aws = people.aws
        self.ann = people.newcomer("ann@example.com")
        self.card = ListingGateway()

    def compare(self) -> ComparisonReport:
        comparison = Comparison(
            lambda: {name: app().money.gateway(name) for name in ("bank", "stripe")},
            app().money.top_up_records,
            app().money.ledger_records,
            app().money.settlement,
            app().money.bank_desk,
            S3Reports(value_of("REPORTS_BUCKET")),
            app().foundation.staff_alerts,
            app().core.clock,
        )
        report = comparison.run()
        kept = json.loads(self.aws.files[f"payment-comparison/{isoformat(report.until)}.json"].content)
        assert (kept["holds"], kept["booked_now"]) == (report.holds, report.booked_now)
        assert bool(self.aws.alerts) is not report.holds
        return report

    def pay(self, text: str) -> str:
        return self.lab.simulator.pay(Order(text, Decimal("30.00"), "USD")).id

    def ask(self) -> Any:
        return self.ann.post("/billing/topups/bank-transfer", {"amount": "30.00", "currency": "USD"}).data

    @property
    def posted(self) -> str:
        return str(self.ann.get("/billing/balance").data["posted"]["amount"])


@pytest.fixture
def house(table: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    lab = BankLab(clock)
    house = House(lab, People(Api(), table, monkeypatch))
    give(money={"gateway": lambda name: lab.gateway if name == "bank" else house.card})
    yield house
    lab.close()


def test_what_was_missed_is_booked_and_nobody_is_bothered(house: House, clock: SettableClock) -> None:
    top_up = house.ask()
    house.pay(top_up["checkout"]["instructions"]["reference"])
    clock.advance(60)
    report = house.compare()
    assert (report.booked_now, report.payments, report.holds) == ([top_up["id"]], {"bank": 1, "stripe": 0}, True)
    assert house.posted == "30.00"
    again = house.compare()
    assert (again.booked_now, again.entries, again.holds) == ([], 1, True)
    assert house.posted == "30.00"


def test_money_that_names_no_top_up_and_was_never_told_of_waits_for_staff(
    house: House, clock: SettableClock
) -> None:
    house.pay("for the machines")
    clock.advance(60)
    assert [house.compare().holds for _ in range(2)] == [True, True]
    assert app().money.bank_desk.has(house.lab.gateway.transfers("tr_00000001")[0].id)


def test_a_payment_that_the_gateway_does_not_have_is_reported(house: House, clock: SettableClock) -> None:
    top_up = house.ask()
    reference = top_up["checkout"]["instructions"]["reference"]
    house.pay(reference)
    body = json.dumps({"gateway": "bank", "providerId": reference, "reference": None})
    book_notice({"Records": [{"messageId": "1", "body": body}]}, None)
    house.lab.simulator.reset()
    clock.advance(60)
    (difference,) = house.compare().differences
    assert (difference.gateway, difference.top_up_id) == ("bank", top_up["id"])
    assert "does not have it" in difference.sentence
    assert house.posted == "30.00", "a comparison takes nothing back"


def test_a_payment_of_no_top_up_is_reported(house: House) -> None:
    payment = Payment("ch_1", Amount(5_000_000), START)
    house.card.states["pi_1"] = PaymentState("pi_1", TopUpStatus.SETTLED, (payment,))
    (difference,) = house.compare().differences
    assert difference.sentence == f"ch_1 of {START:%Y-%m-%d} (5.00 USD) belongs to no top-up."
    assert "1 differences" in house.aws.alerts[0][0]


def test_a_silent_gateway_is_reported_and_the_others_are_compared(house: House) -> None:
    house.lab.inject(RequestFault.CONNECTION_RESET, times=10)
    card = house.ann.post("/billing/topups/card", {"amount": "50.00"}).data
    provider_id = f"pi_{card['id']}"
    payment = Payment("ch_1", Amount(50_000_000), START)
    house.card.tell(provider_id, status=TopUpStatus.SETTLED, payments=(payment,))
    report = house.compare()
    assert (report.booked_now, house.posted) == ([card["id"]], "50.00")
    (difference,) = report.differences
    assert (difference.gateway, difference.sentence[:25]) == ("bank", "The list could not be rea")
