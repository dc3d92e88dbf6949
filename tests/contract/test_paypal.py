"""Behaviour of PayPal only: captures, tokens, money that is taken back, and faults of webhooks."""

import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from chalicelib.adapters.gateways.paypal import PayPalConfig, PayPalGateway
from chalicelib.domain.money.top_ups.models import (
    Amount,
    DisputeStatus,
    Flag,
    GatewayBusy,
    GatewayError,
    GatewayRefused,
    GatewayUnreachable,
    InvalidSignature,
    Notice,
    PaymentState,
    RefundStatus,
    TopUp,
    TopUpStatus,
)
from chalicelib.kernel.clock import later
from dev.simulators.faults import FaultMatch
from dev.simulators.http import LoopbackServer, Request, Response
from dev.simulators.paypal import CLIENT_ID, CLIENT_SECRET, WEBHOOK_ID, PayPalSimulator
from dev.simulators.paypal.account import Capture
from tests.contract.paypal_lab import PayPalLab, top_up_of
from tests.support.clock import START, SettableClock

RETURN_URL = "https://shop.example.com/billing?tab=balance"
CAPTURE = FaultMatch(method="POST", path=r"/capture$")


@pytest.fixture(scope="module")
def paypal() -> Iterator[PayPalLab]:
    lab = PayPalLab()
    yield lab
    lab.close()


@pytest.fixture(autouse=True)
def calm(paypal: PayPalLab) -> Iterator[None]:
    yield
    paypal.clear_faults()


def created(paypal: PayPalLab, amount: Amount | None = None) -> tuple[TopUp, str]:
    top_up = top_up_of(paypal.now(), amount or Amount(30_000_000))
    return top_up, paypal.gateway.create(top_up, return_url=RETURN_URL).provider_id


def paid(paypal: PayPalLab) -> tuple[TopUp, str]:
    top_up, order_id = created(paypal)
    paypal.pay(top_up)
    return top_up, order_id


def control(paypal: PayPalLab, path: str, body: Any = None, method: str = "POST") -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = HttpRequest(paypal.simulator.control_url + path, content, method=method)
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def captures_of(paypal: PayPalLab, top_up: TopUp) -> int:
    return sum(item.custom_id == top_up.id for item in paypal.simulator.bank.account.captures.values())


