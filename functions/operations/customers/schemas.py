"""Requests and responses of the endpoints for staff about customers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from chalicelib.domain.foundation.access.models import CustomerStatus, Role
from chalicelib.domain.money.billing.models import MICROS_PER_CENT, DocumentSummary
from chalicelib.domain.operations.directory.models import (
    CustomerChange,
    CustomerFile,
    CustomerFlag,
    Entry,
    NewCustomer,
)
from chalicelib.domain.people.organisations.models import Member
from chalicelib.http import ApiModel, Money, StaffChange, StaffPageQuery
from functions.money.balance.schemas import BalanceView
from functions.people.fields import Email, PersonName

MAX_DEPLOYMENT_LIMIT = 10_000

Company = Annotated[
    str,
    StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f<>]*$"),
    Field(examples=["Acme Marketing GmbH"]),
]
NotesText = Annotated[
    str,
    StringConstraints(max_length=4000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"),
    Field(description="notes that only staff see", examples=["Prefers to be called in the morning."]),
]


class SettableStatus(StrEnum):
    """The states that staff can set; only the owner of a customer can close it."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"


class CustomersQuery(StaffPageQuery):
    """Selects customers."""

    search: Annotated[str, StringConstraints(min_length=2, max_length=100)] | None = Field(
        default=None,
        description="beginnings of words of names, companies and addresses, which must all match; or of an id",
        examples=["acme"],
    )
    status: CustomerStatus | None = None


class CustomerSummary(ApiModel):
    """A customer in a list."""

    id: str = Field(examples=["cus_01J…"])
    name: str
    company: str | None
    email: str | None = Field(description="the owner's")
    status: CustomerStatus
    created_at: datetime

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """The view of `entry`."""
        return cls(
            id=entry.customer_id,
            name=entry.name,
            company=entry.company or None,
            email=entry.email or None,
            status=entry.status,
            created_at=entry.created_at,
        )


class NewCustomerBody(StaffChange):
    """The owner of a customer that staff open."""

    audited_fields = frozenset({"email"})

    email: Email
    name: PersonName = Field(description="the owner's")
    company: Company = ""

    def wanted(self) -> NewCustomer:
        """The request as the domain's type."""
        return NewCustomer(self.email, self.name, self.company)


class CustomerChangeBody(StaffChange):
    """Changes of a customer; at least one field."""

    audited_fields = frozenset({"name", "company", "status", "deployment_limit"})

    name: PersonName | None = None
    company: Company | None = None
    notes: NotesText | None = None
    status: SettableStatus | None = Field(
        default=None,
        description="while BLOCKED, members can read, pay and delete machines, and API keys can do nothing",
    )
    deployment_limit: int | None = Field(default=None, ge=0, le=MAX_DEPLOYMENT_LIMIT)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields if name != "reason"):
            raise ValueError("give something that is to change")
        return self

    def wanted(self) -> CustomerChange:
        """The request as the domain's type."""
        return CustomerChange(
            reason=self.reason,
            name=self.name,
            company=self.company,
            notes=self.notes,
            status=CustomerStatus(self.status) if self.status else None,
            deployment_limit=self.deployment_limit,
        )


class CustomerMemberView(ApiModel):
    """A member of a customer."""

    user_id: str = Field(examples=["usr_01J…"])
    email: str
    name: str
    role: Role
    is_email_verified: bool
    since: datetime

    @classmethod
    def of(cls, member: Member) -> Self:
        """The view of `member`."""
        return cls(
            user_id=member.user.id,
            email=member.user.email,
            name=member.user.name,
            role=member.membership.role,
            is_email_verified=member.user.is_verified,
            since=member.membership.since,
        )


class InvoiceSummary(ApiModel):
    """An invoice in a customer's file."""

    id: str = Field(examples=["inv_01J…"])
    number: str
    issued_at: datetime
    total: Money

    @classmethod
    def of(cls, summary: DocumentSummary) -> Self:
        """The view of `summary`."""
        return cls(
            id=summary.id,
            number=summary.number,
            issued_at=summary.issued_at,
            total=Money.of(summary.total_cents * MICROS_PER_CENT),
        )


class CustomerFileView(ApiModel):
    """Everything that staff see about a customer on one page."""

    id: str = Field(examples=["cus_01J…"])
    name: str
    company: str | None
    status: CustomerStatus
    status_reason: str | None = Field(description="the reason of the last change by staff")
    status_changed_at: datetime | None
    created_at: datetime
    owner: CustomerMemberView | None
    members: list[CustomerMemberView]
    balance: BalanceView
    deployments: int = Field(description="the number that counts against the limit")
    deployment_limit: int
    invoices: list[InvoiceSummary] = Field(description="the newest five")
    flags: list[CustomerFlag] = Field(description="what staff should notice")
    notes: str

    @classmethod
    def of(cls, file: CustomerFile) -> Self:
        """The view of `file`."""
        return cls(
            id=file.customer.id,
            name=file.customer.name,
            company=file.customer.company or None,
            status=file.customer.status,
            status_reason=file.notes.status_reason or None,
            status_changed_at=file.notes.status_changed_at,
            created_at=file.customer.created_at,
            owner=CustomerMemberView.of(file.owner) if file.owner else None,
            members=[CustomerMemberView.of(member) for member in file.members],
            balance=BalanceView.of(file.balance, file.watch),
            deployments=file.slots.taken,
            deployment_limit=file.slots.limit,
            invoices=[InvoiceSummary.of(summary) for summary in file.invoices],
            flags=list(file.flags),
            notes=file.notes.text,
        )
