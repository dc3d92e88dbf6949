"""Requests and responses of the refund endpoints."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.money.refunds.models import RefundOrder, RefundOrderStatus
from chalicelib.domain.money.top_ups.models import Amount
from chalicelib.http import ApiModel, Money
from chalicelib.kernel.money import format_amount
from functions.foundation.approvals.schemas import ApprovalView
from functions.money.balance.schemas import BalanceView
from functions.money.top_ups.schemas import DecimalText


class RefundBody(ApiModel):
    """An amount to send back to the payer."""

    amount: DecimalText = Field(description="in the currency that was paid", examples=["25.00"])
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)] = Field(
        examples=["Paid twice by mistake"]
    )


class RefundView(ApiModel):
    """A refund and its status."""

    id: str
    top_up_id: str
    status: RefundOrderStatus
    amount: Money
    reason: str
    asked_by: str
    approved_by: str | None
    failure: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: RefundOrder) -> Self:
        """The view of `order`."""
        return cls(
            id=order.id,
            top_up_id=order.top_up_id,
            status=order.status,
            amount=_money(order.amount),
            reason=order.reason,
            asked_by=order.asked_by,
            approved_by=order.approved_by or None,
            failure=order.failure or None,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )


class RefundAnswer(ApiModel):
    """The result of a refund request: the refund, or the approval that it needs first."""

    refund: RefundView | None
    approval: ApprovalView | None


class CreditAnswer(BalanceView):
    """The balance, and the approval that a large credit needs first."""

    approval: ApprovalView | None = Field(description="null where the credit was given at once")

    @classmethod
    def with_approval(cls, balance: BalanceView, approval: ApprovalView | None) -> Self:
        """`balance` with `approval`."""
        return cls(**dict(balance), approval=approval)


def _money(amount: Amount) -> Money:
    return Money(amount=format_amount(amount.micros), currency=amount.currency)