class TestCapturing:
    @pytest.mark.guarantee("G01", "G02")
    def test_g01_an_approved_order_is_captured_by_the_fetch_and_once(self, paypal: PayPalLab) -> None:
        top_up, order_id = created(paypal)
        control(paypal, f"/orders/{top_up.id}/approve")
        assert captures_of(paypal, top_up) == 0
        states = [paypal.gateway.fetch(order_id) for _ in range(3)]
        assert captures_of(paypal, top_up) == 1
        assert {state.status for state in states} == {TopUpStatus.SETTLED}
        assert len({state.payments for state in states}) == 1

    @pytest.mark.guarantee("G01")
    def test_g01_fetches_at_the_same_time_capture_once(self, paypal: PayPalLab) -> None:
        top_up, order_id = created(paypal)
        control(paypal, f"/orders/{top_up.id}/approve")
        with ThreadPoolExecutor(8) as pool:
            states = list(pool.map(lambda _: paypal.gateway.fetch(order_id), range(8)))
        assert captures_of(paypal, top_up) == 1
        assert len({state.payments for state in states}) == 1

    @pytest.mark.guarantee("G01")
    @pytest.mark.parametrize("kind", ["drop_after_effect", "error_after_effect", "timeout_after_effect"])
    def test_g01_a_capture_whose_answer_was_lost_is_the_same_capture(self, paypal: PayPalLab, kind: str) -> None:
        top_up, order_id = created(paypal)
        control(paypal, f"/orders/{top_up.id}/approve")
        paypal.inject(kind, match=CAPTURE, delay_seconds=0.1)
        with pytest.raises(GatewayUnreachable):
            paypal.gateway.fetch(order_id)
        (payment,) = paypal.gateway.fetch(order_id).payments
        assert payment.amount == top_up.amount
        assert captures_of(paypal, top_up) == 1

    @pytest.mark.guarantee("G01")
    def test_g01_an_order_captured_by_another_process_is_read_again(self, paypal: PayPalLab) -> None:
        """The fetch and the capture are two exchanges; another process can capture between them."""
        top_up, order_id = created(paypal)
        control(paypal, f"/orders/{top_up.id}/approve")
        paypal.inject("slow", match=CAPTURE, delay_seconds=0.5)
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(paypal.gateway.fetch, order_id)
            while not any(fault.struck for fault in paypal.simulator.faults.list()):
                threading.Event().wait(0.01)
            # PayPal does not know the other process's request id, so our capture finds a captured order.
            paypal.simulator.bank.capture(paypal.simulator.bank.order(order_id))
            state = slow.result()
        assert (state.status, len(state.payments)) == (TopUpStatus.SETTLED, 1)

    def test_after_a_declined_source_another_one_is_a_new_attempt(self, paypal: PayPalLab) -> None:
        """PayPal repeats its answer to a request id, even if it was a refusal."""
        top_up, order_id = created(paypal)
        for _ in range(2):
            control(paypal, f"/orders/{top_up.id}/decline")
            assert paypal.gateway.fetch(order_id).status is TopUpStatus.AWAITING_PAYMENT
            assert paypal.gateway.fetch(order_id).failure
        control(paypal, f"/orders/{top_up.id}/approve")
        state = paypal.gateway.fetch(order_id)
        assert (state.status, state.failure) == (TopUpStatus.SETTLED, "")

    @pytest.mark.parametrize("issue", ["PAYER_CANNOT_PAY", "TRANSACTION_REFUSED", "COMPLIANCE_VIOLATION"])
    def test_a_final_refusal_is_a_failure_told_to_the_customer(self, paypal: PayPalLab, issue: str) -> None:
        top_up, order_id = created(paypal)
        control(paypal, f"/orders/{top_up.id}/approve", {"refusal": issue})
        state = paypal.gateway.fetch(order_id)
        assert (state.status, state.payments) == (TopUpStatus.FAILED, ())
        assert state.failure.endswith(".")

    def test_a_refusal_that_concerns_our_account_is_for_staff(self, paypal: PayPalLab) -> None:
        """It is not `GatewayRefused`, which would mean that the order does not exist."""
        top_up, order_id = created(paypal)
        control(paypal, f"/orders/{top_up.id}/approve", {"refusal": "PAYEE_ACCOUNT_RESTRICTED"})
        with pytest.raises(GatewayError, match="PAYEE_ACCOUNT_RESTRICTED") as error:
            paypal.gateway.fetch(order_id)
        assert not isinstance(error.value, GatewayRefused)

    def test_a_capture_that_is_denied_in_the_end_has_failed(self, paypal: PayPalLab) -> None:
        top_up, order_id = created(paypal)
        paypal.begin_paying(top_up)
        assert paypal.gateway.fetch(order_id).status is TopUpStatus.PROCESSING
        control(paypal, f"/captures/{top_up.id}/deny")
        state = paypal.gateway.fetch(order_id)
        assert (state.status, state.payments) == (TopUpStatus.FAILED, ())

    @pytest.mark.guarantee("G01")
    def test_g01_a_second_order_of_one_top_up_takes_no_money(self, paypal: PayPalLab) -> None:
        """PayPal has forgotten the request id of the first order, and both orders are approved."""
        top_up, first = created(paypal)
        del paypal.simulator.bank.account.remembered[f"create:{top_up.id}"]
        second = paypal.gateway.create(top_up, return_url=RETURN_URL).provider_id
        for order_id in (first, second):
            control(paypal, f"/orders/{order_id}/approve")
        assert paypal.gateway.fetch(first).status is TopUpStatus.SETTLED
        state = paypal.gateway.fetch(second)
        assert (state.status, state.payments, state.flags) == (
            TopUpStatus.FAILED,
            (),
            frozenset({Flag.MANUAL_REVIEW}),
        )
        assert captures_of(paypal, top_up) == 1

    @pytest.mark.parametrize("path", ["expire", "approve"])
    def test_an_order_whose_time_is_over_is_not_there_any_more(self, paypal: PayPalLab, path: str) -> None:
        top_up, order_id = created(paypal)
        control(paypal, f"/orders/{top_up.id}/{path}")
        control(paypal, f"/orders/{top_up.id}/expire")
        with pytest.raises(GatewayRefused, match="INVALID_RESOURCE_ID"):
            paypal.gateway.fetch(order_id)

    @pytest.mark.parametrize("amount", [Amount(1_500_000_000, "JPY"), Amount(12_340_000, "GBP")])
    def test_every_currency_has_its_own_decimals(self, paypal: PayPalLab, amount: Amount) -> None:
        top_up, order_id = created(paypal, amount)
        paypal.pay(top_up)
        assert [payment.amount for payment in paypal.gateway.fetch(order_id).payments] == [amount]

    def test_what_paypal_does_not_take_is_not_asked_for(self, paypal: PayPalLab) -> None:
        before = len(paypal.simulator.requests)
        with pytest.raises(GatewayRefused) as refused:
            created(paypal, Amount(50_000_000, "AED"))
        assert refused.value.sentence == "PayPal does not take AED."
        assert len(paypal.simulator.requests) == before


