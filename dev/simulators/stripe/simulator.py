"""The simulated Stripe as one object: tests run it in their process, developers as a separate one."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from dev.simulators.control import PREFIX, Route
from dev.simulators.http import Disconnect, Json, Request, Response
from dev.simulators.simulator import PaymentSimulator
from dev.simulators.stripe import control, router
from dev.simulators.stripe.account import WEBHOOK_SECRET, Account, State
from dev.simulators.stripe.backend import Backend
from dev.simulators.stripe.cards import GOOD_CARD
from dev.simulators.stripe.customers import SEARCH_LAG
from dev.simulators.stripe.wire import Refusal, event, new_id
from dev.simulators.webhooks import Webhook


def sign(body: bytes, secret: str = WEBHOOK_SECRET, timestamp: int | None = None) -> dict[str, str]:
    """The header with Stripe's signature over `body`, made now or at `timestamp`."""
    at = int(time.time()) if timestamp is None else timestamp
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={signature}"}


class StripeSimulator(PaymentSimulator):
    """One Stripe account on one loopback port.

    As a context manager it starts and stops itself:

        with StripeSimulator() as simulator:
            StripeClient(SECRET_KEY, base_addresses={"api": simulator.base_url})
    """

    def __init__(self, *, port: int = 0, state_path: Path | None = None, webhook_url: str = "") -> None:
        """Prepare the simulator; `start` starts it.

        Args:
            port: the port to listen on; 0 takes a free port.
            state_path: the file in which the state outlives the process, next to localstripe's; by default none.
            webhook_url: the URL that webhooks are sent to; by default the saved one, or none.
        """
        super().__init__("stripe", {SEARCH_LAG}, port=port, state_path=state_path)
        state = self._file.load(State) or State()
        self.outbox.url = webhook_url or state.webhook_url
        backend = Backend(state_path.with_name(f"{state_path.name}.localstripe") if state_path else None)
        self.account = Account(backend, state, self._emit, self.base_url)
        self.router = router.Router(self.account, self.faults)

    def start(self) -> str:
        """Start localstripe, then serve from background threads; return the base URL."""
        self.account.backend.start()
        return super().start()

    def stop(self) -> None:
        """Stop serving, save the state, and stop localstripe."""
        super().stop()
        self.account.backend.stop()

    def routes(self) -> Iterable[Route]:
        """The commands of payers, their banks and Stripe's staff."""
        return control.routes(self)

    def answer(self, request: Request) -> Response | Disconnect:
        """Answer a request to the API, or show the hosted page."""
        if request.path.startswith("/c/pay/"):
            return _page(request.path.removeprefix("/c/pay/"))
        answer = super().answer(request)
        if isinstance(answer, Response):
            answer.headers.setdefault("Request-Id", new_id("req"))
        return answer

    def serve(self, request: Request) -> Response:
        """Answer a request to the API."""
        return self.router.answer(request)

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """An injected error in Stripe's format."""
        return router.refuse(status, headers)

    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that sign a webhook."""
        return sign(body)

    def note(self, request: Request) -> Mapping[str, Json]:
        """The body, the idempotency key and the API version."""
        return {
            **super().note(request),
            "idempotency_key": request.headers.get("idempotency-key"),
            "version": request.headers.get("stripe-version"),
        }

    def snapshot(self) -> str:
        """The front's state as JSON; localstripe saves its own."""
        self.account.state.webhook_url = self.outbox.url
        return self.account.state.model_dump_json()

    def show(self) -> Json:
        """Payments, sessions and disputes."""
        return {
            "payments": self.router.cards.list_intents({"limit": "100"})["data"],
            "sessions": list(self.account.state.sessions.values()),
            "disputes": list(self.account.state.disputes.values()),
        }

    def forget(self) -> None:
        """Empty the account; the URL of webhooks stays."""
        self.account.backend.erase()
        for kept in ("extras", "sessions", "disputes", "answers"):
            getattr(self.account.state, kept).clear()

    def pay(self, payment: str, card: str = GOOD_CARD) -> dict[str, Json]:
        """The payer enters a card for a payment intent or a Checkout Session.

        Raises:
            Refusal: the card was declined, or there is nothing left to pay.
        """
        with self.lock:
            if payment.startswith("cs_"):
                return self.router.sessions.pay(payment, card)
            return self.router.cards.pay(payment, card)

    def intent_id(self, payment: str) -> str:
        """The payment intent of a payment, which may be named by its session.

        Raises:
            Refusal: the session is not paid yet.
        """
        if not payment.startswith("cs_"):
            return payment
        with self.lock:
            intent = self.router.sessions.get(payment)["payment_intent"]
        if intent is None:
            raise Refusal(400, f"{payment} has no payment intent yet.")
        return str(intent)

    def _emit(self, kind: str, about: Json) -> None:
        made = event(kind, about)
        self.outbox.post(Webhook(made["id"], kind, json.dumps(made)))


def _page(session_id: str) -> Response:
    """The hosted page, with two buttons."""
    if not session_id.replace("_", "").isalnum():
        return Response(404, "<h1>Not found</h1>")
    buttons = "".join(
        f"<button onclick=\"fetch('{PREFIX}/payments/{session_id}/{action}',{{method:'POST'}})"
        f'.then(answer=>answer.text()).then(text=>document.title=text)">{action}</button>'
        for action in ("pay", "decline")
    )
    return Response(200, f"<!doctype html><title>Simulated Stripe</title><h1>Pay {session_id}</h1>{buttons}")
