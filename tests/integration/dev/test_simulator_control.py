"""The control API, whose paths and answers are the same in every simulator."""

import json
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from dev.demo.checks import await_value
from dev.simulators.bank import BankSimulator
from dev.simulators.bank.state import Order
from dev.simulators.btcpay import BTCPaySimulator
from dev.simulators.http import LoopbackServer, Request, Response
from dev.simulators.openstack import OpenStackSimulator
from dev.simulators.oxapay import OxaPaySimulator
from dev.simulators.paypal import PayPalSimulator
from dev.simulators.simulator import PaymentSimulator, Simulator
from dev.simulators.stripe import StripeSimulator
from dev.simulators.webhooks import Webhook, WebhookFault

PAYMENT: dict[str, Callable[[], PaymentSimulator]] = {
    "bank": BankSimulator,
    "btcpay": BTCPaySimulator,
    "oxapay": OxaPaySimulator,
    "paypal": PayPalSimulator,
    "stripe": StripeSimulator,
}
ALL: dict[str, Callable[[], Simulator]] = {**PAYMENT, "openstack": OpenStackSimulator}
PATIENCE_SECONDS = 10.0


@pytest.fixture(scope="module", params=sorted(ALL))
def running(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    with ALL[request.param]() as made:
        yield made


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.reset()


@pytest.fixture
def payment(simulator: Simulator) -> Iterator[PaymentSimulator]:
    assert isinstance(simulator, PaymentSimulator)
    yield simulator
    simulator.outbox.url = ""


class Receiver:
    """A receiver that accepts every webhook."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._arrived = threading.Condition()
        self._server = LoopbackServer(self._take)
        self.url = self._server.start()

    def _take(self, request: Request) -> Response:
        with self._arrived:
            self.seen.append(request.body.decode())
            self._arrived.notify_all()
        return Response(200)

    def await_count(self, count: int) -> list[str]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= count, PATIENCE_SECONDS), self.seen
            return list(self.seen)

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def command(simulator: Simulator, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send a command; return the status and the JSON of the answer."""
    content = None if body is None else json.dumps(body).encode()
    request = HttpRequest(f"{simulator.control_url}{path}", content, method=method)
    try:
        with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except HTTPError as error:
        return error.code, json.loads(error.read())


def ask(simulator: Simulator) -> int:
    """Send the service a request without a key; return the status."""
    path = "/identity/v3/auth/tokens" if simulator.name == "openstack" else "/v1/nothing"
    try:
        with urlopen(HttpRequest(f"{simulator.base_url}{path}"), timeout=PATIENCE_SECONDS) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


class TestEverySimulator:
    def test_it_exists_and_shows_its_content(self, simulator: Simulator) -> None:
        assert command(simulator, "GET", "/health") == (200, {"status": "ok"})
        status, shown = command(simulator, "GET", "/state/")
        assert (status, type(shown)) == (200, dict)

    def test_faults_are_injected_listed_removed_and_cleared(self, simulator: Simulator) -> None:
        status, slow = command(simulator, "POST", "/faults", {"kind": "slow"})
        assert (status, slow["struck"]) == (201, 0)
        _, limit = command(simulator, "POST", "/faults", {"kind": "rate_limit"})
        assert command(simulator, "DELETE", f"/faults/{slow['id']}") == (204, None)
        assert command(simulator, "GET", "/faults") == (200, {"faults": [limit]})
        assert command(simulator, "DELETE", f"/faults/{slow['id']}")[0] == 404
        assert command(simulator, "DELETE", "/faults") == (204, None)
        assert command(simulator, "GET", "/faults") == (200, {"faults": []})

    def test_requests_are_numbered_and_read_on_from_a_number(self, simulator: Simulator) -> None:
        _, earlier = command(simulator, "GET", "/requests")
        assert earlier["requests"] == []
        command(simulator, "POST", "/faults", {"kind": "error_before_effect", "status": 500})
        refused, second = ask(simulator), ask(simulator)
        _, told = command(simulator, "GET", "/requests")
        assert [(item["number"], item["status"], item["fault"]) for item in told["requests"]] == [
            (earlier["last"] + 1, refused, "error_before_effect"),
            (earlier["last"] + 2, second, None),
        ]
        assert (refused, told["last"]) == (500, earlier["last"] + 2)
        _, later = command(simulator, "GET", f"/requests?since={earlier['last'] + 1}")
        assert [item["number"] for item in later["requests"]] == [told["last"]]

    def test_reset_forgets_faults_and_requests_but_counts_on(self, simulator: Simulator) -> None:
        before = command(simulator, "GET", "/state")[1]
        ask(simulator)
        asked = command(simulator, "GET", "/requests")[1]["last"]
        command(simulator, "POST", "/faults", {"kind": "slow", "match": {"name": "nothing"}})
        assert command(simulator, "POST", "/reset") == (204, None)
        assert command(simulator, "GET", "/faults")[1] == {"faults": []}
        assert command(simulator, "GET", "/requests")[1] == {"requests": [], "last": asked}
        assert command(simulator, "GET", "/state")[1].keys() == before.keys()

    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("POST", "/faults", {"kind": "earthquake"}, 400),
            ("POST", "/faults", {"kind": "slow", "match": {"path": "("}}, 400),
            ("POST", "/faults", None, 400),
            ("GET", "/requests?since=yesterday", None, 400),
            ("POST", "/nothing", None, 404),
            ("PUT", "/faults", {"kind": "slow"}, 404),
        ],
    )
    def test_what_cannot_be_done_is_refused_with_a_reason(
        self, simulator: Simulator, method: str, path: str, body: Any, status: int
    ) -> None:
        answered, told = command(simulator, method, path, body)
        assert (answered, bool(told["error"])) == (status, True)


