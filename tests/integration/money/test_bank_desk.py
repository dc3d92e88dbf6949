"""Statements, and transfers that match no top-up: from the simulated bank through the API to the ledger."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Literal

import pytest

from chalicelib.domain.money.bank_references.models import reference_of
from chalicelib.wiring.app import app
from dev.simulators.bank.state import Order
from functions.money.top_ups.workers import book_notice
from tests.contract.bank_lab import BankLab
from tests.fakes.identity import People
from tests.support.api import Answer, Api
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give

UNMATCHED = "/v1/admin/bank/unmatched"


class House:
    """A bank, its customers, and the staff who assign transfers."""

    def __init__(self, lab: BankLab, people: People) -> None:
        self.lab = lab
        self.staff = people.owner_of_the_house()
        self.ann = people.newcomer("ann@example.com")
        self.bob = people.newcomer("bob@example.com")

    def ask(self, customer: Api, amount: str = "30.00", currency: str = "USD") -> Any:
        body = {"amount": amount, "currency": currency}
        return customer.post("/billing/topups/bank-transfer", body).data

    def pay(self, text: str, amount: str = "30.00", currency: Literal["USD", "GBP"] = "USD") -> str:
        """Make a transfer; return the bank's id of it."""
        return self.lab.simulator.pay(Order(text, Decimal(amount), currency)).id

    def tell(self, provider_id: str) -> None:
        """Deliver a notice about this transfer to the worker."""
        body = json.dumps({"gateway": "bank", "providerId": provider_id, "reference": None})
        result = book_notice({"Records": [{"messageId": "1", "body": body}]}, None)
        assert result == {"batchItemFailures": []}

    def bring(self, form: str = "csv") -> Any:
        """Import the bank's statement as staff."""
        answer = self.staff.post("/v1/admin/bank/statements", {"content": self.lab.simulator.statement(form)})
        return {name: len(lines) for name, lines in answer.data.items() if lines}

    def waiting(self) -> Any:
        return self.staff.get(UNMATCHED).data

    def assign(self, transfer_id: str, top_up: Any) -> Answer:
        body = {"topUpId": top_up["id"], "note": "Ann sent the bank's receipt."}
        return self.staff.post(f"{UNMATCHED}/{transfer_id}/assign", body)


def posted(customer: Api) -> str:
    return str(customer.get("/billing/balance").data["posted"]["amount"])


@pytest.fixture
def house(table: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    lab = BankLab(clock)
    give(money={"gateway": lambda name: lab.gateway})
    yield House(lab, People(Api(), table, monkeypatch))
    lab.close()


@pytest.mark.parametrize("form", ["csv", "camt.053.001.02", "camt.053.001.08"])
def test_g01_a_statement_is_credited_once_whoever_told_before(house: House, form: str) -> None:
    first, second = house.ask(house.ann), house.ask(house.bob, "12.00")
    for top_up in (first, second):
        house.pay(f"top-up {top_up['checkout']['instructions']['reference']}", top_up["amount"]["amount"])
    house.tell(reference_of(first["id"], "USD"))
    assert (posted(house.ann), posted(house.bob)) == ("30.00", "0.00")
    assert house.bring(form) == {"credited": 1, "known": 1}
    assert house.bring(form) == {"known": 2}
    house.tell(reference_of(second["id"], "USD"))
    assert (posted(house.ann), posted(house.bob)) == ("30.00", "12.00")


def test_g01_money_that_names_no_top_up_waits_and_is_assigned_once(house: House) -> None:
    top_up = house.ask(house.ann)
    house.tell(house.pay("I forgot what to write here"))
    house.tell("tr_00000001")
    assert house.bring() == {"known": 1}
    (waiting,) = house.waiting()
    assert (waiting["reason"], waiting["amount"]["amount"]) == ("no_reference", "30.00")
    assert posted(house.ann) == "0.00"

    assigned = house.assign(waiting["id"], top_up).data
    assert (assigned["state"], assigned["topUpId"]) == ("assigned", top_up["id"])
    seen = next(one for one in house.ann.get("/activity/recent").data if one["byStaff"])
    assert (seen["action"], seen["reason"]) == ("assign_transfer", "Ann sent the bank's receipt.")
    assert house.assign(waiting["id"], house.ask(house.bob)).code == "CONFLICT"
    assert (house.waiting(), posted(house.ann), posted(house.bob)) == ([], "30.00", "0.00")

    kept = app().money.top_up_records.top_up_of_reference(top_up["id"])
    assert kept
    assert len(kept.payers) == 1, "the payer's account has left its mark"
    app().money.settlement.look(kept)
    house.tell("tr_00000001")
    assert house.bring() == {"known": 1}
    assert posted(house.ann) == "30.00"
    settled = house.ann.get(f"/billing/topups/{top_up['id']}").data
    assert (settled["status"], settled["credited"]["amount"]) == ("SETTLED", "30.00")


def test_g01_two_of_the_staff_at_once_credit_one_customer(house: House) -> None:
    top_ups = [house.ask(house.ann), house.ask(house.bob)]
    house.tell(house.pay("for the machines"))
    (waiting,) = house.waiting()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda top_up: house.assign(waiting["id"], top_up), top_ups))
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert sorted([posted(house.ann), posted(house.bob)]) == ["0.00", "30.00"]


def test_money_in_another_currency_is_not_credited_to_the_top_up_that_it_names(house: House) -> None:
    top_up = house.ask(house.ann)
    house.tell(house.pay(top_up["checkout"]["instructions"]["reference"], currency="GBP"))
    (waiting,) = house.waiting()
    assert waiting["reason"] == "other_currency"
    assert house.assign(waiting["id"], top_up).code == "CONFLICT"
    noted = house.staff.post(f"{UNMATCHED}/{waiting['id']}/return", {"note": "Sent back at the bank."}).data
    assert (noted["state"], noted["note"]) == ("returned", "Sent back at the bank.")
    again = house.staff.post(f"{UNMATCHED}/{waiting['id']}/return", {"note": "Sent back twice?"})
    assert again.code == "CONFLICT"
    assert (house.waiting(), posted(house.ann)) == ([], "0.00")


def test_an_unknown_reference_waits_for_staff(house: House) -> None:
    reference = reference_of("top_of_another_installation", "USD")
    house.pay(reference)
    house.tell(reference)
    (waiting,) = house.waiting()
    assert waiting["reason"] == "unknown_reference"


def test_what_was_never_there_is_not_found(house: House) -> None:
    nothing = f"bt_{'0' * 32}"
    assert house.assign(nothing, house.ask(house.ann)).code == "NOT_FOUND"
    assert house.staff.post(f"{UNMATCHED}/{nothing}/return", {"note": "Gone."}).code == "NOT_FOUND"
    house.tell(house.pay("for the machines"))
    (waiting,) = house.waiting()
    unknown = {"id": "top_01RAQ7HDSGC3KD77NGYFSWP6WV"}
    assert house.assign(waiting["id"], unknown).code == "NOT_FOUND"
    assert len(house.waiting()) == 1


def test_a_file_that_is_no_statement_is_refused_whole(house: House) -> None:
    answer = house.staff.post("/v1/admin/bank/statements", {"content": "<html>not a statement</html>"})
    assert (answer.code, answer.fields) == ("VALIDATION_ERROR", {"content"})
