"""Translates PayPal's objects to the domain's types. Pure functions; no I/O.

The meanings are those of the references of Orders v2 (order and capture status), Payments v2 (refund status) and
Customer Disputes v1 (dispute outcome).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from chalicelib.adapters.gateways.paypal.amounts import to_money
from chalicelib.adapters.gateways.paypal.answers import Capture, DisputeData, Order, RefundData
from chalicelib.adapters.gateways.paypal.config import PayPalConfig
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    Dispute,
    DisputeStatus,
    Flag,
    Payment,
    PaymentState,
    Refund,
    RefundStatus,
    TopUp,
    TopUpStatus,
    payer_mark,
)
from chalicelib.kernel.clock import later

CAPTURE_PREFIX: Final = "capture:"
"""Marks the id of a capture that is used instead of its order's id."""

_DESCRIPTION: Final = "Balance top-up"
_ARRIVED: Final = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
_REFUND: Final[Mapping[str, RefundStatus]] = {
    "COMPLETED": RefundStatus.DONE,
    "FAILED": RefundStatus.FAILED,
    "CANCELLED": RefundStatus.FAILED,
}
_LOST: Final = frozenset({"RESOLVED_BUYER_FAVOUR", "ACCEPTED"})
_WON: Final = frozenset({"RESOLVED_SELLER_FAVOUR", "RESOLVED_WITH_PAYOUT", "CANCELED_BY_BUYER", "DENIED", "NONE"})
"""`RESOLVED_WITH_PAYOUT`: PayPal itself pays the buyer. `NONE`: the dispute was closed without a decision."""
_SELF_RESOLVING: Final = frozenset({"", "ECHECK", "PENDING_REVIEW", "TRANSACTION_APPROVED_AWAITING_FUNDING"})
"""Reasons for a pending capture about which staff can do nothing."""

ANOTHER_SOURCE: Final = frozenset(
    {"INSTRUMENT_DECLINED", "ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"}
)
"""Refusals of a capture after which the payer can use the same link again and choose another source."""
NEVER: Final = frozenset(
    {
        "COMPLIANCE_VIOLATION",
        "DECLINED_DUE_TO_RELATED_TXN",
        "DUPLICATE_INVOICE_ID",
        "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
        "PAYEE_BLOCKED_TRANSACTION",
        "PAYER_ACCOUNT_LOCKED_OR_CLOSED",
        "PAYER_ACCOUNT_RESTRICTED",
        "PAYER_CANNOT_PAY",
        "TRANSACTION_BLOCKED_BY_PAYEE",
        "TRANSACTION_LIMIT_EXCEEDED",
        "TRANSACTION_REFUSED",
    }
)
"""Refusals after which this order cannot be paid."""
_TRY_ANOTHER: Final = "PayPal could not take the payment from the chosen source; choose another one."
_DECLINED: Final = "PayPal declined the payment."


def order_request(top_up: TopUp, return_url: str, config: PayPalConfig) -> dict[str, Any]:
    """The body that creates the order of `top_up`.

    The invoice id is an extra safeguard: PayPal captures no second order with the same one.

    Raises:
        GatewayRefused: PayPal does not support that amount or currency.
    """
    experience = {
        "return_url": return_url,
        "cancel_url": return_url,
        "shipping_preference": "NO_SHIPPING",
        "user_action": "PAY_NOW",
    }
    if config.brand_name:
        experience["brand_name"] = config.brand_name
    return {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "custom_id": top_up.id,
                "invoice_id": top_up.id,
                "description": _DESCRIPTION,
                "amount": to_money(top_up.amount),
            }
        ],
        "payment_source": {"paypal": {"experience_context": experience}},
    }


def refund_request(amount: Amount, reference: str | None, key: str) -> dict[str, Any]:
    """The body that refunds `amount`.

    The invoice id contains our key, so that the refund is recognised as long as it exists, not only as long as
    PayPal remembers the request. The custom id stays the top-up's id, because the refund's webhook names the
    top-up by it.
    """
    body: dict[str, Any] = {"amount": to_money(amount), "invoice_id": key}
    return body | {"custom_id": reference} if reference else body


def checkout(order: Order, config: PayPalConfig) -> Checkout:
    """The page where the payer approves `order`; an approved order has no link any more."""
    links = {link.rel: link.href for link in order.links}
    return Checkout(
        provider_id=order.id,
        expires_at=later(order.create_time, config.approval_seconds) if order.create_time else None,
        redirect_url=links.get("payer-action") or links.get("approve"),
    )


