"""The business account: the state that outlives the process."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

CLIENT_ID: Final = "AeB1QIZXUdT7-simulated-client"
CLIENT_SECRET: Final = "EGnHDxD-simulated-secret"
WEBHOOK_ID: Final = "1JE4291016473214C"
MERCHANT_ID: Final = "645WT4RL28AL2"
PAYER_ID: Final = "QYR5Z8XDVJNXQ"
"""The id of the only payer."""

_ID_LETTERS: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXY"


def new_id() -> str:
    """An id in PayPal's format: 17 capital letters and digits."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(17))


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Funds(_Record):
    """An amount with its currency."""

    currency: str
    value: Decimal

    def shown(self) -> dict[str, str]:
        """The amount in the API's format."""
        return {"currency_code": self.currency, "value": str(self.value)}


class Order(_Record):
    """An order with one purchase unit."""

    id: str
    status: Literal["PAYER_ACTION_REQUIRED", "APPROVED", "COMPLETED", "VOIDED"] = "PAYER_ACTION_REQUIRED"
    custom_id: str = ""
    invoice_id: str = ""
    description: str = ""
    amount: Funds
    return_url: str
    cancel_url: str
    created_at: datetime
    updated_at: datetime
    ends_at: datetime
    """When PayPal forgets it, unless it is completed."""
    refusal: str = ""
    """The issue with which captures are refused until the payer approves again."""
    capture_status: Literal["COMPLETED", "PENDING", "DECLINED"] = "COMPLETED"
    """The status that a capture will have."""
    pending_reason: str = ""


class Capture(_Record):
    """Money taken from the payer."""

    id: str
    order_id: str
    status: Literal["COMPLETED", "PENDING", "DECLINED", "PARTIALLY_REFUNDED", "REFUNDED"]
    reason: str = ""
    amount: Funds
    custom_id: str = ""
    invoice_id: str = ""
    created_at: datetime
    updated_at: datetime


class Refund(_Record):
    """Money given back; after a dispute, by PayPal itself."""

    id: str
    capture_id: str
    status: Literal["COMPLETED", "PENDING", "FAILED", "CANCELLED"]
    amount: Funds
    custom_id: str = ""
    invoice_id: str = ""
    is_reversal: bool = False
    created_at: datetime


class Dispute(_Record):
    """A payer's complaint."""

    id: str
    capture_id: str
    status: Literal["OPEN", "WAITING_FOR_SELLER_RESPONSE", "UNDER_REVIEW", "RESOLVED"]
    reason: str
    amount: Funds
    outcome: str = ""
    refunded: Funds | None = None
    created_at: datetime
    updated_at: datetime


class Remembered(_Record):
    """What a `PayPal-Request-Id` did: it created something, or was refused."""

    made: str = ""
    issue: str = ""


class Account(_Record):
    """The whole account."""

    orders: dict[str, Order] = {}
    captures: dict[str, Capture] = {}
    refunds: dict[str, Refund] = {}
    disputes: dict[str, Dispute] = {}
    remembered: dict[str, Remembered] = {}
    """By the kind of request and its id."""
    tokens: dict[str, datetime] = {}
    """Access tokens, and when each ends."""
    refunds_pend: bool = False
    """Whether refunds stay pending, as those from a bank account do."""
    clock_offset_seconds: float = 0.0

    def captures_of(self, order: Order) -> list[Capture]:
        """The captures of an order."""
        return [capture for capture in self.captures.values() if capture.order_id == order.id]

    def refunds_of(self, capture: Capture) -> list[Refund]:
        """The refunds of a capture."""
        return [refund for refund in self.refunds.values() if refund.capture_id == capture.id]

    def left_of(self, capture: Capture) -> Decimal:
        """The amount that can still be refunded."""
        given = (item.amount.value for item in self.refunds_of(capture) if item.status in {"COMPLETED", "PENDING"})
        return capture.amount.value - sum(given, Decimal(0))

    def is_disputed(self, capture: Capture) -> bool:
        """Whether the capture has an open dispute."""
        return any(item.capture_id == capture.id and item.status != "RESOLVED" for item in self.disputes.values())

    def order_named(self, wanted: str) -> Order:
        """The order with this id, or the newest with this custom id.

        Raises:
            LookupError: there is none.
        """
        if wanted in self.orders:
            return self.orders[wanted]
        for order in reversed(self.orders.values()):
            if order.custom_id == wanted:
                return order
        raise LookupError(f"no order {wanted!r}, by id or by custom id")

    def capture_named(self, wanted: str) -> Capture:
        """The capture with this id, or the capture of an order.

        Raises:
            LookupError: there is none.
        """
        if wanted in self.captures:
            return self.captures[wanted]
        for capture in self.captures_of(self.order_named(wanted)):
            return capture
        raise LookupError(f"order {wanted!r} was not captured")