class TestToken:
    def test_one_token_serves_many_calls(self, paypal: PayPalLab) -> None:
        gateway = paypal.gateway
        before = tokens_asked_for(paypal)
        top_up = paypal.top_up()
        order_id = gateway.create(top_up, return_url=RETURN_URL).provider_id
        for _ in range(5):
            gateway.fetch(order_id)
        assert tokens_asked_for(paypal) == before + 1

    def test_one_that_paypal_has_revoked_is_replaced_within_the_call(self, paypal: PayPalLab) -> None:
        gateway = paypal.gateway
        top_up = paypal.top_up()
        order_id = gateway.create(top_up, return_url=RETURN_URL).provider_id
        control(paypal, "/tokens/expire")
        assert gateway.fetch(order_id).reference == top_up.id

    def test_a_token_is_not_used_to_its_last_second(self) -> None:
        clock = SettableClock()
        with PayPalSimulator(clock=clock) as simulator:
            gateway = gateway_on(simulator, clock)
            order_id = gateway.create(top_up_at(clock), return_url=RETURN_URL).provider_id
            clock.advance(32_400 - 61)
            with pytest.raises(GatewayRefused):  # after nine hours PayPal has forgotten the order
                gateway.fetch(order_id)
            assert sum(item["path"] == "/v1/oauth2/token" for item in simulator.requests) == 1
            clock.advance(2)
            with pytest.raises(GatewayRefused):
                gateway.fetch(order_id)
            assert [item["status"] for item in simulator.requests].count(401) == 0
            assert sum(item["path"] == "/v1/oauth2/token" for item in simulator.requests) == 2

    @pytest.mark.guarantee("G46")
    def test_g46_wrong_credentials_are_an_error_without_them(self, paypal: PayPalLab) -> None:
        gateway = gateway_on(paypal.simulator, SettableClock(), client_secret="wrong-secret")
        with pytest.raises(GatewayError, match="invalid_client") as error:
            gateway.fetch("5O190127TN364715T")
        assert not isinstance(error.value, GatewayRefused | GatewayUnreachable | GatewayBusy)
        assert "wrong-secret" not in str(error.value)

    @pytest.mark.guarantee("G46")
    def test_g46_the_simulators_own_log_has_no_secret(self, paypal: PayPalLab) -> None:
        paid(paypal)
        requests = control(paypal, "/requests", method="GET")["requests"]
        told = json.dumps(requests)
        assert CLIENT_SECRET not in told
        assert {item["body"] for item in requests if item["path"] == "/v1/oauth2/token"} == {""}
        assert not any(token in told for token in paypal.simulator.bank.account.tokens)


