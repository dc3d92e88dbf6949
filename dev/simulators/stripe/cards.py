"""Payment intents, charges, setup intents and cards: localstripe's objects, completed with Stripe's other
fields.
"""

from collections.abc import Mapping
from typing import Final

from dev.simulators.http import Json
from dev.simulators.stripe.account import Account
from dev.simulators.stripe.wire import Refusal, page_of

GOOD_CARD: Final = "4242424242424242"
DECLINED_CARD: Final = "4000000000000341"
"""This card can be saved, and every charge of it is declined."""
STUBBORN_CARD: Final = "4000002760003184"
"""This card asks for authentication at every charge."""

_OWN_INTENT_FIELDS: Final = {"description", "allowed_payment_method_types", "setup_future_usage"}
_OWN_SETUP_FIELDS: Final = {"allowed_payment_method_types"}
_NEEDS_AUTHENTICATION: Final = {
    "type": "card_error",
    "code": "authentication_required",
    "decline_code": "authentication_required",
    "message": "Your card was declined. This transaction requires authentication.",
}


class Cards:
    """Actions with cards, by us through the API and by the payer."""

    def __init__(self, account: Account) -> None:
        self._account = account

    # Payment intents

    def create_intent(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Create a payment intent; a saved card must be the customer's."""
        method = params.get("payment_method")
        if method:
            found = self._account.get("PaymentMethod", f"payment_methods/{method}")
            if found["customer"] != params.get("customer"):
                raise Refusal(400, "The PaymentMethod does not belong to the Customer.", param="payment_method")
        _only_cards(params)
        known = {name: value for name, value in params.items() if name not in _OWN_INTENT_FIELDS}
        made = self._account.post("payment_intents", known)
        self._account.extra(made["id"]).update(
            {name: value for name, value in params.items() if name in _OWN_INTENT_FIELDS}
        )
        return self.complete_intent(made)

    def intent(self, intent_id: str, expand: Json = ()) -> dict[str, Json]:
        """The payment intent with this id."""
        raw = self._account.get("payment_intent", f"payment_intents/{intent_id}")
        return self.complete_intent(raw, expanded="latest_charge" in (expand or ()))

    def list_intents(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Payment intents, of one customer or all."""
        customer = params.get("customer")
        found = [
            self.complete_intent(raw)
            for raw in self._account.backend.list("payment_intents")
            if customer in (None, raw["customer"])
        ]
        return page_of(found, params, "/v1/payment_intents")

    def confirm(self, intent_id: str, params: Mapping[str, Json]) -> dict[str, Json]:
        """Charge the intent's card; with `off_session` the customer is absent and cannot authenticate."""
        unknown = params.keys() - {"off_session", "expand"}
        if unknown:
            raise Refusal(400, f"Received unknown parameter: {min(unknown)}", "parameter_unknown")
        raw = self._account.get("payment_intent", f"payment_intents/{intent_id}")
        if raw["status"] != "requires_confirmation":
            message = f"This PaymentIntent's status is {raw['status']}; it cannot be confirmed."
            raise Refusal(400, message, "payment_intent_unexpected_state")
        method = self._account.get("PaymentMethod", f"payment_methods/{raw['payment_method']}")
        if method["customer"] != raw["customer"]:
            raise Refusal(400, "The PaymentMethod was detached from its Customer. It may not be used again.")
        return self._confirm(intent_id, off_session=params.get("off_session") == "true")

    def _confirm(self, intent_id: str, *, off_session: bool = False) -> dict[str, Json]:
        self._account.extra(intent_id).pop("last_payment_error", None)
        try:
            raw = self._account.post(f"payment_intents/{intent_id}/confirm")
        except Refusal as refusal:
            if refusal.status != 402:
                raise
            raise self._declined(intent_id) from refusal
        if raw["status"] == "requires_action" and off_session:
            self._account.post(
                f"payment_intents/{intent_id}/_authenticate",
                {"client_secret": raw["client_secret"], "success": False},
            )
            self._account.extra(intent_id)["last_payment_error"] = _NEEDS_AUTHENTICATION
            raise self._declined(intent_id)
        if raw["status"] == "succeeded":
            self._tell_of_success(raw)
        return self.complete_intent(raw)

    def pay(self, intent_id: str, card: str) -> dict[str, Json]:
        """The payer enters a card, for the first time or again after a decline.

        Raises:
            Refusal: the card was declined, or there is nothing left to pay.
        """
        raw = self._account.get("payment_intent", f"payment_intents/{intent_id}")
        if raw["status"] not in {"requires_payment_method", "requires_confirmation"}:
            raise Refusal(
                400, f"This PaymentIntent's status is {raw['status']}.", "payment_intent_unexpected_state"
            )
        method = self._new_card(card)
        # localstripe allows no second attempt, so it must forget the declined charge.
        self._account.post(f"payment_intents/{intent_id}", {"payment_method": method, "latest_charge": None})
        return self._confirm(intent_id)

    def authenticate(self, intent_id: str, *, success: bool) -> dict[str, Json]:
        """The payer's bank approves or refuses the authentication."""
        raw = self._account.get("payment_intent", f"payment_intents/{intent_id}")
        raw = self._account.post(
            f"payment_intents/{intent_id}/_authenticate",
            {"client_secret": raw["client_secret"], "success": success},
        )
        if raw["status"] == "succeeded":
            self._tell_of_success(raw)
        else:
            self._account.emit("payment_intent.payment_failed", self.complete_intent(raw))
        return self.complete_intent(raw)

    def _declined(self, intent_id: str) -> Refusal:
        intent = self.intent(intent_id)
        self._account.emit("payment_intent.payment_failed", intent)
        error = dict(intent["last_payment_error"])
        return Refusal(402, error.pop("message"), error.pop("code"), **error, payment_intent=intent)

    def _tell_of_success(self, raw: Mapping[str, Json]) -> None:
        charge = self.complete_charge(raw["latest_charge"], raw)
        self._account.emit("charge.succeeded", charge)
        self._account.emit("payment_intent.succeeded", self.complete_intent(raw))

    def _new_card(self, number: str) -> str:
        card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123"}
        return str(self._account.post("payment_methods", {"type": "card", "card": card})["id"])

    # Charges

    def list_charges(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Charges, of one intent or all."""
        intents = {raw["id"]: raw for raw in self._account.backend.list("payment_intents")}
        wanted = params.get("payment_intent")
        found = [
            self.complete_charge(raw, intents[raw["payment_intent"]])
            for raw in self._account.backend.list("charges")
            if raw["payment_intent"] in intents and wanted in (None, raw["payment_intent"])
        ]
        page = page_of(found, params, "/v1/charges")
        if "data.payment_intent" in params.get("expand", ()):
            for charge in page["data"]:
                charge["payment_intent"] = self.complete_intent(intents[charge["payment_intent"]])
        return page

    # Saved cards

    def create_setup(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Create a setup intent."""
        _only_cards(params)
        known = {name: value for name, value in params.items() if name not in _OWN_SETUP_FIELDS}
        return self.setup(self._account.post("setup_intents", known)["id"])

    def setup(self, setup_id: str) -> dict[str, Json]:
        """The setup intent with this id."""
        raw = self._account.get("setup_intent", f"setup_intents/{setup_id}")
        return {**raw, "last_setup_error": self._account.extra(setup_id).get("last_setup_error")}

    def save(self, setup_id: str, card: str) -> dict[str, Json]:
        """The payer enters a card to save it."""
        setup = self.setup(setup_id)
        method = self._new_card(card)
        try:
            raw = self._account.post(f"setup_intents/{setup_id}/confirm", {"payment_method": method})
            if raw["status"] == "requires_action":  # the payer authenticates at once
                self._account.post(f"setup_intents/{setup_id}/confirm")
            attached = self._account.post(f"payment_methods/{method}/attach", {"customer": setup["customer"]})
        except Refusal as refusal:
            self._account.extra(setup_id)["last_setup_error"] = refusal.error
            self._account.emit("setup_intent.setup_failed", self.setup(setup_id))
            raise
        self._account.emit("payment_method.attached", attached)
        self._account.emit("setup_intent.succeeded", self.setup(setup_id))
        return self.setup(setup_id)

    def list_methods(self, customer: str, params: Mapping[str, Json]) -> dict[str, Json]:
        """The cards that a customer has saved."""
        self._account.get("customer", f"customers/{customer}")
        found = self._account.backend.list("payment_methods", customer=customer, type="card")
        return page_of(found, params, f"/v1/customers/{customer}/payment_methods")

    # Completing objects

    def complete_intent(self, raw: Mapping[str, Json], *, expanded: bool = False) -> dict[str, Json]:
        """localstripe's payment intent with Stripe's other fields; its charge is an id, unless `expanded`."""
        extra = self._account.extra(raw["id"])
        charge = raw["latest_charge"]
        paid = raw["status"] == "succeeded"
        dressed = {name: value for name, value in raw.items() if name != "charges"}
        error = extra.get("last_payment_error") or raw["last_payment_error"]
        return dressed | {
            "amount_received": raw["amount"] if paid else 0,
            "description": extra.get("description"),
            "latest_charge": self.complete_charge(charge, raw) if expanded and charge else charge and charge["id"],
            "last_payment_error": {"type": "card_error", **error} if error else None,
            "payment_method_types": extra.get("allowed_payment_method_types", ["card"]),
            "setup_future_usage": extra.get("setup_future_usage"),
        }

    def complete_charge(self, raw: Mapping[str, Json], intent: Mapping[str, Json]) -> dict[str, Json]:
        """localstripe's charge with Stripe's other fields: the intent's metadata, and whether it is disputed."""
        disputes = self._account.state.disputes.values()
        dressed = {name: value for name, value in raw.items() if name != "refunds"}
        return dressed | {
            "metadata": dict(intent["metadata"]),
            "payment_method_details": self._details(str(raw["payment_method"])),
            "disputed": any(dispute["charge"] == raw["id"] for dispute in disputes),
            "description": self._account.extra(intent["id"]).get("description"),
        }

    def _details(self, method_id: str) -> dict[str, Json]:
        """The details of the charged card; the fingerprint is the same for the same card number."""
        card = self._account.get("PaymentMethod", f"payment_methods/{method_id}")["card"]
        return {"type": "card", "card": {name: card[name] for name in _TOLD_OF_A_CARD}}


_TOLD_OF_A_CARD: Final = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")


def _only_cards(params: Mapping[str, Json]) -> None:
    if params.get("allowed_payment_method_types", ["card"]) != ["card"]:
        raise Refusal(400, "Only cards are simulated.", "parameter_invalid", param="allowed_payment_method_types")
    if "payment_method_types" in params:
        raise Refusal(400, "Use allowed_payment_method_types.", "payment_method_types_no_longer_supported")