def order_state(order: Order, disputes: Sequence[DisputeData] = (), *, refusal: str = "") -> PaymentState:
    """The state of an order.

    Args:
        order: with its captures and refunds.
        disputes: the disputes of its captures; a resolved one with its outcome.
        refusal: PayPal's code if a capture was refused just now; otherwise empty.
    """
    return PaymentState(
        provider_id=order.id,
        status=_status(order, refusal),
        payments=tuple(
            Payment(capture.id, capture.amount.amount, capture.create_time)
            for capture in order.captures
            if capture.status in _ARRIVED
        ),
        refunds=tuple(refund_of(refund, order.reference) for refund in _beside(disputes, order)),
        disputes=tuple(dispute_of(dispute) for dispute in disputes),
        failure=_failure(order, refusal),
        reference=order.reference,
        flags=_flags(order.captures, disputes, refusal),
        payers=_payers(order),
    )


def _payers(order: Order) -> frozenset[str]:
    account_id = order.payment_source.paypal.account_id
    return frozenset({payer_mark("paypal", account_id)}) if account_id and order.captures else frozenset()


def _status(order: Order, refusal: str) -> TopUpStatus:
    found = {capture.status for capture in order.captures}
    if found & _ARRIVED:
        return TopUpStatus.SETTLED
    if "PENDING" in found:
        return TopUpStatus.PROCESSING
    if found or refusal in NEVER:
        return TopUpStatus.FAILED
    if order.status == "VOIDED":
        return TopUpStatus.CANCELLED
    if order.status == "COMPLETED" or (order.status == "APPROVED" and refusal not in ANOTHER_SOURCE):
        return TopUpStatus.PROCESSING
    return TopUpStatus.AWAITING_PAYMENT


def _failure(order: Order, refusal: str) -> str:
    if _status(order, refusal) is TopUpStatus.FAILED:
        return _DECLINED
    # If the approval has ended, the payer must approve again, which is no failure.
    return _TRY_ANOTHER if refusal in ANOTHER_SOURCE - {"ORDER_NOT_APPROVED"} else ""


def _flags(captures: Iterable[Capture], disputes: Iterable[DisputeData], refusal: str) -> frozenset[Flag]:
    """For staff: a second order of one top-up, a payment that waits for staff, a dispute with an unknown
    outcome.
    """
    waits = any(
        item.status == "PENDING" and item.status_details.reason not in _SELF_RESOLVING for item in captures
    )
    unknown = any(
        item.status == "RESOLVED" and item.dispute_outcome.outcome_code not in _LOST | _WON for item in disputes
    )
    needs_people = waits or unknown or refusal == "DUPLICATE_INVOICE_ID"
    return frozenset({Flag.MANUAL_REVIEW}) if needs_people else frozenset()


def refund_of(refund: RefundData, reference: str | None) -> Refund:
    """One refund. A refund made on PayPal's own pages has the payment's invoice id, or none."""
    key = refund.invoice_id or ""
    return Refund(
        id=refund.id,
        amount=refund.amount.amount,
        status=_REFUND.get(refund.status, RefundStatus.PENDING),
        key="" if key == reference else key,
    )


def dispute_of(dispute: DisputeData) -> Dispute:
    """One dispute; with an unknown outcome it counts as open, so that the money stays frozen."""
    return Dispute(dispute.dispute_id, _disputed(dispute), _dispute_status(dispute))


def _dispute_status(dispute: DisputeData) -> DisputeStatus:
    outcome = dispute.dispute_outcome.outcome_code
    if dispute.status != "RESOLVED" or outcome not in _LOST | _WON:
        return DisputeStatus.OPEN
    return DisputeStatus.LOST if outcome in _LOST else DisputeStatus.WON


def _disputed(dispute: DisputeData) -> Amount:
    """The disputed amount; once the dispute is lost, the amount given to the buyer."""
    refunded = dispute.dispute_outcome.amount_refunded
    if _dispute_status(dispute) is DisputeStatus.LOST and refunded is not None:
        return refunded.amount
    return dispute.dispute_amount.amount


def _beside(disputes: Sequence[DisputeData], order: Order) -> Collection[RefundData]:
    """The refunds that are not part of a dispute.

    When PayPal takes money back for a dispute, it also records a refund of the capture, without naming the
    dispute. So a refund that is not ours, was made after the dispute, and is covered by its amount counts as part
    of the dispute. If the dispute is won, such refunds count as separate: the money was given back nevertheless.
    """
    kept = list(order.refunds)
    for dispute in disputes:
        if _dispute_status(dispute) is DisputeStatus.WON:
            continue
        left = _disputed(dispute).micros
        for refund in list(kept):
            is_ours = bool(refund_of(refund, order.reference).key)
            if not is_ours and refund.create_time >= dispute.create_time and refund.amount.amount.micros <= left:
                left -= refund.amount.amount.micros
                kept.remove(refund)
    return kept
