"""The simulated BTCPay Server and OxaPay: over HTTP, with faults, and after restarts."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from chalicelib.domain.money.top_ups.models import InvalidSignature, Notice, TopUp
from dev.simulators.http import LoopbackServer, Request, Response
from dev.simulators.webhooks import WebhookFault
from tests.contract.crypto_lab import BTCPayLab, CryptoLab, OxaPayLab
from tests.support.clock import SettableClock

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 10.0
RETURN_URL = "https://app.example.net/billing"


class Receiver:
    """The function URL of a webhook: it verifies, stores and answers, and can refuse for a while."""

    def __init__(self, lab: CryptoLab) -> None:
        self._lab = lab
        self._changed = threading.Condition()
        self.notices: list[Notice] = []
        self.refused = 0
        self.failures_to_come = 0
        self._server = LoopbackServer(self._answer)
        self.url = self._server.start()

    def _answer(self, request: Request) -> Response:
        with self._changed:
            try:
                if self.failures_to_come:
                    self.failures_to_come -= 1
                    return Response(503)
                self.notices.append(self._lab.gateway.verify(request.body, request.headers, self._lab.now()))
            except InvalidSignature:
                self.refused += 1
                return Response(401)
            finally:
                self._changed.notify_all()
            return Response(200, "ok")

    def wait_for(self, count: int, *, refused: int = 0) -> list[str]:
        """Wait for `count` notices and `refused` refused ones; return the kinds of the first `count`."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: len(self.notices) >= count and self.refused >= refused, PATIENCE_SECONDS
            )
            assert arrived, (self.notices, self.refused)
            return [notice.kind for notice in self.notices]

    def close(self) -> None:
        self._server.stop()


@pytest.fixture(params=[BTCPayLab, OxaPayLab], ids=["btcpay", "oxapay"])
def lab(request: pytest.FixtureRequest) -> Iterator[CryptoLab]:
    made: CryptoLab = request.param()
    yield made
    made.close()


@pytest.fixture
def receiver(lab: CryptoLab) -> Iterator[Receiver]:
    made = Receiver(lab)
    lab.simulator.outbox.url = made.url
    yield made
    made.close()


@pytest.fixture
def top_up(lab: CryptoLab) -> TopUp:
    made = lab.top_up()
    lab.gateway.create(made, return_url=RETURN_URL)
    return made


EVENTS = {
    "btcpay": [
        "InvoiceCreated",
        "InvoiceReceivedPayment",
        "InvoiceProcessing",
        "InvoicePaymentSettled",
        "InvoiceSettled",
    ],
    "oxapay": ["paying", "paid"],
}
FIRST_KIND = {"btcpay": "^InvoiceReceivedPayment$", "oxapay": "^Paying$"}
"""The vendor's name for the webhook of a payment that was seen."""


