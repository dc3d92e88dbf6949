"""The simulated Stripe as one object: for tests in their process, for developers in its own."""

import hashlib
import hmac
import json
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from dev.simulators.faults import Fault, FaultBoard, FaultMatch, RequestFault
from dev.simulators.http import Disconnect, Json, LoopbackServer, Request, Response
from dev.simulators.stripe import control
from dev.simulators.stripe.account import WEBHOOK_SECRET, Account, State, load_state, save_state
from dev.simulators.stripe.backend import Backend
from dev.simulators.stripe.cards import GOOD_CARD
from dev.simulators.stripe.customers import SEARCH_LAG
from dev.simulators.stripe.door import Door
from dev.simulators.stripe.wire import event
from dev.simulators.webhooks import Outbox, Webhook, WebhookFault

SAVE_INTERVAL_SECONDS: Final = 3.0


def sign(body: bytes, secret: str = WEBHOOK_SECRET, timestamp: int | None = None) -> dict[str, str]:
    """Stripe's signature over a body, made now or at `timestamp`."""
    at = int(time.time()) if timestamp is None else timestamp
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={signature}"}


class StripeSimulator:
    """One Stripe account on one loopback port.

    As a context manager it starts and stops itself:

        with StripeSimulator() as simulator:
            StripeClient(SECRET_KEY, base_addresses={"api": simulator.base_url})
    """

    def __init__(self, *, port: int = 0, state_path: Path | None = None, webhook_url: str = "") -> None:
        """Make it ready to start.

        Args:
            port: where to listen; 0 takes a free port.
            state_path: the file in which the state outlives the process, beside localstripe's; by default none.
            webhook_url: where webhooks go; by default where they went before, or nowhere.
        """
        self._state_path = state_path
        self._server = LoopbackServer(self._answer, port)
        self.base_url = self._server.base_url
        self.faults = FaultBoard([*RequestFault, *WebhookFault, SEARCH_LAG])
        state = load_state(state_path) if state_path else State()
        state.webhook_url = webhook_url or state.webhook_url
        self.outbox = Outbox("stripe", sign, self.faults, state.webhook_url)
        backend = Backend(state_path.with_name(f"{state_path.name}.localstripe") if state_path else None)
        self.account = Account(backend, state, self._emit, self.base_url)
        self.door = Door(self.account, self.faults)
        self._control = control.Control(self.account, self.door, self.faults, self.outbox)
        self._saver = threading.Thread(target=self._save_now_and_then, name="stripe-state", daemon=True)

    @property
    def control_url(self) -> str:
        """The control API's address."""
        return f"{self.base_url}{control.PREFIX}"

    def start(self) -> str:
        """Serve from background threads; gives the base URL."""
        self.account.backend.start()
        self._server.start()
        self.outbox.start()
        if self._state_path:
            self._saver.start()
        return self.base_url

    def stop(self) -> None:
        """Stop serving, cut off answers that are being held back, and save the state."""
        self.door.stopping.set()
        self._server.stop()
        self.outbox.stop()
        self.account.backend.stop()
        self._save()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def inject(self, kind: str, match: FaultMatch | None = None, **options: int | float | None) -> Fault:
        """Put a fault on the board; `options` are the other fields of `Fault`."""
        return self.faults.add(Fault.model_validate({"kind": kind, "match": match or FaultMatch(), **options}))

    def pay(self, payment: str, card: str = GOOD_CARD) -> None:
        """The payer enters a card for a payment intent or a Checkout Session.

        Raises:
            Refusal: the card was declined, or there is nothing left to pay.
        """
        with self.door.lock:
            self._control.pay(payment, card)

    def intent_id(self, payment: str) -> str:
        """The payment intent of a payment, which may be named by its session."""
        with self.door.lock:
            return self._control.intent_id(payment)

    def _answer(self, request: Request) -> Response | Disconnect:
        if request.path.startswith(f"{control.PREFIX}/"):
            return self._control.answer(request)
        if request.path.startswith("/c/pay/"):
            return _page(request.path.removeprefix("/c/pay/"))
        return self.door.answer(request)

    def _emit(self, kind: str, about: Json) -> None:
        made = event(kind, about)
        self.outbox.post(Webhook(made["id"], kind, json.dumps(made)))

    def _save_now_and_then(self) -> None:
        while not self.door.stopping.wait(SAVE_INTERVAL_SECONDS):
            self._save()

    def _save(self) -> None:
        if self._state_path is None:
            return
        with self.door.lock:
            text = self.account.state.model_dump_json()
        save_state(self._state_path, text)


def _page(session_id: str) -> Response:
    """The hosted page: two buttons."""
    if not session_id.replace("_", "").isalnum():
        return Response(404, "<h1>Not found</h1>")
    buttons = "".join(
        f"<button onclick=\"fetch('{control.PREFIX}/payments/{session_id}/{action}',{{method:'POST'}})"
        f'.then(answer=>answer.text()).then(text=>document.title=text)">{action}</button>'
        for action in ("pay", "decline")
    )
    return Response(200, f"<!doctype html><title>Simulated Stripe</title><h1>Pay {session_id}</h1>{buttons}")
