"""Control commands for the payer, the payer's bank and Stripe's staff, besides those of every simulator.

| request | does |
|---|---|
| `POST /_control/payments/{}/pay` | enters a card: `{"card": "4242424242424242"}` |
| `POST /_control/payments/{}/decline` | enters a card that is declined |
| `POST /_control/payments/{}/authenticate` | the payer's bank approves or refuses: `{"success": true}` |
| `POST /_control/payments/{}/dispute` | the payer's bank disputes, or inquires: see `Opening` |
| `POST /_control/payments/{}/refund` | refunds in Stripe's dashboard: `{"amount": 500}` |
| `POST /_control/sessions/{}/expire` | closes a hosted page unpaid |
| `POST /_control/setups/{}/save` | saves a card |
| `POST /_control/disputes/{}`, `…/refunds/{}` | sets the status: see `Ruling`, `RefundRuling` |

Payments are named by their payment intent, or by their Checkout Session. Amounts are in cents.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dev.simulators.control import Body, Handler, Route, read
from dev.simulators.http import Json, Request
from dev.simulators.stripe.cards import DECLINED_CARD, GOOD_CARD
from dev.simulators.stripe.wire import Refusal

if TYPE_CHECKING:
    from dev.simulators.stripe.simulator import StripeSimulator


class Card(Body):
    """A card that the payer enters."""

    card: str = Field(default=GOOD_CARD, pattern=r"^\d{16}$")


class Authentication(Body):
    """The answer of the payer's bank."""

    success: bool = True


class Opening(Body):
    """A dispute, or an inquiry before a dispute."""

    amount: int | None = Field(default=None, gt=0)
    status: Literal["needs_response", "warning_needs_response"] = "needs_response"


class Ruling(Body):
    """The new status of a dispute."""

    status: Literal[
        "under_review", "won", "lost", "warning_under_review", "warning_closed", "prevented", "appeal_under_review"
    ]


class RefundByStaff(Body):
    """A refund that the operator's staff make in Stripe's dashboard."""

    amount: int | None = Field(default=None, gt=0)


class RefundRuling(Body):
    """The new status of a refund."""

    status: Literal["pending", "succeeded", "failed", "canceled"]


def routes(simulator: "StripeSimulator") -> Iterable[Route]:
    """The commands about payments, sessions, set-ups, disputes and refunds."""
    router = simulator.router

    def save(request: Request, setup: str) -> Json:
        return router.cards.save(setup, read(Card, request).card)

    def rule(request: Request, dispute: str) -> Json:
        return router.money_back.set_dispute(dispute, read(Ruling, request).status)

    def rule_refund(request: Request, refund: str) -> Json:
        return router.money_back.set_refund(refund, read(RefundRuling, request).status)

    return (
        *_payment_routes(simulator),
        Route("POST", "/sessions/{}/expire", lambda request, session: router.sessions.expire(session)),
        Route("POST", "/setups/{}/save", save),
        Route("POST", "/disputes/{}", rule),
        Route("POST", "/refunds/{}", rule_refund),
    )


def _payment_routes(simulator: "StripeSimulator") -> Iterable[Route]:
    router = simulator.router

    def on_intent(act: Callable[[str, Request], Json]) -> Handler:
        return lambda request, payment: act(simulator.intent_id(payment), request)

    def decline(request: Request, payment: str) -> Json:
        try:
            return simulator.pay(payment, DECLINED_CARD)
        except Refusal as refusal:
            return {"declined": refusal.error["message"]}

    def dispute(intent: str, request: Request) -> Json:
        wanted = read(Opening, request)
        return router.money_back.dispute(intent, wanted.amount, wanted.status)

    def authenticate(intent: str, request: Request) -> Json:
        return router.cards.authenticate(intent, success=read(Authentication, request).success)

    def refund(intent: str, request: Request) -> Json:
        amount = read(RefundByStaff, request).amount
        return router.money_back.refund({"payment_intent": intent} | ({"amount": str(amount)} if amount else {}))

    return (
        Route(
            "POST", "/payments/{}/pay", lambda request, payment: simulator.pay(payment, read(Card, request).card)
        ),
        Route("POST", "/payments/{}/decline", decline),
        Route("POST", "/payments/{}/authenticate", on_intent(authenticate)),
        Route("POST", "/payments/{}/dispute", on_intent(dispute)),
        Route("POST", "/payments/{}/refund", on_intent(refund)),
    )
