"""Checkout Sessions: Stripe's own payment page, which creates its payment intent when the payer pays."""

from collections.abc import Mapping
from typing import Final

from dev.simulators.http import Json
from dev.simulators.stripe.account import Account
from dev.simulators.stripe.cards import Cards
from dev.simulators.stripe.wire import Refusal, missing, new_id, now, page_of, whole_number

_SHORTEST_SECONDS: Final = 30 * 60
_MAX_SECONDS: Final = 24 * 60 * 60
_SLACK_SECONDS: Final = 60
_KNOWN: Final = frozenset(
    {
        "allowed_payment_method_types",
        "cancel_url",
        "client_reference_id",
        "customer",
        "expand",
        "expires_at",
        "line_items",
        "metadata",
        "mode",
        "payment_intent_data",
        "success_url",
    }
)


class Sessions:
    """Checkout Sessions in payment mode."""

    def __init__(self, account: Account, cards: Cards) -> None:
        self._account = account
        self._cards = cards

    def create(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Create a session, open until it is paid or `expires_at`."""
        unknown = params.keys() - _KNOWN
        if unknown:
            raise Refusal(400, f"Received unknown parameter: {min(unknown)}", "parameter_unknown")
        if params.get("mode") != "payment" or not params.get("line_items") or not params.get("success_url"):
            raise Refusal(
                400, "A session here needs mode=payment, line_items and success_url.", "parameter_missing"
            )
        self._account.get("customer", f"customers/{params.get('customer')}")
        session_id = new_id("cs_test")
        lines = [line["price_data"] | {"quantity": line.get("quantity", "1")} for line in params["line_items"]]
        session = {
            "id": session_id,
            "object": "checkout.session",
            "amount_total": sum(
                whole_number(line, "unit_amount") * whole_number(line, "quantity") for line in lines
            ),
            "cancel_url": params.get("cancel_url"),
            "client_reference_id": params.get("client_reference_id"),
            "created": now(),
            "currency": lines[0]["currency"],
            "customer": params.get("customer"),
            "expires_at": _expiry(params),
            "livemode": False,
            "metadata": params.get("metadata", {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": params["success_url"],
            "url": f"{self._account.base_url}/c/pay/{session_id}",
        }
        self._account.state.sessions[session_id] = session
        self._account.extra(session_id)["payment_intent_data"] = params.get("payment_intent_data", {})
        return dict(session)

    def get(self, session_id: str) -> dict[str, Json]:
        """The session with this id; expired if its time is over."""
        session = self._account.state.sessions.get(session_id)
        if session is None:
            raise missing("checkout.session", session_id)
        if session["status"] == "open" and session["expires_at"] <= now():
            return self.expire(session_id)
        return dict(session)

    def list(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Sessions, of one customer or one payment intent or all."""
        found = [
            session
            for session in map(self.get, list(self._account.state.sessions))
            if params.get("customer") in (None, session["customer"])
            and params.get("payment_intent") in (None, session["payment_intent"])
        ]
        return page_of(found, params, "/v1/checkout/sessions")

    def expire(self, session_id: str) -> dict[str, Json]:
        """Close an open session unpaid."""
        session = self._account.state.sessions.get(session_id)
        if session is None:
            raise missing("checkout.session", session_id)
        if session["status"] != "open":
            raise Refusal(400, "Only an open session can be expired.")
        session.update(status="expired", url=None)
        self._account.emit("checkout.session.expired", dict(session))
        return dict(session)

    def pay(self, session_id: str, card: str) -> dict[str, Json]:
        """The payer pays on Stripe's page."""
        session = self._account.state.sessions[self.get(session_id)["id"]]
        if session["status"] != "open":
            raise Refusal(400, f"This session is {session['status']}.")
        if session["payment_intent"] is None:
            data: dict[str, Json] = self._account.extra(session_id)["payment_intent_data"]
            intent = self._cards.create_intent(
                {
                    "amount": str(session["amount_total"]),
                    "currency": session["currency"],
                    "customer": session["customer"],
                    **data,
                }
            )
            session["payment_intent"] = intent["id"]
        paid = self._cards.pay(session["payment_intent"], card)
        if paid["status"] == "succeeded":
            session.update(status="complete", payment_status="paid", url=None)
            self._account.emit("checkout.session.completed", dict(session))
        return dict(session)


def _expiry(params: Mapping[str, Json]) -> int:
    if "expires_at" not in params:
        return now() + _MAX_SECONDS
    wanted = whole_number(params, "expires_at")
    if not _SHORTEST_SECONDS - _SLACK_SECONDS <= wanted - now() <= _MAX_SECONDS + _SLACK_SECONDS:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
        raise Refusal(400, message, param="expires_at")
    return wanted
