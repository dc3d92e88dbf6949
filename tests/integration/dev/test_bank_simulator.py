"""The simulated bank: faults of payers and statements, webhooks, HTTP, and restarts."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from chalicelib.domain.money.bank.matching import StatementReport, match, sort_lines
from chalicelib.domain.money.bank.models import Matched, Reason
from chalicelib.domain.money.bank.statements import read_statement
from chalicelib.domain.money.bank_references.models import reference_of
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Flag,
    GatewayRefused,
    InvalidSignature,
    Notice,
    Payment,
    PaymentState,
    TopUp,
    TopUpStatus,
)
from dev.simulators.bank.control import FORMS
from dev.simulators.bank.simulator import PayerFault, StatementFault
from dev.simulators.bank.state import Order
from dev.simulators.http import LoopbackServer, Request, Response
from dev.simulators.webhooks import WebhookFault
from tests.contract.bank_lab import BankLab

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 10.0


@pytest.fixture
def lab() -> Iterator[BankLab]:
    made = BankLab()
    yield made
    made.close()


class Receiver:
    """The function URL of a webhook: it verifies, stores and answers."""

    def __init__(self, lab: BankLab) -> None:
        self._lab = lab
        self._changed = threading.Condition()
        self.notices: list[Notice] = []
        self.refused = 0
        self._server = LoopbackServer(self._answer)
        self.url = self._server.start()

    def _answer(self, request: Request) -> Response:
        with self._changed:
            try:
                self.notices.append(self._lab.gateway.verify(request.body, request.headers, self._lab.now()))
            except InvalidSignature:
                self.refused += 1
                return Response(401)
            finally:
                self._changed.notify_all()
            return Response(200)

    def wait_for(self, count: int, *, refused: int = 0) -> list[str | None]:
        """Wait for `count` notices and `refused` refused ones; return the objects that the notices name."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: len(self.notices) >= count and self.refused >= refused, PATIENCE_SECONDS
            )
            assert arrived, (self.notices, self.refused)
            return [notice.provider_id for notice in self.notices]

    def close(self) -> None:
        self._server.stop()


@pytest.fixture
def receiver(lab: BankLab) -> Iterator[Receiver]:
    made = Receiver(lab)
    lab.simulator.outbox.url = made.url
    yield made
    made.close()


def reference(top_up: TopUp) -> str:
    return reference_of(top_up.id, top_up.amount.currency)


def fetched(lab: BankLab, top_up: TopUp) -> PaymentState:
    return lab.gateway.fetch(reference(top_up))


def sorted_out(lab: BankLab, form: str, *top_ups: TopUp, known: frozenset[str] = frozenset()) -> StatementReport:
    statement = read_statement(lab.simulator.statement(form).encode())
    by_reference = {reference(top_up): top_up for top_up in top_ups}
    return sort_lines(statement, by_reference.get, known.__contains__, lab.gateway.accounts)


