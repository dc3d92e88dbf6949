"""Responses of the approval endpoints."""

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.foundation.approvals.models import Approval, ApprovalStatus, Subject
from chalicelib.http import ApiModel, Money
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind
from chalicelib.kernel.money import format_amount

ApprovalId = id_of(Kind.APPROVAL)


class ApprovalView(ApiModel):
    """Something that one member of the staff requested and another decides."""

    id: str
    subject: Subject
    customer_id: str
    top_up_id: str | None = Field(description="the top-up to refund")
    invoice_id: str | None = Field(description="the invoice to correct")
    amount: Money
    reason: str
    status: ApprovalStatus
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    effect_id: str | None = Field(description="the resulting ledger entry, refund or credit note")

    @classmethod
    def of(cls, approval: Approval, now: datetime) -> Self:
        """The view of `approval` at `now`."""
        request = approval.request
        return cls(
            id=approval.id,
            subject=request.subject,
            customer_id=request.customer_id,
            top_up_id=request.about_id if request.subject is Subject.REFUND else None,
            invoice_id=request.about_id if request.subject is Subject.CREDIT_NOTE else None,
            amount=Money(amount=format_amount(request.amount_micros), currency=request.currency),
            reason=request.reason,
            status=approval.status_at(now),
            asked_by=request.asked_by,
            asked_at=approval.asked_at,
            expires_at=approval.expires_at,
            decided_by=approval.decided_by or None,
            decided_at=approval.decided_at,
            effect_id=approval.effect_id or None,
        )
