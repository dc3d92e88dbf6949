"""`/_control`: the payer, the payer's bank, Stripe's own people, and faults."""

import re
from collections.abc import Callable
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dev.simulators.faults import Fault, FaultBoard
from dev.simulators.http import Json, Request, Response
from dev.simulators.stripe.account import Account
from dev.simulators.stripe.cards import DECLINED_CARD, GOOD_CARD
from dev.simulators.stripe.door import Door
from dev.simulators.stripe.wire import Refusal
from dev.simulators.webhooks import Outbox

PREFIX: Final = "/_control"
Answered = dict[str, Json]


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


CommandT = TypeVar("CommandT", bound=_Command)


class Card(_Command):
    """A card that is entered."""

    card: str = Field(default=GOOD_CARD, pattern=r"^\d{16}$")


class Authentication(_Command):
    """What the payer's bank says."""

    success: bool = True


class Opening(_Command):
    """A dispute, or an inquiry before one."""

    amount: int | None = Field(default=None, gt=0)
    status: Literal["needs_response", "warning_needs_response"] = "needs_response"


class Ruling(_Command):
    """How a dispute stands."""

    status: Literal[
        "under_review", "won", "lost", "warning_under_review", "warning_closed", "prevented", "appeal_under_review"
    ]


class RefundByStaff(_Command):
    """A refund that somebody makes in Stripe's dashboard."""

    amount: int | None = Field(default=None, gt=0)


class RefundRuling(_Command):
    """What became of a refund."""

    status: Literal["pending", "succeeded", "failed", "canceled"]


class Delivery(_Command):
    """An event to send again."""

    times: int = Field(default=1, ge=1, le=100)
    forged: bool = False


class WebhookTarget(_Command):
    """Where webhooks go from now on; empty: nowhere."""

    url: str