class TestPayers:
    @pytest.mark.parametrize(
        ("kind", "micros", "flags"),
        [(PayerFault.PARTIAL, 15_000_000, {Flag.UNDERPAID}), (PayerFault.OVER, 33_000_000, {Flag.OVERPAID})],
    )
    def test_the_received_amount_counts(
        self, lab: BankLab, kind: PayerFault, micros: int, flags: set[Flag]
    ) -> None:
        top_up = lab.top_up()
        lab.inject(kind)
        lab.pay(top_up)
        assert [payment.amount.micros for payment in fetched(lab, top_up).payments] == [micros]
        [line] = sorted_out(lab, "csv", top_up).accepted
        assert set(line.matched.flags) == flags

    def test_late_payments_are_credited_too(self, lab: BankLab) -> None:
        top_up = lab.top_up()
        lab.inject(PayerFault.LATE, delay_seconds=30 * 86_400)
        lab.pay(top_up)
        [payment] = fetched(lab, top_up).payments
        assert payment.at > top_up.deadline_at
        [line] = sorted_out(lab, "camt.053.001.08", top_up).accepted
        assert line.matched.flags == {Flag.LATE}

    def test_a_wrong_reference_leads_to_the_transfer_and_is_for_people(self, lab: BankLab) -> None:
        top_up = lab.top_up()
        lab.inject(PayerFault.WRONG_REFERENCE)
        lab.pay(top_up)
        webhook = lab.simulator.outbox.history[-1]
        headers = {name.lower(): value for name, value in lab.simulator.outbox.headers_for(webhook).items()}
        notice = lab.gateway.verify(webhook.body.encode(), headers, lab.now())
        assert notice.provider_id == "tr_00000001"
        state = lab.gateway.fetch(notice.provider_id)
        assert (state.provider_id, set(state.flags)) == ("tr_00000001", {Flag.MANUAL_REVIEW})
        assert fetched(lab, top_up).payments == ()
        transfer = lab.gateway.transfer(notice.provider_id)
        assert transfer is not None
        assert transfer.id == state.payments[0].id
        [line] = sorted_out(lab, "csv", top_up).unmatched
        assert (line.unmatched.transfer.id, line.unmatched.reason) == (transfer.id, Reason.MISTYPED_REFERENCE)

    def test_look_alikes_are_read_although_the_bank_does_not_find_them(self, lab: BankLab) -> None:
        top_up = next(found for found in iter(lab.top_up, None) if "B" in reference(found))
        transfer = lab.simulator.pay(replace(lab.order(top_up), text=reference(top_up).replace("B", "8")))
        assert fetched(lab, top_up).payments == ()
        state = lab.gateway.fetch(transfer.id)
        assert (state.provider_id, state.status) == (reference(top_up), TopUpStatus.SETTLED)
        assert [payment.amount for payment in state.payments] == [top_up.amount]

    def test_several_references_are_for_people(self, lab: BankLab) -> None:
        first, second = lab.top_up(), lab.top_up()
        lab.simulator.pay(replace(lab.order(first), text=f"{reference(first)} {reference(second)}"))
        assert fetched(lab, first).payments == fetched(lab, second).payments == ()
        [line] = sorted_out(lab, "csv", first, second).unmatched
        assert line.unmatched.reason is Reason.SEVERAL_REFERENCES

    def test_another_currency_is_not_taken_for_the_one_that_was_asked(self, lab: BankLab) -> None:
        top_up = lab.top_up()
        lab.simulator.pay(replace(lab.order(top_up), currency="EUR"))
        assert fetched(lab, top_up).payments == ()

    def test_money_for_no_top_up_is_listed_by_itself(self, lab: BankLab) -> None:
        top_up = lab.top_up()
        lab.pay(top_up)
        lab.simulator.pay(Order("thanks", Decimal("7.00"), "USD"))
        now = lab.now()
        states = list(lab.gateway.settled(now - timedelta(hours=1), now + timedelta(hours=1)))
        assert {state.provider_id: state.payments[0].amount.micros for state in states} == {
            "tr_00000002": 7_000_000,
            reference(top_up): 30_000_000,
        }

    def test_transfers_without_a_match_can_be_sent_back(self, lab: BankLab) -> None:
        lab.simulator.pay(Order("thanks", Decimal("7.00"), "USD"))
        transfer = lab.gateway.transfer("tr_00000001")
        assert transfer is not None
        made = lab.gateway.refund(transfer.provider_id, transfer.amount, f"return of {transfer.id}")
        assert lab.gateway.refund(transfer.provider_id, transfer.amount, f"return of {transfer.id}") == made
        assert lab.gateway.fetch("tr_00000001").refunds == (made,)
        with pytest.raises(GatewayRefused):
            lab.gateway.refund(transfer.provider_id, Amount(10_000), "another key")

    def test_what_went_back_by_the_banks_own_people_is_a_refund(self, lab: BankLab) -> None:
        top_up = lab.top_up()
        lab.pay(top_up)
        control(lab, "POST", "/transfers/tr_00000001/return")
        [refund] = fetched(lab, top_up).refunds
        assert refund.amount == top_up.amount
        with pytest.raises(GatewayRefused):
            lab.gateway.refund(reference(top_up), Amount(10_000), "key")


