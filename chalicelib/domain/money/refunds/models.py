"""Refunds that were asked for."""

from datetime import datetime
from enum import StrEnum

from chalicelib.domain.money.top_ups.models import (
    Amount,
)
from chalicelib.kernel.dataclasses import dataclass


class RefundOrderStatus(StrEnum):
    """The status of an order to send money back."""

    ORDERED = "ORDERED"
    """The money is held; it is not known whether the gateway has the order."""
    PENDING = "PENDING"
    """The gateway has the order, and has not completed it."""
    DONE = "DONE"
    FAILED = "FAILED"
    REVERSED = "REVERSED"
    """It was done, but the payer's bank returned the money to us: it belongs to the customer again."""

    @property
    def is_final(self) -> bool:
        """Whether the order has ended."""
        return self in {RefundOrderStatus.DONE, RefundOrderStatus.FAILED, RefundOrderStatus.REVERSED}


@dataclass(frozen=True)
class RefundRequest:
    """A request of staff to send money back."""

    top_up_id: str
    amount: str
    """A decimal number, in the currency that was paid."""
    reason: str
    asked_by: str
    approved_by: str = ""


@dataclass(frozen=True)
class RefundOrder:
    """An order to send money back to a payer. `id` is also the gateway's key and the reference of the hold."""

    id: str
    customer_id: str
    top_up_id: str
    amount: Amount
    held_micros: int
    """The amount in the base currency, held until the order is done or has failed."""
    reason: str
    asked_by: str
    status: RefundOrderStatus
    created_at: datetime
    updated_at: datetime
    check_at: datetime | None
    """When to ask the gateway again; None once the order has ended."""
    approved_by: str = ""
    provider_id: str = ""
    """The gateway's id of the refund."""
    failure: str = ""
    version: int = 0
