"""Translates Stripe's objects (as JSON) to the domain's types. Pure functions; no I/O.

The meanings are those of https://docs.stripe.com/payments/paymentintents/lifecycle and, for disputes,
https://docs.stripe.com/api/disputes/object.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from chalicelib.adapters.gateways.stripe.amounts import from_minor_units
from chalicelib.domain.money.top_ups.models import (
    Dispute,
    DisputeStatus,
    Payment,
    PaymentMethod,
    PaymentState,
    Refund,
    RefundStatus,
    TopUpStatus,
    payer_mark,
)
from chalicelib.kernel.clock import from_epoch_seconds

Json = Mapping[str, Any]

TOP_UP_ID: Final = "top_up_id"
CUSTOMER_ID: Final = "customer_id"
AUTOMATIC: Final = "automatic"
REFUND_KEY: Final = "refund_key"
"""The names of our metadata on Stripe's objects."""

_INTENT: Final[Mapping[str, TopUpStatus]] = {
    "requires_payment_method": TopUpStatus.AWAITING_PAYMENT,
    "requires_confirmation": TopUpStatus.AWAITING_PAYMENT,
    "requires_action": TopUpStatus.AWAITING_PAYMENT,
    "processing": TopUpStatus.PROCESSING,
    "requires_capture": TopUpStatus.PROCESSING,
    "succeeded": TopUpStatus.SETTLED,
    "canceled": TopUpStatus.CANCELLED,
}
_REFUND: Final[Mapping[str, RefundStatus]] = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.DONE,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
_DISPUTE: Final[Mapping[str, DisputeStatus]] = {
    "warning_needs_response": DisputeStatus.OPEN,
    "warning_under_review": DisputeStatus.OPEN,
    "warning_closed": DisputeStatus.WON,
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.OPEN,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "appeal_needs_response": DisputeStatus.LOST,
    "appeal_under_review": DisputeStatus.LOST,
}
"""A warning is the bank's inquiry before a chargeback: the money is frozen from then on (G09). An appeal follows a
loss, when the money is gone; it ends as `won` or stays `lost`.
"""

_FAILURE_LIMIT: Final = 300
_FAILED: Final = "The payment did not go through; try another card."


def intent_state(intent: Json, refunds: Iterable[Json] = (), disputes: Iterable[Json] = ()) -> PaymentState:
    """The state of a PaymentIntent whose `latest_charge` is expanded.

    A declined card leaves the intent open for another card, so it still awaits payment. But an automatic charge
    has failed then, because the customer is absent and cannot try another card.
    """
    metadata = intent.get("metadata") or {}
    automatic = metadata.get(AUTOMATIC) == "true"
    failure = _failure(intent.get("last_payment_error"))
    status = _INTENT.get(intent["status"], TopUpStatus.PROCESSING)
    if automatic and failure and intent["status"] in {"requires_payment_method", "requires_action"}:
        status = TopUpStatus.FAILED
    saved = automatic or intent.get("setup_future_usage") == "off_session"
    return PaymentState(
        provider_id=intent["id"],
        status=status,
        payments=_payments(intent),
        refunds=tuple(refund_of(refund) for refund in refunds),
        disputes=tuple(dispute_of(dispute) for dispute in disputes),
        failure="" if status is TopUpStatus.SETTLED else failure,
        method_id=id_of(intent.get("payment_method")) if saved else None,
        reference=metadata.get(TOP_UP_ID),
        payers=_payers(intent),
    )


def session_state(session: Json, paid: PaymentState | None) -> PaymentState:
    """The state of a Checkout Session, with the state of its PaymentIntent if there is one."""
    expired = session["status"] == "expired" and not (paid and paid.payments)
    status = paid.status if paid else TopUpStatus.AWAITING_PAYMENT
    reference = session.get("client_reference_id")
    return PaymentState(
        provider_id=session["id"],
        status=TopUpStatus.EXPIRED if expired else status,
        payments=paid.payments if paid else (),
        refunds=paid.refunds if paid else (),
        disputes=paid.disputes if paid else (),
        failure=paid.failure if paid else "",
        method_id=paid.method_id if paid else None,
        payers=paid.payers if paid else frozenset(),
        reference=reference if isinstance(reference, str) else None,
    )


def setup_state(intent: Json) -> PaymentState:
    """The state of a SetupIntent: no money, but a saved method."""
    done = intent["status"] == "succeeded"
    open_status = TopUpStatus.CANCELLED if intent["status"] == "canceled" else TopUpStatus.AWAITING_PAYMENT
    return PaymentState(
        provider_id=intent["id"],
        status=TopUpStatus.SETTLED if done else open_status,
        failure=_failure(intent.get("last_setup_error")),
        method_id=id_of(intent.get("payment_method")) if done else None,
    )


def refund_of(refund: Json) -> Refund:
    """One refund; an unknown status counts as pending."""
    return Refund(
        id=refund["id"],
        amount=from_minor_units(refund["amount"], refund["currency"]),
        status=_REFUND.get(refund["status"], RefundStatus.PENDING),
        key=(refund.get("metadata") or {}).get(REFUND_KEY, ""),
    )


def dispute_of(dispute: Json) -> Dispute:
    """One dispute; an unknown status counts as open."""
    status = _DISPUTE.get(dispute["status"], DisputeStatus.OPEN)
    if dispute["status"] == "prevented":
        # Blocked before it began, or resolved by giving the money back; the balance transactions tell which.
        moved = sum(entry["amount"] for entry in dispute.get("balance_transactions") or ())
        status = DisputeStatus.LOST if moved < 0 else DisputeStatus.WON
    return Dispute(dispute["id"], from_minor_units(dispute["amount"], dispute["currency"]), status)


def payment_method_of(method: Json, customer_id: str) -> PaymentMethod:
    """A saved card."""
    card = method["card"]
    return PaymentMethod(
        id=method["id"],
        customer_id=customer_id,
        gateway="stripe",
        provider_id=method["id"],
        label=f"{str(card['brand']).replace('_', ' ').title()} ending in {card['last4']}",
        expires=f"{card['exp_year']:04d}-{card['exp_month']:02d}",
        created_at=from_epoch_seconds(method["created"]),
    )


def id_of(thing: object) -> str | None:
    """The id of an object that Stripe gives as an id or expanded; None if it is missing."""
    if isinstance(thing, Mapping):
        return str(thing["id"])
    return thing if isinstance(thing, str) else None


def _payments(intent: Json) -> tuple[Payment, ...]:
    """A PaymentIntent is paid once, by one charge; the payment's id is the intent's id."""
    charge = intent.get("latest_charge")
    if intent["status"] != "succeeded" or not isinstance(charge, Mapping):
        return ()
    amount = from_minor_units(intent["amount_received"], intent["currency"])
    return (Payment(intent["id"], amount, from_epoch_seconds(charge["created"])),)


def _payers(intent: Json) -> frozenset[str]:
    """The card's mark, from the fingerprint that Stripe gives each card number (within one account of ours)."""
    charge = intent.get("latest_charge")
    if intent["status"] != "succeeded" or not isinstance(charge, Mapping):
        return frozenset()
    card = (charge.get("payment_method_details") or {}).get("card") or {}
    fingerprint = card.get("fingerprint")
    return frozenset({payer_mark("card", fingerprint)}) if fingerprint else frozenset()


def _failure(error: Json | None) -> str:
    """The failure sentence. Messages of card errors are written for the payer; other messages are for
    developers.
    """
    if not error:
        return ""
    message = error.get("message")
    return str(message)[:_FAILURE_LIMIT] if error.get("type") == "card_error" and message else _FAILED
