"""The Stripe gateway on the simulated Stripe: behaviour of Stripe only, and faults."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.gateways.stripe.config import StripeConfig
from chalicelib.adapters.gateways.stripe.gateway import StripeGateway
from chalicelib.domain.money.top_ups.models import (
    Amount,
    DisputeStatus,
    GatewayRefused,
    GatewayUnreachable,
    InvalidSignature,
    Method,
    RefundStatus,
    TopUp,
    TopUpStatus,
)
from chalicelib.kernel.clock import Clock, SystemClock
from dev.simulators.faults import FaultMatch, RequestFault
from dev.simulators.http import Json, LoopbackServer, Request, Response
from dev.simulators.stripe import StripeSimulator
from dev.simulators.stripe.account import SECRET_KEY, WEBHOOK_SECRET
from dev.simulators.stripe.cards import GOOD_CARD, STUBBORN_CARD
from dev.simulators.stripe.customers import SEARCH_LAG
from dev.simulators.webhooks import WebhookFault
from tests.support.clock import SettableClock

RETURN_URL = "https://shop.example.com/billing"
COUNTER = iter(range(10**6))


@pytest.fixture(scope="module")
def running() -> Iterator[StripeSimulator]:
    with StripeSimulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: StripeSimulator) -> Iterator[StripeSimulator]:
    yield running
    running.faults.clear()
    running.outbox.url = ""


def gateway_on(simulator: StripeSimulator, clock: Clock | None = None, **settings: Any) -> StripeGateway:
    config = {
        "secret_key": SECRET_KEY,
        "webhook_secrets": [WEBHOOK_SECRET],
        "api_base": simulator.base_url,
        "retries": 0,
    }
    return StripeGateway(StripeConfig.model_validate(config | settings), clock or SystemClock())


def top_up_of(customer_id: str = "") -> TopUp:
    number, now = next(COUNTER), datetime.now(UTC)
    return TopUp(
        id=f"top_{number:06d}",
        customer_id=customer_id or f"cus_{number:06d}",
        gateway="stripe",
        method=Method.CARD,
        amount=Amount(20_000_000),
        status=TopUpStatus.CREATED,
        created_at=now,
        updated_at=now,
        deadline_at=now + timedelta(hours=2),
    )


def save_card(simulator: StripeSimulator, gateway: StripeGateway, customer_id: str, card: str) -> str:
    setup = gateway.begin_saving(customer_id, "payer@example.com", f"key-{next(COUNTER)}").provider_id
    simulator.router.cards.save(setup, card)
    method_id = gateway.fetch(setup).method_id
    assert method_id
    return method_id


def control(simulator: StripeSimulator, method: str, path: str, **body: Json) -> dict[str, Json]:
    request = urllib.request.Request(
        f"{simulator.control_url}{path}", json.dumps(body).encode() if body else None, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Json] = json.loads(answer.read())
    return found


class TestKeys:
    """Stripe forgets idempotency keys after a day; the objects that they made still exist."""

    @pytest.mark.parametrize("hosted_page", [False, True])
    def test_g10_a_create_after_the_key_was_forgotten_finds_the_first(
        self, simulator: StripeSimulator, hosted_page: bool
    ) -> None:
        clock = SettableClock(datetime.now(UTC))
        gateway = gateway_on(simulator, clock, hosted_page=hosted_page)
        top_up = replace(top_up_of(), created_at=clock.now())
        first = gateway.create(top_up, return_url=RETURN_URL)
        clock.advance(25 * 3600)
        simulator.account.state.answers.clear()
        assert gateway.create(top_up, return_url=RETURN_URL) == first

    def test_g10_a_charge_after_the_key_was_forgotten_is_the_first(self, simulator: StripeSimulator) -> None:
        clock = SettableClock(datetime.now(UTC))
        gateway = gateway_on(simulator, clock)
        top_up = top_up_of()
        method_id = save_card(simulator, gateway, top_up.customer_id, GOOD_CARD)
        first = gateway.prepare_charge(top_up, method_id)
        assert gateway.confirm_charge(first).status is TopUpStatus.SETTLED
        clock.advance(25 * 3600)
        simulator.account.state.answers.clear()
        assert gateway.prepare_charge(top_up, method_id) == first
        assert len(gateway.confirm_charge(first).payments) == 1

    def test_g09_a_refund_after_the_key_was_forgotten_is_the_first(self, simulator: StripeSimulator) -> None:
        gateway, top_up = gateway_on(simulator), top_up_of()
        provider_id = gateway.create(top_up, return_url=RETURN_URL).provider_id
        simulator.pay(provider_id)
        first = gateway.refund(provider_id, Amount(5_000_000), "back")
        simulator.account.state.answers.clear()
        assert gateway.refund(provider_id, Amount(5_000_000), "back") == first
        assert len(gateway.fetch(provider_id).refunds) == 1

    def test_the_sdk_repeats_what_got_no_answer_with_the_same_key(self, simulator: StripeSimulator) -> None:
        gateway, top_up = gateway_on(simulator, retries=1), top_up_of()
        simulator.inject(RequestFault.DROP_AFTER_EFFECT, FaultMatch(method="POST", path="payment_intents"))
        provider_id = gateway.create(top_up, return_url=RETURN_URL).provider_id
        made = [
            intent["id"]
            for intent in simulator.account.backend.list("payment_intents")
            if intent["metadata"]["top_up_id"] == top_up.id
        ]
        assert made == [provider_id]


class TestCustomers:
    def test_one_customer_has_one_stripe_customer_though_search_lags(self, simulator: StripeSimulator) -> None:
        gateway, first = gateway_on(simulator), top_up_of()
        simulator.inject(SEARCH_LAG, times=None)
        gateway.create(first, return_url=RETURN_URL)
        gateway.create(top_up_of(first.customer_id), return_url=RETURN_URL)
        simulator.faults.clear()
        simulator.account.state.answers.clear()
        gateway.create(top_up_of(first.customer_id), return_url=RETURN_URL)
        made = [
            customer
            for customer in simulator.account.backend.list("customers")
            if customer["metadata"] == {"customer_id": first.customer_id}
        ]
        assert len(made) == 1

    def test_an_id_cannot_write_a_query(self, simulator: StripeSimulator) -> None:
        with pytest.raises(GatewayRefused):
            gateway_on(simulator).saved_methods("x' OR metadata['customer_id']:'y")


class TestTimeOuts:
    def test_a_silent_stripe_is_given_up(self, simulator: StripeSimulator) -> None:
        gateway = gateway_on(simulator, read_timeout_seconds=0.2)
        simulator.inject(RequestFault.SLOW, delay_seconds=20)
        started = time.monotonic()
        with pytest.raises(GatewayUnreachable):
            gateway.find(top_up_of())
        assert time.monotonic() - started < 15

    def test_a_closed_port_is_unreachable(self, simulator: StripeSimulator) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        with pytest.raises(GatewayUnreachable):
            gateway_on(simulator, api_base=f"http://127.0.0.1:{port}").fetch("pi_1")


class TestBanks:
    def test_g10_a_card_that_wants_its_owner_fails_off_session(self, simulator: StripeSimulator) -> None:
        gateway, top_up = gateway_on(simulator), top_up_of()
        method_id = save_card(simulator, gateway, top_up.customer_id, STUBBORN_CARD)
        state = gateway.confirm_charge(gateway.prepare_charge(top_up, method_id))
        assert (state.status, state.payments) == (TopUpStatus.FAILED, ())
        assert "authentication" in state.failure

    def test_g10_a_card_that_was_forgotten_meanwhile_is_not_charged(self, simulator: StripeSimulator) -> None:
        gateway, top_up = gateway_on(simulator), top_up_of()
        method_id = save_card(simulator, gateway, top_up.customer_id, GOOD_CARD)
        charge = gateway.prepare_charge(top_up, method_id)
        gateway.forget_method(top_up.customer_id, method_id)
        with pytest.raises(GatewayRefused):
            gateway.confirm_charge(charge)
        assert gateway.fetch(charge).payments == ()

    @pytest.mark.parametrize("success", [True, False])
    def test_a_card_that_wants_its_owner_is_paid_once_they_agree(
        self, simulator: StripeSimulator, success: bool
    ) -> None:
        gateway = gateway_on(simulator)
        provider_id = gateway.create(top_up_of(), return_url=RETURN_URL).provider_id
        simulator.pay(provider_id, STUBBORN_CARD)
        assert gateway.fetch(provider_id).status is TopUpStatus.AWAITING_PAYMENT
        control(simulator, "POST", f"/payments/{provider_id}/authenticate", success=success)
        state = gateway.fetch(provider_id)
        assert state.status is (TopUpStatus.SETTLED if success else TopUpStatus.AWAITING_PAYMENT)
        assert bool(state.failure) is not success

    def test_g09_an_inquiry_freezes_and_its_end_frees(self, simulator: StripeSimulator) -> None:
        gateway = gateway_on(simulator)
        provider_id = gateway.create(top_up_of(), return_url=RETURN_URL).provider_id
        control(simulator, "POST", f"/payments/{provider_id}/pay")
        path = f"/payments/{provider_id}/dispute"
        made = control(simulator, "POST", path, amount=700, status="warning_needs_response")
        (dispute,) = gateway.fetch(provider_id).disputes
        assert (dispute.status, dispute.amount) == (DisputeStatus.OPEN, Amount(7_000_000))
        control(simulator, "POST", f"/disputes/{made['id']}", status="warning_closed")
        (dispute,) = gateway.fetch(provider_id).disputes
        assert dispute.status is DisputeStatus.WON

    def test_g09_what_is_disputed_is_not_refunded(self, simulator: StripeSimulator) -> None:
        gateway = gateway_on(simulator)
        provider_id = gateway.create(top_up_of(), return_url=RETURN_URL).provider_id
        simulator.pay(provider_id)
        control(simulator, "POST", f"/payments/{provider_id}/dispute")
        with pytest.raises(GatewayRefused) as refused:
            gateway.refund(provider_id, Amount(1_000_000), f"disputed-{provider_id}")
        assert "disputed" in refused.value.sentence

    def test_g09_a_refund_by_stripes_dashboard_and_one_that_fails_are_seen(
        self, simulator: StripeSimulator
    ) -> None:
        gateway = gateway_on(simulator)
        provider_id = gateway.create(top_up_of(), return_url=RETURN_URL).provider_id
        simulator.pay(provider_id)
        made = control(simulator, "POST", f"/payments/{provider_id}/refund", amount=500)
        (refund,) = gateway.fetch(provider_id).refunds
        assert (refund.id, refund.key, refund.status) == (made["id"], "", RefundStatus.DONE)
        control(simulator, "POST", f"/refunds/{made['id']}", status="failed")
        (refund,) = gateway.fetch(provider_id).refunds
        assert refund.status is RefundStatus.FAILED
        assert gateway.refund(provider_id, Amount(20_000_000), f"all-{provider_id}").status is RefundStatus.DONE


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/payment_intents?limit=x", "", 400),
        ("GET", "/v1/payment_intents?created[gte]=x", "", 400),
        ("GET", "/v1/payment_intents?created=1", "", 400),
        ("GET", "/v1/payment_intents?starting_after=pi_x", "", 404),
        ("GET", "/v1/customers/search?query=name:'x'", "", 400),
        ("GET", "/v1/nothing", "", 404),
        ("POST", "/v1/payment_intents", "amount=10&currency=usd&foo=bar", 400),
        ("POST", "/v1/payment_intents", "amount=10&currency=usd&payment_method_types[0]=card", 400),
        ("POST", "/v1/checkout/sessions", "mode=payment", 400),
        ("POST", "/v1/refunds", "payment_intent=pi_x", 404),
        ("POST", "/v1/payment_intents/pi_x/confirm", "foo=bar", 400),
    ],
)
def test_the_simulator_is_as_strict_as_stripe(
    simulator: StripeSimulator, method: str, path: str, body: str, status: int
) -> None:
    request = urllib.request.Request(
        f"{simulator.base_url}{path}",
        body.encode() or None,
        {"Authorization": f"Bearer {SECRET_KEY}"},
        method=method,
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == status
    assert json.loads(refused.value.read())["error"]["type"] == "invalid_request_error"


class Listener:
    """A receiver of webhooks: the events that it got, and its answers."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.statuses: list[int] = []
        self._arrived = threading.Condition()
        self.server = LoopbackServer(self._take)

    def _take(self, request: Request) -> Response:
        with self._arrived:
            self.seen.append(request)
            self._arrived.notify_all()
            return Response(self.statuses.pop(0) if self.statuses else 200, {})

    def wait_for(self, count: int, timeout_seconds: float = 10.0) -> list[str]:
        """Wait for `count` events; return their kinds."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= count, timeout_seconds), self.kinds()
        return self.kinds()

    def kinds(self) -> list[str]:
        return [json.loads(request.body)["type"] for request in self.seen]


@pytest.fixture
def listener(simulator: StripeSimulator) -> Iterator[Listener]:
    made = Listener()
    simulator.outbox.url = made.server.start()
    yield made
    simulator.outbox.url = ""
    made.server.stop()


class TestDelivery:
    PAID = ("charge.succeeded", "payment_intent.succeeded")

    def paid(self, simulator: StripeSimulator) -> tuple[StripeGateway, str]:
        gateway = gateway_on(simulator)
        provider_id = gateway.create(top_up_of(), return_url=RETURN_URL).provider_id
        simulator.pay(provider_id)
        return gateway, provider_id

    def test_a_payment_is_told_with_a_signature(self, simulator: StripeSimulator, listener: Listener) -> None:
        gateway, provider_id = self.paid(simulator)
        assert listener.wait_for(2) == list(self.PAID)
        for request in listener.seen:
            notice = gateway.verify(request.body, request.headers, datetime.now(UTC))
            assert notice.provider_id == provider_id

    def test_what_was_not_taken_comes_again(self, simulator: StripeSimulator, listener: Listener) -> None:
        listener.statuses = [500, 503]
        self.paid(simulator)
        assert sorted(listener.wait_for(4)) == sorted(self.PAID * 2)

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            (WebhookFault.DUPLICATE, ["charge.succeeded", "charge.succeeded", "payment_intent.succeeded"]),
            (WebhookFault.REORDERED, ["payment_intent.succeeded", "charge.succeeded"]),
            (WebhookFault.LATE, ["payment_intent.succeeded", "charge.succeeded"]),
            (WebhookFault.LOST, ["payment_intent.succeeded"]),
        ],
    )
    def test_faults_on_the_way(
        self, simulator: StripeSimulator, listener: Listener, fault: WebhookFault, expected: list[str]
    ) -> None:
        simulator.inject(fault, FaultMatch(name="charge"), delay_seconds=1)
        self.paid(simulator)
        assert listener.wait_for(len(expected)) == expected

    def test_g40_a_forged_one_is_recognised(self, simulator: StripeSimulator, listener: Listener) -> None:
        simulator.inject(WebhookFault.FORGED, FaultMatch(name="payment_intent"))
        gateway, _ = self.paid(simulator)
        listener.wait_for(2)
        good, forged = listener.seen
        assert gateway.verify(good.body, good.headers, datetime.now(UTC)).kind == "charge.succeeded"
        with pytest.raises(InvalidSignature):
            gateway.verify(forged.body, forged.headers, datetime.now(UTC))

    def test_one_can_be_sent_again_by_hand(self, simulator: StripeSimulator, listener: Listener) -> None:
        self.paid(simulator)
        listener.wait_for(2)
        event = control(simulator, "GET", "/webhooks")["webhooks"][-1]
        control(simulator, "POST", f"/webhooks/{event['id']}/deliver", times=3)
        assert listener.wait_for(5)[2:] == ["payment_intent.succeeded"] * 3


def test_g40_what_localstripe_signs_is_verified() -> None:
    """localstripe is third-party code, so its signature does not repeat an error of ours."""
    listener = Listener()
    target = {"url": listener.server.start(), "secret": WEBHOOK_SECRET, "events": ["payment_intent.succeeded"]}
    with StripeSimulator() as simulator:
        request = urllib.request.Request(
            f"{simulator.account.backend.base_url}/_config/webhooks/ours",
            json.dumps(target).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        urllib.request.urlopen(request, timeout=10).close()
        gateway = gateway_on(simulator)
        provider_id = gateway.create(top_up_of(), return_url=RETURN_URL).provider_id
        simulator.pay(provider_id)
        listener.wait_for(1)
    listener.server.stop()
    (sent,) = listener.seen
    assert gateway.verify(sent.body, sent.headers, datetime.now(UTC)).provider_id == provider_id


def test_what_was_made_outlives_the_process(tmp_path: Path) -> None:
    path, top_up = tmp_path / "stripe.json", top_up_of()
    with StripeSimulator(state_path=path) as simulator:
        checkout = gateway_on(simulator, hosted_page=True).create(top_up, return_url=RETURN_URL)
        simulator.pay(checkout.provider_id)
        before = gateway_on(simulator).fetch(checkout.provider_id)
        simulator.outbox.url = "http://127.0.0.1:1/kept"
    with StripeSimulator(state_path=path) as simulator:
        assert simulator.outbox.url == "http://127.0.0.1:1/kept"
        gateway = gateway_on(simulator, hosted_page=True)
        assert gateway.fetch(checkout.provider_id) == before
        assert gateway.create(top_up, return_url=RETURN_URL).provider_id == checkout.provider_id
