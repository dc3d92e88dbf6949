"""Customers, their memberships, and the staff."""

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamodb.table import OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import check as check_that
from chalicelib.domain.foundation.access.models import CustomerStatus, StaffRole, StaffStatus
from chalicelib.kernel.transactions import Write


class CustomerRecord(Record, discriminator="CUSTOMER"):
    """`CUSTOMER#<id>` / `CUSTOMER`: an organisation that pays."""

    name = UnicodeAttribute()
    created_at = UnicodeAttribute()
    company = OptionalText()
    status = OptionalText()
    """A missing status means ACTIVE."""


def is_active() -> Condition:
    """Return the condition that a customer is neither blocked nor closed."""
    unset: Condition = CustomerRecord.status.does_not_exist()
    either: Condition = unset | (CustomerRecord.status == CustomerStatus.ACTIVE.value)
    return either


def active_customer(customer_id: str, asserts: str) -> Write:
    """Change nothing; assert that a customer is neither blocked nor closed."""
    return check_that(CustomerRecord(f"CUSTOMER#{customer_id}", "CUSTOMER"), is_active(), asserts)


class MembershipRecord(Record, discriminator="MEMBERSHIP"):
    """`USER#<id>` / `MEMBERSHIP#<customer id>`: a user's role in a customer; in `gsi1` by customer."""

    role = UnicodeAttribute()
    since = UnicodeAttribute()


class StaffRecord(Record, discriminator="STAFF"):
    """`USER#<id>` / `STAFF`: a user's membership of the staff; all of them in one partition of `gsi1`."""

    role = UnicodeAttribute()
    status = UnicodeAttribute()
    since = UnicodeAttribute()


def power_of(record: StaffRecord) -> StaffRole | None:
    """Return the role, or None if the membership is disabled."""
    return StaffRole(record.role) if record.status == StaffStatus.ACTIVE.value else None
