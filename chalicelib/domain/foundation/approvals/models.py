"""What is asked for, where it stands, and from which sum on it must be asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.kernel.money import MICROS_PER_UNIT

FOUR_EYES_ABOVE_MICROS = 1_000 * MICROS_PER_UNIT
"""What staff give away or send back above this (1000.00 USD) needs a second of them."""
APPROVABLE_FOR = timedelta(days=7)


class AboveLimit(Exception):
    """More would be given away than one of the staff may give alone; nothing was."""


class Subject(StrEnum):
    """What is asked for."""

    CREDIT = "credit"
    REFUND = "refund"
    CREDIT_NOTE = "credit_note"


class ApprovalStatus(StrEnum):
    """Where a request stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True)
class Request:
    """What one of the staff wants to happen to a customer's money."""

    subject: Subject
    customer_id: str
    amount_micros: int
    currency: str
    reason: str
    asked_by: str
    about_id: str = ""
    """The top-up that is to be sent back, or the invoice that is to be corrected; empty for a credit."""


@dataclass(frozen=True)
class Approval:
    """A request with what became of it."""

    id: str
    request: Request
    asked_at: datetime
    expires_at: datetime
    status: ApprovalStatus = ApprovalStatus.PENDING
    """As it was decided; see `status_at`."""
    decided_by: str = ""
    decided_at: datetime | None = None
    effect_id: str = ""
    """The ledger entry, the refund, or the credit note that came of it."""

    def status_at(self, now: datetime) -> ApprovalStatus:
        """Where it stands at `now`: what nobody has decided in time has expired."""
        late = self.status is ApprovalStatus.PENDING and now >= self.expires_at
        return ApprovalStatus.EXPIRED if late else self.status
