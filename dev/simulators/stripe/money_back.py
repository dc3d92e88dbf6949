"""Refunds, which localstripe does not limit, and disputes, which it does not have."""

from collections.abc import Mapping
from typing import Final

from dev.simulators.http import Json
from dev.simulators.stripe.account import Account
from dev.simulators.stripe.cards import Cards
from dev.simulators.stripe.wire import Refusal, missing, new_id, now, page_of, whole_number

_CLOSED: Final = frozenset({"won", "lost", "warning_closed", "prevented"})


class MoneyBack:
    """Money that goes back to payers, by refund or by dispute."""

    def __init__(self, account: Account, cards: Cards) -> None:
        self._account = account
        self._cards = cards

    # Refunds

    def refund(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Refund part of a payment, or the rest of it."""
        intent = self._cards.intent(str(params.get("payment_intent")), ["latest_charge"])
        charge = intent["latest_charge"]
        if intent["status"] != "succeeded":
            raise Refusal(400, f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        if any(item["charge"] == charge["id"] and item["status"] not in _CLOSED for item in self._disputes()):
            raise Refusal(400, "The charge is disputed and cannot be refunded.", "charge_disputed")
        left = charge["amount"] - self._refunded(intent["id"])
        amount = whole_number(params, "amount") if "amount" in params else left
        if left == 0:
            raise Refusal(400, f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
        if amount > left:
            message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise Refusal(400, message, param="amount")
        made = self._account.post("refunds", {**params, "amount": amount})
        self._account.emit("refund.created", made)
        charge = self._cards.intent(intent["id"], ["latest_charge"])["latest_charge"]
        self._account.emit("charge.refunded", charge)
        return made

    def list_refunds(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Refunds, of one payment intent or all."""
        return page_of(self._refunds(params.get("payment_intent")), params, "/v1/refunds")

    def set_refund(self, refund_id: str, status: str) -> dict[str, Json]:
        """The bank decides about a refund: pending, succeeded or failed."""
        self._account.get("refund", f"refunds/{refund_id}")
        changed = self._account.post(f"refunds/{refund_id}", {"status": status})
        self._account.emit("refund.failed" if status == "failed" else "refund.updated", changed)
        return changed

    def _refunds(self, intent_id: str | None) -> list[dict[str, Json]]:
        charges = {raw["id"]: raw["payment_intent"] for raw in self._account.backend.list("charges")}
        found = [
            {**raw, "payment_intent": charges[raw["charge"]]} for raw in self._account.backend.list("refunds")
        ]
        found.sort(key=lambda refund: refund["created"])  # localstripe lists them newest first, unlike others
        return [refund for refund in found if intent_id in (None, refund["payment_intent"])]

    def _refunded(self, intent_id: str) -> int:
        return sum(
            item["amount"] for item in self._refunds(intent_id) if item["status"] not in {"failed", "canceled"}
        )

    # Disputes

    def dispute(self, intent_id: str, amount: int | None, status: str) -> dict[str, Json]:
        """The payer's bank disputes a payment, or inquires about it (`warning_needs_response`)."""
        intent = self._cards.intent(intent_id, ["latest_charge"])
        charge = intent["latest_charge"]
        if intent["status"] != "succeeded":
            raise Refusal(400, "Only a payment that went through can be disputed.")
        made: dict[str, Json] = {
            "id": new_id("du"),
            "object": "dispute",
            "amount": amount or charge["amount"],
            "balance_transactions": [],
            "charge": charge["id"],
            "created": now(),
            "currency": charge["currency"],
            "is_charge_refundable": status.startswith("warning_"),
            "livemode": False,
            "metadata": {},
            "payment_intent": intent_id,
            "reason": "fraudulent",
            "status": status,
        }
        self._account.state.disputes[made["id"]] = made
        if not status.startswith("warning_"):
            self._move(made, -made["amount"])
        self._account.emit("charge.dispute.created", dict(made))
        return dict(made)

    def set_dispute(self, dispute_id: str, status: str) -> dict[str, Json]:
        """The bank decides about a dispute: `won`, `lost`, `under_review`, `warning_closed`, `prevented`."""
        dispute = self._account.state.disputes.get(dispute_id)
        if dispute is None:
            raise missing("dispute", dispute_id)
        dispute["status"] = status
        if status == "won" and sum(entry["amount"] for entry in dispute["balance_transactions"]) < 0:
            self._move(dispute, dispute["amount"])
            self._account.emit("charge.dispute.funds_reinstated", dict(dispute))
        self._account.emit(
            "charge.dispute.closed" if status in _CLOSED else "charge.dispute.updated", dict(dispute)
        )
        return dict(dispute)

    def get_dispute(self, dispute_id: str) -> dict[str, Json]:
        """The dispute with this id."""
        if dispute_id not in self._account.state.disputes:
            raise missing("dispute", dispute_id)
        return dict(self._account.state.disputes[dispute_id])

    def list_disputes(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Disputes, of one payment intent or all."""
        wanted = params.get("payment_intent")
        found = [dispute for dispute in self._disputes() if wanted in (None, dispute["payment_intent"])]
        return page_of(found, params, "/v1/disputes")

    def _disputes(self) -> list[dict[str, Json]]:
        return [dict(dispute) for dispute in self._account.state.disputes.values()]

    @staticmethod
    def _move(dispute: dict[str, Json], amount: int) -> None:
        dispute["balance_transactions"].append(
            {
                "id": new_id("txn"),
                "object": "balance_transaction",
                "amount": amount,
                "currency": dispute["currency"],
            }
        )
