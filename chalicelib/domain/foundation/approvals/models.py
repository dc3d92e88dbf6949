"""Requests for approval, their status, and the amount above which they are needed."""

from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import MICROS_PER_UNIT

FOUR_EYES_ABOVE_MICROS = 1_000 * MICROS_PER_UNIT
"""Credits, refunds and corrections above this amount (1000.00 USD) need a second member of the staff."""
APPROVABLE_FOR = timedelta(days=7)


class AboveLimit(Exception):
    """The amount is above what one member of the staff may give alone; nothing was changed."""


class Subject(StrEnum):
    """The action that needs approval."""

    CREDIT = "credit"
    REFUND = "refund"
    CREDIT_NOTE = "credit_note"


class ApprovalStatus(StrEnum):
    """The status of a request for approval."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True)
class Request:
    """A request by a member of the staff about a customer's money."""

    subject: Subject
    customer_id: str
    amount_micros: int
    currency: str
    reason: str
    asked_by: str
    about_id: str = ""
    """The top-up to refund, or the invoice to correct; empty for a credit."""


@dataclass(frozen=True)
class Approval:
    """A request with its decision."""

    id: str
    request: Request
    asked_at: datetime
    expires_at: datetime
    status: ApprovalStatus = ApprovalStatus.PENDING
    """The stored status; use `status_at`, which knows about expiry."""
    decided_by: str = ""
    decided_at: datetime | None = None
    effect_id: str = ""
    """The id of the ledger entry, refund or credit note that resulted."""

    def status_at(self, now: datetime) -> ApprovalStatus:
        """Return the status at `now`: a pending request expires after its deadline."""
        late = self.status is ApprovalStatus.PENDING and now >= self.expires_at
        return ApprovalStatus.EXPIRED if late else self.status