class Control:
    """Answers the control API. Payments are named by their payment intent, or by their Checkout Session."""

    def __init__(self, account: Account, door: Door, faults: FaultBoard, outbox: Outbox) -> None:
        self._account = account
        self._door = door
        self._faults = faults
        self._outbox = outbox
        self._routes: list[tuple[str, re.Pattern[str], Callable[[Request, str], Answered]]] = [
            ("GET", re.compile("/health"), lambda request, item: {"status": "ok"}),
            ("GET", re.compile("/state"), self._state),
            ("POST", re.compile("/reset"), self._reset),
            ("GET", re.compile("/requests"), lambda request, item: {"requests": list(door.requests)}),
            ("POST", re.compile("/faults"), self._add_fault),
            ("GET", re.compile("/faults"), self._list_faults),
            ("DELETE", re.compile("/faults"), self._clear_faults),
            ("POST", re.compile(r"/payments/(\w+)/pay"), self._pay),
            ("POST", re.compile(r"/payments/(\w+)/decline"), self._decline),
            ("POST", re.compile(r"/payments/(\w+)/authenticate"), self._authenticate),
            ("POST", re.compile(r"/payments/(\w+)/dispute"), self._dispute),
            ("POST", re.compile(r"/payments/(\w+)/refund"), self._refund),
            ("POST", re.compile(r"/sessions/(\w+)/expire"), self._expire),
            ("POST", re.compile(r"/setups/(\w+)/save"), self._save),
            ("POST", re.compile(r"/disputes/(\w+)"), self._rule),
            ("POST", re.compile(r"/refunds/(\w+)"), self._rule_refund),
            ("PUT", re.compile("/webhooks"), self._set_target),
            ("GET", re.compile("/webhooks"), self._webhooks),
            ("POST", re.compile("/webhooks/flush"), self._flush),
            ("POST", re.compile(r"/webhooks/(\w+)/deliver"), self._deliver),
        ]

    def answer(self, request: Request) -> Response:
        """Carry a command out."""
        path = request.path.removeprefix(PREFIX).rstrip("/")
        for method, pattern, handler in self._routes:
            if method == request.method and (found := pattern.fullmatch(path)):
                try:
                    with self._door.lock:
                        return Response(200, handler(request, found.group(1) if found.groups() else ""))
                except (ValidationError, ValueError) as error:
                    return Response(400, {"error": str(error)})
                except Refusal as refusal:
                    return refusal.response
        return Response(404, {"error": f"no such command: {request.method} {request.path}"})

    def intent_id(self, payment: str) -> str:
        """The payment intent of a payment.

        Raises:
            Refusal: it is a session that nobody has paid yet.
        """
        if not payment.startswith("cs_"):
            return payment
        intent = self._door.sessions.get(payment)["payment_intent"]
        if intent is None:
            raise Refusal(400, f"{payment} has no payment intent yet.")
        return str(intent)

    def pay(self, payment: str, card: str) -> Answered:
        """Enter a card for a payment intent or a session."""
        if payment.startswith("cs_"):
            return self._door.sessions.pay(payment, card)
        return self._door.cards.pay(payment, card)

    # The payer

    def _pay(self, request: Request, payment: str) -> Answered:
        return self.pay(payment, _read(Card, request).card)

    def _decline(self, request: Request, payment: str) -> Answered:
        try:
            return self.pay(payment, DECLINED_CARD)
        except Refusal as refusal:
            return {"declined": refusal.error["message"]}

    def _authenticate(self, request: Request, payment: str) -> Answered:
        wanted = _read(Authentication, request)
        return self._door.cards.authenticate(self.intent_id(payment), success=wanted.success)

    def _save(self, request: Request, setup: str) -> Answered:
        return self._door.cards.save(setup, _read(Card, request).card)

    def _dispute(self, request: Request, payment: str) -> Answered:
        wanted = _read(Opening, request)
        return self._door.money_back.dispute(self.intent_id(payment), wanted.amount, wanted.status)

    # Banks and Stripe's people

    def _rule(self, request: Request, dispute: str) -> Answered:
        return self._door.money_back.set_dispute(dispute, _read(Ruling, request).status)

    def _rule_refund(self, request: Request, refund: str) -> Answered:
        return self._door.money_back.set_refund(refund, _read(RefundRuling, request).status)

    def _refund(self, request: Request, payment: str) -> Answered:
        amount = _read(RefundByStaff, request).amount
        params = {"payment_intent": self.intent_id(payment)} | ({"amount": str(amount)} if amount else {})
        return self._door.money_back.refund(params)

    def _expire(self, request: Request, session: str) -> Answered:
        return self._door.sessions.expire(session)

    # The simulator itself

    def _state(self, request: Request, item: str) -> Answered:
        return {
            "payments": self._door.cards.list_intents({"limit": "100"})["data"],
            "sessions": list(self._account.state.sessions.values()),
            "disputes": list(self._account.state.disputes.values()),
        }

    def _reset(self, request: Request, item: str) -> Answered:
        self._account.backend.erase()
        for kept in ("extras", "sessions", "disputes", "answers"):
            getattr(self._account.state, kept).clear()
        self._faults.clear()
        self._door.requests.clear()
        return {}

    def _add_fault(self, request: Request, item: str) -> Answered:
        return self._faults.add(Fault.model_validate(request.json())).model_dump()

    def _list_faults(self, request: Request, item: str) -> Answered:
        return {"faults": [fault.model_dump() for fault in self._faults.list()]}

    def _clear_faults(self, request: Request, item: str) -> Answered:
        self._faults.clear()
        return {}

    def _set_target(self, request: Request, item: str) -> Answered:
        self._outbox.url = self._account.state.webhook_url = _read(WebhookTarget, request).url
        return {"url": self._outbox.url}

    def _webhooks(self, request: Request, item: str) -> Answered:
        return {"url": self._outbox.url, "webhooks": [webhook.summary() for webhook in self._outbox.history]}

    def _flush(self, request: Request, item: str) -> Answered:
        self._outbox.flush()
        return {}

    def _deliver(self, request: Request, event: str) -> Answered:
        wanted = _read(Delivery, request)
        if not self._outbox.deliver(event, times=wanted.times, forged=wanted.forged):
            raise Refusal(404, f"no event {event}")
        return {"event": event, "times": wanted.times}


def _read(kind: type[CommandT], request: Request) -> CommandT:
    return kind.model_validate(request.json() if request.body else {})