@pytest.mark.guarantee("G01")
class TestStatements:
    @pytest.mark.parametrize(
        ("form", "has_bank_reference"),
        [*((form, True) for form in FORMS), *((form, False) for form in FORMS if form != "csv")],
    )
    def test_g01_a_statement_and_the_interface_tell_of_the_same_payments(
        self, lab: BankLab, form: str, has_bank_reference: bool
    ) -> None:
        top_ups = [lab.top_up(), lab.top_up()]
        for top_up in (*top_ups, top_ups[0]):
            lab.simulator.pay(replace(lab.order(top_up), has_bank_reference=has_bank_reference))
        told = {payment.id for top_up in top_ups for payment in fetched(lab, top_up).payments}
        assert len(told) == 3
        report = sorted_out(lab, form, *top_ups)
        assert {line.matched.transfer.id for line in report.accepted} == told
        assert sorted_out(lab, form, *top_ups, known=frozenset(told)).accepted == ()

    @pytest.mark.parametrize("form", FORMS)
    def test_g01_lines_that_come_twice_are_credited_once(self, lab: BankLab, form: str) -> None:
        top_up = lab.top_up()
        lab.pay(top_up)
        lab.inject(StatementFault.DUPLICATE_LINES)
        report = sorted_out(lab, form, top_up)
        assert (len(report.accepted), len(report.known)) == (1, 1)

    @pytest.mark.parametrize("form", FORMS)
    def test_a_broken_line_loses_no_other(self, lab: BankLab, form: str) -> None:
        top_ups = [lab.top_up(), lab.top_up(31_000_000)]
        for top_up in top_ups:
            lab.pay(top_up)
        lab.inject(StatementFault.BROKEN_LINE)
        report = sorted_out(lab, form, *top_ups)
        assert [line.matched.top_up.id for line in report.accepted] == [top_ups[1].id]
        assert len(report.invalid) == 1

    def test_what_is_on_its_way_is_passed_over(self, lab: BankLab) -> None:
        top_up = lab.top_up()
        lab.begin_paying(top_up)
        assert [len(sorted_out(lab, form, top_up).passed_over) for form in FORMS] == [1] * len(FORMS)


@pytest.mark.guarantee("G40")
class TestWebhooks:
    def test_g40_what_is_announced_arrives_and_leads_to_the_top_up(self, lab: BankLab, receiver: Receiver) -> None:
        top_up = lab.top_up()
        lab.begin_paying(top_up)
        lab.finish_paying(top_up)
        assert receiver.wait_for(2) == [reference(top_up)] * 2
        assert [notice.kind for notice in receiver.notices] == ["transfer.pending", "transfer.credited"]

    def test_g40_forged_ones_are_refused(self, lab: BankLab, receiver: Receiver) -> None:
        lab.inject(WebhookFault.FORGED)
        lab.pay(lab.top_up())
        assert receiver.wait_for(0, refused=1) == []

    def test_g01_a_hundred_deliveries_are_one_event_and_one_payment(
        self, lab: BankLab, receiver: Receiver
    ) -> None:
        top_up = lab.top_up()
        lab.pay(top_up)
        receiver.wait_for(1)
        event_id = receiver.notices[0].event_id
        control(lab, "POST", f"/webhooks/{event_id}/deliver", {"times": 100})
        receiver.wait_for(101)
        assert {notice.event_id for notice in receiver.notices} == {event_id}
        payments: set[Payment] = {
            payment
            for notice in receiver.notices[:5]
            for payment in lab.gateway.fetch(notice.provider_id or "").payments
        }
        assert len(payments) == 1

    @pytest.mark.parametrize("kind", [WebhookFault.DUPLICATE, WebhookFault.REORDERED, WebhookFault.LOST])
    def test_g01_whatever_becomes_of_webhooks_the_state_is_the_same(
        self, lab: BankLab, receiver: Receiver, kind: WebhookFault
    ) -> None:
        top_up = lab.top_up()
        lab.inject(kind)
        lab.pay(top_up, 10_000_000)
        lab.pay(top_up, 20_000_000)
        expected = {WebhookFault.DUPLICATE: 3, WebhookFault.REORDERED: 2, WebhookFault.LOST: 1}[kind]
        assert receiver.wait_for(expected) == [reference(top_up)] * expected
        assert [payment.amount.micros for payment in fetched(lab, top_up).payments] == [10_000_000, 20_000_000]