@pytest.mark.guarantee("G09")
class TestMoneyBack:
    def test_g09_a_refund_is_recognised_after_paypal_has_forgotten_its_request(self, paypal: PayPalLab) -> None:
        top_up, order_id = paid(paypal)
        first = paypal.gateway.refund(order_id, Amount(10_000_000), f"rfd-{top_up.id}")
        del paypal.simulator.bank.account.remembered[f"refund:rfd-{top_up.id}"]
        assert paypal.gateway.refund(order_id, Amount(10_000_000), f"rfd-{top_up.id}") == first

    def test_g09_one_that_waits_is_pending_until_it_is_done_or_fails(self, paypal: PayPalLab) -> None:
        top_up, order_id = paid(paypal)
        control(paypal, "/refund-policy", {"pending": True}, method="PUT")
        try:
            refunds = [paypal.gateway.refund(order_id, Amount(1_000_000), f"{n}-{top_up.id}") for n in range(2)]
        finally:
            control(paypal, "/refund-policy", {"pending": False}, method="PUT")
        assert {refund.status for refund in refunds} == {RefundStatus.PENDING}
        control(paypal, f"/refunds/{refunds[0].id}/complete")
        control(paypal, f"/refunds/{refunds[1].id}/fail")
        found = {refund.id: refund.status for refund in paypal.gateway.fetch(order_id).refunds}
        assert found == {refunds[0].id: RefundStatus.DONE, refunds[1].id: RefundStatus.FAILED}

    def test_g09_one_by_the_accounts_owner_counts_and_has_no_key(self, paypal: PayPalLab) -> None:
        top_up, order_id = paid(paypal)
        control(paypal, f"/captures/{top_up.id}/refund", {"amount": "7.50"})
        (refund,) = paypal.gateway.fetch(order_id).refunds
        assert (refund.amount, refund.status, refund.key) == (Amount(7_500_000), RefundStatus.DONE, "")

    def test_g09_its_webhooks_lead_to_the_top_up(self, paypal: PayPalLab) -> None:
        top_up, order_id = paid(paypal)
        paypal.gateway.refund(order_id, Amount(10_000_000), f"rfd-{top_up.id}")
        notice = last_notice(paypal, top_up)
        assert (notice.kind, notice.reference) == ("PAYMENT.CAPTURE.REFUNDED", top_up.id)
        assert paypal.gateway.fetch(notice.provider_id or "").provider_id == order_id

    def test_g09_what_is_disputed_is_not_refunded_before_it_is_decided(self, paypal: PayPalLab) -> None:
        top_up, order_id = paid(paypal)
        dispute_id = paypal.dispute(top_up)
        with pytest.raises(GatewayRefused) as refused:
            paypal.gateway.refund(order_id, Amount(10_000_000), f"rfd-{top_up.id}")
        assert "disputed" in refused.value.sentence
        paypal.rule(dispute_id, won=True)
        assert paypal.gateway.refund(order_id, Amount(10_000_000), f"rfd-{top_up.id}").status is RefundStatus.DONE

    def test_g09_what_paypal_takes_back_for_a_dispute_is_told_once(self, paypal: PayPalLab) -> None:
        top_up, order_id = paid(paypal)
        paypal.gateway.refund(order_id, Amount(10_000_000), f"rfd-{top_up.id}")
        dispute_id = control(paypal, f"/captures/{top_up.id}/dispute", {"amount": "15.00"})["id"]
        assert [item.amount for item in paypal.gateway.fetch(order_id).disputes] == [Amount(15_000_000)]
        control(paypal, f"/disputes/{dispute_id}/lose", {"amount": "12.00"})
        assert len(paypal.simulator.bank.account.refunds_of(capture_of(paypal, top_up))) == 2
        state = paypal.gateway.fetch(order_id)
        assert [(item.amount, item.status) for item in state.disputes] == [
            (Amount(12_000_000), DisputeStatus.LOST)
        ]
        assert [item.key for item in state.refunds] == [f"rfd-{top_up.id}"]

    def test_g09_a_withdrawn_complaint_is_won(self, paypal: PayPalLab) -> None:
        top_up, order_id = paid(paypal)
        control(paypal, f"/disputes/{paypal.dispute(top_up)}/withdraw")
        assert [item.status for item in paypal.gateway.fetch(order_id).disputes] == [DisputeStatus.WON]

    def test_g09_two_disputes_of_one_payment_are_two(self, paypal: PayPalLab) -> None:
        top_up, order_id = paid(paypal)
        for won in (True, False):
            paypal.rule(paypal.dispute(top_up), won=won)
        found = sorted(item.status for item in paypal.gateway.fetch(order_id).disputes)
        assert found == [DisputeStatus.LOST, DisputeStatus.WON]