def command(lab: CryptoLab, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    with urlopen(HttpRequest(f"{lab.simulator.control_url}{path}", content, method=method), timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


@pytest.fixture
def told(lab: CryptoLab, receiver: Receiver) -> list[str]:
    """The webhooks of a full payment, from the creation on."""
    made = lab.top_up()
    lab.gateway.create(made, return_url=RETURN_URL)
    lab.pay(made)
    return receiver.wait_for(len(EVENTS[lab.name]))


class TestWebhooks:
    def test_they_are_sent_in_order_and_verify(self, lab: CryptoLab, told: list[str], receiver: Receiver) -> None:
        assert told == EVENTS[lab.name]
        assert receiver.refused == 0

    def test_they_are_sent_again_until_they_are_accepted(self, lab: CryptoLab, receiver: Receiver) -> None:
        receiver.failures_to_come = 2
        made = lab.top_up()
        lab.gateway.create(made, return_url=RETURN_URL)
        lab.pay(made)
        assert Counter(receiver.wait_for(len(EVENTS[lab.name]))) == Counter(EVENTS[lab.name])

    @pytest.mark.parametrize(
        ("fault", "extra", "refused"),
        [
            (WebhookFault.DUPLICATE, 1, 0),
            (WebhookFault.LOST, -1, 0),
            (WebhookFault.FORGED, -1, 1),
            (WebhookFault.REORDERED, 0, 0),
            (WebhookFault.LATE, 0, 0),
        ],
    )
    def test_a_fault_befalls_one(
        self, lab: CryptoLab, receiver: Receiver, fault: WebhookFault, extra: int, refused: int
    ) -> None:
        seen = EVENTS[lab.name][-4 if lab.name == "btcpay" else 0]
        command(
            lab,
            "POST",
            "/faults",
            {"kind": fault, "match": {"name": FIRST_KIND[lab.name]}, "delay_seconds": 0.3},
        )
        made = lab.top_up()
        lab.gateway.create(made, return_url=RETURN_URL)
        lab.pay(made)
        kinds = receiver.wait_for(len(EVENTS[lab.name]) + extra, refused=refused)
        assert Counter(kinds) == Counter(EVENTS[lab.name]) + Counter({seen: max(extra, 0)}) - Counter(
            {seen: max(-extra, 0)}
        )
        if fault in {WebhookFault.REORDERED, WebhookFault.LATE}:
            assert kinds.index(seen) > EVENTS[lab.name].index(seen)

    def test_people_can_send_one_again(self, lab: CryptoLab, told: list[str], receiver: Receiver) -> None:
        last = command(lab, "GET", "/webhooks")["webhooks"][-1]
        command(lab, "POST", f"/webhooks/{last['id']}/deliver", {})
        receiver.wait_for(len(told) + 1)
        assert receiver.notices[-1] == receiver.notices[-2]

    @pytest.mark.guarantee("G01")
    def test_g01_a_hundred_replays_are_one_event(
        self, lab: CryptoLab, told: list[str], receiver: Receiver
    ) -> None:
        last = command(lab, "GET", "/webhooks")["webhooks"][-1]
        command(lab, "POST", f"/webhooks/{last['id']}/deliver", {"times": 100, "as_is": True})
        receiver.wait_for(len(told) + 100)
        assert len({notice.event_id for notice in receiver.notices}) == len(told)


class TestControl:
    def test_a_payer_can_do_everything_by_http(self, lab: CryptoLab, top_up: TopUp) -> None:
        invoice = f"/invoices/{top_up.id}"
        command(lab, "POST", f"{invoice}/pay", {"amount": "5.5"})
        command(lab, "POST", f"{invoice}/pay", {"confirm": False})
        command(lab, "POST", f"{invoice}/drop")
        command(lab, "POST", f"{invoice}/expire")
        command(lab, "POST", "/clock", {"advance_seconds": 5})
        command(lab, "POST", f"{invoice}/pay", {"confirm": False})
        shown = command(lab, "POST", f"{invoice}/confirm")
        assert [(float(item["amount"]), item["status"]) for item in shown["transfers"]] == [
            (5.5, "confirmed"),
            (19.5, "dropped"),
            (19.5, "confirmed"),
        ]
        state = lab.gateway.find(top_up)
        assert state is not None
        assert [paid.amount.micros for paid in state.payments] == [5_500_000, 19_500_000]

    def test_the_state_can_be_read_and_forgotten(self, lab: CryptoLab, top_up: TopUp) -> None:
        invoices = command(lab, "GET", "/state")["invoices"].values()
        assert [item["reference"] for item in invoices] == [top_up.id]
        command(lab, "POST", "/reset")
        assert command(lab, "GET", "/state")["invoices"] == {}
        assert lab.gateway.find(top_up) is None


def test_an_invoice_expires_though_nobody_asks() -> None:
    clock = SettableClock()
    with closing(BTCPayLab(clock)) as lab, closing(Receiver(lab)) as receiver:
        lab.gateway.create(lab.top_up(), return_url=RETURN_URL)
        lab.simulator.outbox.url = receiver.url
        clock.advance(2 * lab.deadline_seconds)
        assert receiver.wait_for(1) == ["InvoiceExpired"]


@pytest.mark.parametrize("name", ["btcpay", "oxapay"])
def test_the_process_keeps_its_state_across_a_restart(name: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    for expected_offset in (0.0, 90.0):
        with running(name, state) as base_url:
            with urlopen(f"{base_url}/_control/state", timeout=10) as answer:
                assert json.load(answer)["clock_offset_seconds"] == expected_offset
            advance = HttpRequest(f"{base_url}/_control/clock", b'{"advance_seconds": 90}', method="POST")
            urlopen(advance, timeout=10).close()


class running:  # noqa: N801 - reads as `with running(…)`
    """The process of a simulator, which is ended as a developer ends it."""

    def __init__(self, name: str, state: Path) -> None:
        self._command = [sys.executable, "-m", f"dev.simulators.{name}", "--state", str(state)]

    def __enter__(self) -> str:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()[1]

    def __exit__(self, *_: object) -> None:
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(PATIENCE_SECONDS) == 0
        assert time.monotonic() - started < PATIENCE_SECONDS
        assert self._process.stdout is not None
        self._process.stdout.close()
