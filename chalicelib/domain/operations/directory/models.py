"""The staff's view of a customer."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.cloud.deployments.models import Slots
from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.domain.foundation.access.models import CustomerStatus
from chalicelib.domain.money.billing.models import DocumentSummary
from chalicelib.domain.money.ledger.models import Balance
from chalicelib.domain.people.accounts.models import Customer, EmailAddress
from chalicelib.domain.people.organisations.models import Member
from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A customer in the directory, and the words by which searches find it."""

    customer_id: str
    name: str
    company: str
    email: str
    """The owner's address; empty if there is none."""
    status: CustomerStatus
    created_at: datetime
    words: tuple[str, ...] = ()
    version: int = 0
    """Increases with each change; 0 is an entry that is not stored yet."""


@dataclass(frozen=True)
class Notes:
    """The staff's internal notes about a customer."""

    text: str = ""
    status_reason: str = ""
    """The reason for the last change of the status."""
    status_changed_at: datetime | None = None


class CustomerFlag(StrEnum):
    """Facts about a customer that staff should notice."""

    BLOCKED = "BLOCKED"
    CLOSED = "CLOSED"
    SUSPENDED = "SUSPENDED"
    IN_DEBT = "IN_DEBT"
    OWNER_UNVERIFIED = "OWNER_UNVERIFIED"
    AT_DEPLOYMENT_LIMIT = "AT_DEPLOYMENT_LIMIT"


@dataclass(frozen=True)
class CustomerFile:
    """All data about a customer that staff see on one page."""

    customer: Customer
    notes: Notes
    members: Sequence[Member]
    """Oldest user first."""
    balance: Balance
    watch: Watch | None
    slots: Slots
    invoices: Sequence[DocumentSummary]
    """The newest ones."""

    @property
    def owner(self) -> Member | None:
        """The member who owns the customer."""
        return next((member for member in self.members if member.membership.role == "owner"), None)

    @property
    def flags(self) -> Sequence[CustomerFlag]:
        """The facts that staff should notice."""
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
    """A customer that staff create for another person."""

    email: EmailAddress
    name: str
    """The owner's name."""
    company: str


@dataclass(frozen=True)
class CustomerChange:
    """A change of a customer by staff; None keeps a value."""

    reason: str
    name: str | None = None
    company: str | None = None
    notes: str | None = None
    status: CustomerStatus | None = None
    """ACTIVE or BLOCKED."""
    deployment_limit: int | None = None