class TestStatement:
    def test_a_payment_is_found_by_our_id_even_without_its_order(self, paypal: PayPalLab) -> None:
        top_up, order_id = paid(paypal)
        found = paypal.gateway.find(top_up)
        assert found is not None
        assert (found.provider_id, found.status) == (order_id, TopUpStatus.SETTLED)

    def test_months_and_pages_are_listed_whole_and_money_back_is_not(self) -> None:
        clock = SettableClock()
        with PayPalSimulator(clock=clock) as simulator:
            gateway = gateway_on(simulator, clock)
            made = [pay_at(simulator, gateway, clock) for _ in range(3)]
            gateway.refund(made[0].provider_id, Amount(1_000_000), "rfd_1")
            for name in list(simulator.bank.account.captures):  # enough for a second page
                original = simulator.bank.account.captures[name]
                for number in range(200):
                    copy = original.model_copy(update={"id": f"{name}{number}", "custom_id": ""})
                    simulator.bank.account.captures[copy.id] = copy
            clock.advance(45 * 86_400)
            made.append(pay_at(simulator, gateway, clock))
            listed = list(gateway.settled(later(START, -1), later(clock.now(), 1)))
        assert len(listed) == 3 * 201 + 1
        assert {state.reference for state in listed} == {state.reference for state in made} | {None}
        assert sum(state.payments == made[0].payments for state in listed) == 1
        assert all(payment.amount.micros > 0 for state in listed for payment in state.payments)


class TestWebhooksOnTheirWay:
    """Webhooks sent over HTTP to a receiver that verifies them, with each fault of the outbox."""

    @pytest.fixture
    def receiver(self, paypal: PayPalLab) -> Iterator[list[Notice | None]]:
        taken: list[Notice | None] = []
        gateway = paypal.gateway

        def answer(request: Request) -> Response:
            try:
                taken.append(gateway.verify(request.body, request.headers, paypal.now()))
            except InvalidSignature:
                taken.append(None)
                return Response(400)
            return Response(200)

        server = LoopbackServer(answer)
        server.start()
        control(paypal, "/webhooks/url", {"url": f"{server.base_url}/v1/webhooks/paypal"}, method="PUT")
        yield taken
        control(paypal, "/webhooks/url", {"url": ""}, method="PUT")
        server.stop()

    @pytest.mark.guarantee("G40")
    @pytest.mark.parametrize(
        ("fault", "kinds"),
        [
            ("", ["APPROVED", "COMPLETED", "CAPTURE"]),
            ("webhook_duplicate", ["APPROVED", "APPROVED", "COMPLETED", "CAPTURE"]),
            ("webhook_reordered", ["COMPLETED", "APPROVED", "CAPTURE"]),
            ("webhook_lost", ["COMPLETED", "CAPTURE"]),
            ("webhook_forged", ["", "COMPLETED", "CAPTURE"]),
        ],
    )
    def test_g40_only_the_genuine_are_taken(
        self, paypal: PayPalLab, receiver: list[Notice | None], fault: str, kinds: Sequence[str]
    ) -> None:
        if fault:
            paypal.inject(fault, match=FaultMatch(name=r"ORDER\.APPROVED"))
        top_up, order_id = created(paypal)
        paypal.pay(top_up)
        assert paypal.simulator.outbox.wait_until_sent()
        names = {
            "CHECKOUT.ORDER.APPROVED": "APPROVED",
            "CHECKOUT.ORDER.COMPLETED": "COMPLETED",
            "PAYMENT.CAPTURE.COMPLETED": "CAPTURE",
        }
        assert [names[notice.kind] if notice else "" for notice in receiver] == list(kinds)
        assert {notice.provider_id for notice in receiver if notice} == {order_id}

    @pytest.mark.guarantee("G40")
    def test_g40_a_hundred_replays_are_one_event(self, paypal: PayPalLab, receiver: list[Notice | None]) -> None:
        created(paypal)
        paid(paypal)
        assert paypal.simulator.outbox.wait_until_sent()
        event = paypal.simulator.outbox.history[-1]
        receiver.clear()
        control(paypal, f"/webhooks/{event.id}/deliver", {"times": 100})
        assert paypal.simulator.outbox.wait_until_sent(30)
        assert {notice.event_id for notice in receiver if notice} == {event.id}
        assert len(receiver) == 100