@pytest.mark.parametrize("running", sorted(PAYMENT), indirect=True)
class TestWebhooks:
    def test_they_go_where_they_are_told_and_nowhere_else(
        self, payment: PaymentSimulator, receiver: Receiver
    ) -> None:
        payment.outbox.post(Webhook("evt_1", "kept", '{"n": 1}'))
        assert command(payment, "PUT", "/webhooks/url", {"url": receiver.url}) == (200, {"url": receiver.url})
        payment.outbox.post(Webhook("evt_2", "sent", '{"n": 2}'))
        assert receiver.await_count(1) == ['{"n": 2}']
        assert payment.outbox.wait_until_sent()
        _, told = command(payment, "GET", "/webhooks")
        assert told["url"] == receiver.url
        shown = [(item["id"], item["kind"], item["attempts"], item["body"]) for item in told["webhooks"]]
        assert shown == [("evt_1", "kept", [], '{"n": 1}'), ("evt_2", "sent", [200], '{"n": 2}')]
        assert all(item["headers"].keys() > {"Content-Type"} for item in told["webhooks"])

    def test_one_is_sent_again_as_often_as_asked(self, payment: PaymentSimulator, receiver: Receiver) -> None:
        payment.outbox.url = receiver.url
        payment.outbox.post(Webhook("evt_1", "sent", '{"n": 1}'))
        receiver.await_count(1)
        assert command(payment, "POST", "/webhooks/evt_1/deliver", {"times": 3})[0] == 202
        assert receiver.await_count(4) == ['{"n": 1}'] * 4
        assert command(payment, "POST", "/webhooks/evt_9/deliver")[0] == 404
        assert command(payment, "POST", "/webhooks/evt_1/deliver", {"times": 1001})[0] == 400

    def test_flush_sends_what_is_held_back_and_deliver_what_was_never_tried(
        self, payment: PaymentSimulator, receiver: Receiver
    ) -> None:
        payment.outbox.url = receiver.url
        for number, fault in ((1, WebhookFault.LOST), (2, WebhookFault.REORDERED)):
            payment.inject(fault)
            payment.outbox.post(Webhook(f"evt_{number}", "any", str(number)))
        assert command(payment, "POST", "/webhooks/flush") == (202, {"sent": 1})
        assert receiver.await_count(1) == ["2"]
        assert payment.outbox.wait_until_sent()
        payment.inject(WebhookFault.REORDERED)
        payment.outbox.post(Webhook("evt_3", "any", "3"))
        assert command(payment, "POST", "/webhooks/deliver") == (202, {"sent": 2})
        assert receiver.await_count(3) == ["2", "1", "3"]
        assert payment.outbox.wait_until_sent()
        assert command(payment, "POST", "/webhooks/deliver") == (202, {"sent": 0})

    def test_what_is_late_is_due_and_not_sent_beside(self, payment: PaymentSimulator, receiver: Receiver) -> None:
        payment.outbox.url = receiver.url
        payment.inject(WebhookFault.LATE, delay_seconds=60)
        payment.outbox.post(Webhook("evt_1", "late", "1"))
        assert command(payment, "POST", "/webhooks/deliver") == (202, {"sent": 0})

    def test_reset_forgets_those_too_that_are_still_to_be_sent(
        self, payment: PaymentSimulator, receiver: Receiver
    ) -> None:
        payment.outbox.url = receiver.url
        payment.inject(WebhookFault.LATE, delay_seconds=0.5)
        payment.outbox.post(Webhook("evt_1", "late", "1"))
        payment.inject(WebhookFault.REORDERED)
        payment.outbox.post(Webhook("evt_2", "held", "2"))
        command(payment, "POST", "/reset")
        assert command(payment, "GET", "/webhooks")[1] == {"url": receiver.url, "webhooks": []}
        assert command(payment, "POST", "/webhooks/flush") == (202, {"sent": 0})
        payment.inject(WebhookFault.LATE, delay_seconds=0.7)
        payment.outbox.post(Webhook("evt_3", "new", "3"))
        assert receiver.await_count(1) == ["3"]


@pytest.mark.parametrize("name", ["btcpay", "oxapay", "paypal"])
def test_time_can_be_put_forward(name: str) -> None:
    with PAYMENT[name]() as simulator:
        _, before = command(simulator, "GET", "/state")
        status, told = command(simulator, "POST", "/clock", {"advance_seconds": 86_400})
        assert (status, told["now"] > before["now"]) == (200, True)
        assert command(simulator, "POST", "/clock", {"advance_seconds": -1})[0] == 400


class _QuickPayPal(PayPalSimulator):
    beat_seconds = 0.05


def test_what_was_there_at_the_last_beat_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "paypal.json"
    with _QuickPayPal(state_path=path) as killed:
        killed.advance(90)

        def is_saved() -> bool | None:
            return (path.exists() and json.loads(path.read_text())["clock_offset_seconds"] == 90) or None

        await_value("the state to be saved", is_saved, deadline_seconds=PATIENCE_SECONDS, pause_seconds=0.02)
        assert not list(path.parent.glob("*.new"))


def test_what_is_paid_in_at_the_bank_outlives_a_kill_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bank.json"
    with BankSimulator(state_path=path) as killed:
        paid = killed.pay(Order("RF", amount=Decimal("5.00"), currency="EUR"))
        with BankSimulator(state_path=path) as second:
            assert list(second.state.transfers) == [paid.id]