def control(lab: BankLab, method: str, path: str, body: Any = None) -> Any:
    return called(lab.simulator.control_url, method, path, body)


def called(control_url: str, method: str, path: str, body: Any = None) -> Any:
    request = HttpRequest(f"{control_url}{path}", json.dumps(body or {}).encode(), method=method)
    with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        text = answer.read().decode()
        is_json = "json" in answer.headers.get("Content-Type", "")
        return json.loads(text) if is_json else text


def test_everything_can_be_done_by_http(lab: BankLab) -> None:
    top_up = lab.top_up()
    assert control(lab, "GET", "/health") == {"status": "ok"}
    control(lab, "POST", "/faults", {"kind": "partial_payment"})
    assert [fault["kind"] for fault in control(lab, "GET", "/faults")["faults"]] == ["partial_payment"]
    paid = control(
        lab, "POST", "/pay", {"text": reference(top_up), "amount": "30.00", "currency": "USD", "booked": False}
    )
    assert paid["amount"] == "15.00"
    assert control(lab, "POST", f"/transfers/{paid['id']}/book")["status"] == "booked"
    assert fetched(lab, top_up).status is TopUpStatus.SETTLED
    for form in FORMS:
        [line] = read_statement(control(lab, "GET", f"/statements/{form}").encode()).lines
        assert line.line_number > 1
    assert [item["status"] for item in control(lab, "GET", "/requests")["requests"]] == [200]
    assert len(control(lab, "GET", "/webhooks")["webhooks"]) == 2
    control(lab, "POST", "/reset")
    assert control(lab, "GET", "/state") == {"transfers": []}


def test_a_transfer_that_matches_is_matched_by_its_announcement_too(lab: BankLab) -> None:
    top_up = lab.top_up()
    lab.pay(top_up)
    transfer = lab.gateway.transfer("tr_00000001")
    assert transfer is not None
    found = match(transfer, {reference(top_up): top_up}.get)
    assert isinstance(found, Matched)
    assert found.top_up == top_up


def test_as_a_process_it_remembers_across_restarts(tmp_path: Path) -> None:
    state = tmp_path / "bank.json"
    first = _Process(state)
    paid = called(first.control_url, "POST", "/pay", {"text": "x", "amount": "5.00", "currency": "EUR"})
    first.stop()
    second = _Process(state)
    assert called(second.control_url, "GET", "/state")["transfers"] == [paid]
    second.stop()


class _Process:
    def __init__(self, state: Path) -> None:
        command = [sys.executable, "-m", "dev.simulators.bank", "--port", "0", "--state", str(state)]
        self._running = subprocess.Popen(command, cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, text=True)
        assert self._running.stdout is not None
        self.control_url = self._running.stdout.readline().split("control: ")[1].strip()

    def stop(self) -> None:
        self._running.send_signal(signal.SIGTERM)
        assert self._running.wait(PATIENCE_SECONDS) == 0
        if self._running.stdout is not None:
            self._running.stdout.close()