class TestSimulator:
    def test_a_developer_pays_on_the_page_and_is_led_back(self, paypal: PayPalLab) -> None:
        top_up = paypal.top_up()
        checkout = paypal.gateway.create(top_up, return_url=RETURN_URL)
        assert checkout.redirect_url
        with urlopen(checkout.redirect_url, timeout=10) as page:
            assert "30.00 USD" in page.read().decode()
        led_to = pressed(paypal, "approve", checkout.provider_id)
        assert led_to == f"{RETURN_URL}&token={checkout.provider_id}&PayerID=SIMULATEDPAYER"
        assert paypal.gateway.fetch(checkout.provider_id).status is TopUpStatus.SETTLED

    @pytest.mark.parametrize(("button", "has_failure"), [("decline", True), ("cancel", False)])
    def test_the_other_buttons_leave_it_unpaid(self, paypal: PayPalLab, button: str, has_failure: bool) -> None:
        _, order_id = created(paypal)
        assert pressed(paypal, button, order_id).startswith(RETURN_URL)
        state = paypal.gateway.fetch(order_id)
        assert (state.status, bool(state.failure)) == (TopUpStatus.AWAITING_PAYMENT, has_failure)

    def test_its_state_outlives_the_process(self, tmp_path: Path) -> None:
        clock, path = SettableClock(), tmp_path / "paypal.json"
        with PayPalSimulator(clock=clock, state_path=path) as first:
            state = pay_at(first, gateway_on(first, clock), clock)
        with PayPalSimulator(clock=clock, state_path=path) as second:
            assert gateway_on(second, clock).fetch(state.provider_id) == state

    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("POST", "/orders/nobody/approve", None, 404),
            ("POST", "/captures/nobody/dispute", None, 404),
            ("POST", "/disputes/nobody/win", None, 404),
            ("POST", "/clock", {"advance_seconds": -1}, 400),
            ("POST", "/faults", {"kind": "earthquake"}, 400),
            ("POST", "/nothing", None, 404),
        ],
    )
    def test_commands_that_cannot_be_carried_out_are_refused(
        self, paypal: PayPalLab, method: str, path: str, body: Any, status: int
    ) -> None:
        with pytest.raises(HTTPError) as refused:
            control(paypal, path, body, method)
        assert refused.value.code == status

    def test_it_can_be_emptied(self) -> None:
        clock = SettableClock()
        with PayPalSimulator(clock=clock) as simulator:
            gateway = gateway_on(simulator, clock)
            state = pay_at(simulator, gateway, clock)
            simulator.inject("rate_limit")
            request = HttpRequest(f"{simulator.control_url}/reset", method="POST")
            with urlopen(request, timeout=10) as answer:
                assert answer.status == 204
            with pytest.raises(GatewayRefused):
                gateway.fetch(state.provider_id)


def tokens_asked_for(paypal: PayPalLab) -> int:
    return sum(item["path"] == "/v1/oauth2/token" for item in paypal.simulator.requests)


def capture_of(paypal: PayPalLab, top_up: TopUp) -> Capture:
    return paypal.simulator.bank.account.capture_named(top_up.id)


def last_notice(paypal: PayPalLab, top_up: TopUp) -> Notice:
    sent = paypal.deliveries(top_up)[-1]
    return paypal.gateway.verify(sent.raw_body, sent.headers, paypal.now())


def gateway_on(simulator: PayPalSimulator, clock: SettableClock, **more: Any) -> PayPalGateway:
    section = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "webhook_ids": [WEBHOOK_ID],
        "api_base": simulator.base_url,
    }
    return PayPalGateway(PayPalConfig.model_validate(section | more), clock)


def top_up_at(clock: SettableClock) -> TopUp:
    return top_up_of(clock.now(), Amount(30_000_000))


def pay_at(simulator: PayPalSimulator, gateway: PayPalGateway, clock: SettableClock) -> PaymentState:
    order_id = gateway.create(top_up_at(clock), return_url=RETURN_URL).provider_id
    clock.advance(timedelta(minutes=1).total_seconds())
    simulator.bank.approve(simulator.bank.order(order_id))
    return gateway.fetch(order_id)


def pressed(paypal: PayPalLab, button: str, order_id: str) -> str:
    """The address to which a button of the payer's page leads."""
    connection = HTTPConnection(urlsplit(paypal.simulator.base_url).netloc, timeout=10)
    try:
        connection.request("POST", f"/checkoutnow/{button}?token={order_id}")
        answer = connection.getresponse()
        assert answer.status == 303
        return answer.headers["Location"]
    finally:
        connection.close()
