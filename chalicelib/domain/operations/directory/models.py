"""What the staff know of a customer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.cloud.deployments.models import Slots
from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.domain.foundation.access.models import CustomerStatus
from chalicelib.domain.money.billing.models import DocumentSummary
from chalicelib.domain.money.ledger.models import Balance
from chalicelib.domain.people.accounts.models import Customer, EmailAddress
from chalicelib.domain.people.organisations.models import Member


@dataclass(frozen=True)
class Entry:
    """A customer in the directory, and the words that it is found by."""

    customer_id: str
    name: str
    company: str
    email: str
    """The owner's; empty where there is none."""
    status: CustomerStatus
    created_at: datetime
    words: tuple[str, ...] = ()
    version: int = 0
    """Grows with each change; 0 is not kept yet."""


@dataclass(frozen=True)
class Notes:
    """What the staff keep about a customer for themselves."""

    text: str = ""
    status_reason: str = ""
    """Why the status was last changed."""
    status_changed_at: datetime | None = None


class CustomerFlag(StrEnum):
    """What staff should see at a glance."""

    BLOCKED = "BLOCKED"
    CLOSED = "CLOSED"
    SUSPENDED = "SUSPENDED"
    IN_DEBT = "IN_DEBT"
    OWNER_UNVERIFIED = "OWNER_UNVERIFIED"
    AT_DEPLOYMENT_LIMIT = "AT_DEPLOYMENT_LIMIT"


@dataclass(frozen=True)
class CustomerFile:
    """Everything about a customer that staff see on one page."""

    customer: Customer
    notes: Notes
    members: Sequence[Member]
    """Oldest user first."""
    balance: Balance
    watch: Watch | None
    slots: Slots
    invoices: Sequence[DocumentSummary]
    """The newest few."""

    @property
    def owner(self) -> Member | None:
        """Whose customer it is."""
        return next((member for member in self.members if member.membership.role == "owner"), None)

    @property
    def flags(self) -> Sequence[CustomerFlag]:
        """What stands out."""
        owner = self.owner
        found = {
            CustomerFlag.BLOCKED: self.customer.status is CustomerStatus.BLOCKED,
            CustomerFlag.CLOSED: self.customer.status is CustomerStatus.CLOSED,
            CustomerFlag.SUSPENDED: self.watch is not None and self.watch.status is not None,
            CustomerFlag.IN_DEBT: self.balance.debt_micros > 0,
            CustomerFlag.OWNER_UNVERIFIED: owner is not None and not owner.user.is_verified,
            CustomerFlag.AT_DEPLOYMENT_LIMIT: self.slots.taken >= self.slots.limit,
        }
        return [flag for flag, holds in found.items() if holds]


@dataclass(frozen=True)
class NewCustomer:
    """A customer that staff open for somebody."""

    email: EmailAddress
    name: str
    """The owner's."""
    company: str


@dataclass(frozen=True)
class CustomerChange:
    """What staff change of a customer; None leaves things as they are."""

    reason: str
    name: str | None = None
    company: str | None = None
    notes: str | None = None
    status: CustomerStatus | None = None
    """ACTIVE or BLOCKED."""
    deployment_limit: int | None = None
