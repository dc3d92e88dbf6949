"""All changes of the account, whether the API, the payer or PayPal's staff cause them."""

import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from dev.simulators.http import Json
from dev.simulators.paypal import views
from dev.simulators.paypal.account import Account, Capture, Dispute, Funds, Order, Refund, new_id
from dev.simulators.paypal.wire import Refusal, not_found
from dev.simulators.webhooks import Webhook

APPROVAL: Final = timedelta(hours=3)
"""How long an order waits for approval, and after that, for its capture."""

Outcome = Literal["RESOLVED_BUYER_FAVOUR", "RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "RESOLVED_WITH_PAYOUT"]


class Bank:
    """Changes the account, and posts the webhooks for it."""

    def __init__(
        self, account: Account, base_url: str, now: Callable[[], datetime], post: Callable[[Webhook], None]
    ) -> None:
        self.account = account
        self.base_url = base_url
        self._now = now
        self._post = post

    def now(self) -> datetime:
        """PayPal's time, in whole seconds."""
        return self._now().replace(microsecond=0)

    # Orders

    def open(self, order: Order) -> None:
        """Add an order."""
        self.account.orders[order.id] = order

    def order(self, order_id: str) -> Order:
        """The order with this id, if PayPal has not forgotten it."""
        found = self.account.orders.get(order_id)
        if found is None or (found.status != "COMPLETED" and self.now() >= found.ends_at):
            raise not_found()
        return found

    def approve(
        self,
        order: Order,
        *,
        refusal: str = "",
        capture_status: Literal["COMPLETED", "PENDING", "DECLINED"] = "COMPLETED",
        pending_reason: str = "",
    ) -> None:
        """The payer approves; the source of money will pay, be refused, stay pending, or be declined."""
        if order.status not in {"PAYER_ACTION_REQUIRED", "APPROVED"} or self.now() >= order.ends_at:
            raise ValueError(f"order {order.id} can no longer be approved")
        order.status = "APPROVED"
        order.refusal, order.capture_status, order.pending_reason = refusal, capture_status, pending_reason
        # Two approvals must not be in the same second.
        order.updated_at = max(self.now(), order.updated_at + timedelta(seconds=1))
        order.ends_at = self.now() + APPROVAL
        self._tell_order("CHECKOUT.ORDER.APPROVED", order)

    def expire(self, order: Order) -> None:
        """Forget an order that is not completed."""
        order.ends_at = self.now()

    def capture(self, order: Order) -> Capture:
        """Capture an approved order."""
        if order.status == "COMPLETED":
            raise Refusal(422, "ORDER_ALREADY_CAPTURED")
        if order.status != "APPROVED":
            raise Refusal(422, "ORDER_NOT_APPROVED")
        if order.refusal:
            raise Refusal(422, order.refusal)
        if order.invoice_id and any(
            item.invoice_id == order.invoice_id for item in self.account.captures.values()
        ):
            raise Refusal(422, "DUPLICATE_INVOICE_ID")
        now = self.now()
        capture = Capture(
            id=new_id(),
            order_id=order.id,
            status=order.capture_status,
            reason=order.pending_reason if order.capture_status == "PENDING" else "",
            amount=order.amount,
            custom_id=order.custom_id,
            invoice_id=order.invoice_id,
            created_at=now,
            updated_at=now,
        )
        self.account.captures[capture.id] = capture
        order.status, order.updated_at = "COMPLETED", max(now, order.updated_at)
        self._tell_order("CHECKOUT.ORDER.COMPLETED", order)
        self._tell_capture(f"PAYMENT.CAPTURE.{capture.status}", capture)
        return capture

    def settle(self, capture: Capture, *, paid: bool) -> None:
        """End a pending capture."""
        if capture.status != "PENDING":
            raise ValueError(f"capture {capture.id} is not pending")
        capture.status, capture.reason = ("COMPLETED" if paid else "DECLINED"), ""
        capture.updated_at = self.now()
        self._tell_capture("PAYMENT.CAPTURE.COMPLETED" if paid else "PAYMENT.CAPTURE.DENIED", capture)

    # Money back

    def refund(
        self, capture: Capture, amount: Funds | None, *, custom_id: str = "", invoice_id: str = ""
    ) -> Refund:
        """Refund an amount; by default the rest."""
        left = self.account.left_of(capture)
        wanted = amount or Funds(currency=capture.amount.currency, value=left)
        if capture.status == "PENDING":
            raise Refusal(422, "PENDING_CAPTURE")
        if self.account.is_disputed(capture):
            raise Refusal(422, "TRANSACTION_DISPUTED")
        if capture.status not in {"COMPLETED", "PARTIALLY_REFUNDED"} or not left:
            raise Refusal(422, "CAPTURE_FULLY_REFUNDED")
        if wanted.currency != capture.amount.currency:
            raise Refusal(422, "REFUND_CAPTURE_CURRENCY_MISMATCH")
        if wanted.value > left:
            raise Refusal(422, "REFUND_AMOUNT_EXCEEDED")
        status: Literal["PENDING", "COMPLETED"] = "PENDING" if self.account.refunds_pend else "COMPLETED"
        refund = self._give(capture, wanted, status, custom_id or capture.custom_id, invoice_id)
        self._tell_refund(
            "PAYMENT.CAPTURE.REFUNDED" if status == "COMPLETED" else "PAYMENT.REFUND.PENDING", refund
        )
        return refund

    def end_refund(self, refund: Refund, *, done: bool) -> None:
        """End a pending refund."""
        if refund.status != "PENDING":
            raise ValueError(f"refund {refund.id} is not pending")
        refund.status = "COMPLETED" if done else "FAILED"
        self._restate(self.account.captures[refund.capture_id])
        self._tell_refund("PAYMENT.CAPTURE.REFUNDED" if done else "PAYMENT.REFUND.FAILED", refund)

    def dispute(self, capture: Capture, value: Decimal | None, reason: str) -> Dispute:
        """Open a dispute; by default about the whole amount."""
        if capture.status not in {"COMPLETED", "PARTIALLY_REFUNDED"}:
            raise ValueError(f"capture {capture.id} cannot be disputed")
        now = self.now()
        amount = Funds(currency=capture.amount.currency, value=value or self.account.left_of(capture))
        dispute = Dispute(
            id=f"PP-R-{secrets.token_hex(2).upper()}-{secrets.randbelow(10**8):08d}",
            capture_id=capture.id,
            status="WAITING_FOR_SELLER_RESPONSE",
            reason=reason,
            amount=amount,
            created_at=now,
            updated_at=now,
        )
        self.account.disputes[dispute.id] = dispute
        self._tell_dispute("CUSTOMER.DISPUTE.CREATED", dispute)
        return dispute

    def resolve(self, dispute: Dispute, outcome: Outcome, value: Decimal | None = None) -> None:
        """End a dispute. If the buyer wins, PayPal takes the money back, and also records a refund."""
        if dispute.status == "RESOLVED":
            raise ValueError(f"dispute {dispute.id} is resolved")
        capture = self.account.captures[dispute.capture_id]
        dispute.status, dispute.outcome, dispute.updated_at = "RESOLVED", outcome, self.now()
        if outcome == "RESOLVED_BUYER_FAVOUR":
            dispute.refunded = Funds(currency=dispute.amount.currency, value=value or dispute.amount.value)
            refund = self._give(
                capture, dispute.refunded, "COMPLETED", capture.custom_id, capture.invoice_id, is_reversal=True
            )
            self._tell_refund("PAYMENT.CAPTURE.REVERSED", refund)
        self._tell_dispute("CUSTOMER.DISPUTE.RESOLVED", dispute)

    def _give(
        self,
        capture: Capture,
        amount: Funds,
        status: Literal["COMPLETED", "PENDING"],
        custom_id: str,
        invoice_id: str,
        *,
        is_reversal: bool = False,
    ) -> Refund:
        refund = Refund(
            id=new_id(),
            capture_id=capture.id,
            status=status,
            amount=amount,
            custom_id=custom_id,
            invoice_id=invoice_id,
            is_reversal=is_reversal,
            created_at=self.now(),
        )
        self.account.refunds[refund.id] = refund
        self._restate(capture)
        return refund

    def _restate(self, capture: Capture) -> None:
        left = self.account.left_of(capture)
        given = left < capture.amount.value
        capture.status = ("REFUNDED" if left <= 0 else "PARTIALLY_REFUNDED") if given else "COMPLETED"
        capture.updated_at = self.now()

    # Webhooks

    def _tell_order(self, kind: str, order: Order) -> None:
        self._tell(kind, "checkout-order", views.order(self.account, order, self.base_url))

    def _tell_capture(self, kind: str, capture: Capture) -> None:
        shown = views.capture(self.account, capture, self.base_url, as_resource=True)
        self._tell(kind, "capture", shown)

    def _tell_refund(self, kind: str, refund: Refund) -> None:
        self._tell(kind, "refund", views.refund(refund, self.base_url))

    def _tell_dispute(self, kind: str, dispute: Dispute) -> None:
        self._tell(kind, "dispute", views.dispute(self.account, dispute, self.base_url))

    def _tell(self, kind: str, resource_type: str, resource: Json) -> None:
        event_id = f"WH-{new_id()}-{new_id()}"
        url = f"{self.base_url}/v1/notifications/webhooks-events/{event_id}"
        event = {
            "id": event_id,
            "event_version": "1.0",
            "create_time": views.instant(self.now()),
            "resource_type": resource_type,
            "resource_version": "2.0",
            "event_type": kind,
            "summary": kind.replace(".", " ").capitalize(),
            "resource": resource,
            "links": [{"href": url, "rel": "self", "method": "GET"}],
        }
        self._post(Webhook(event_id, kind, json.dumps(event)))
