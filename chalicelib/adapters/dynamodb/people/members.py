"""Memberships, in the partition of their user and in `gsi1` by customer."""

from datetime import datetime

from chalicelib.adapters.dynamodb.foundation.places import CustomerRecord, MembershipRecord
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
from chalicelib.adapters.dynamodb.transactor import check, delete, insert, update
from chalicelib.domain.foundation.access.models import Role
from chalicelib.domain.people.accounts.models import Customer, Membership
from chalicelib.domain.people.organisations.models import Member
from chalicelib.domain.people.organisations.ports import MEMBER_UNCHANGED
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class DynamoMembers:
    """`MemberRecords` on the single table."""

    def get(self, customer_id: str, user_id: str) -> Membership | None:
        """One membership; see `MemberRecords.get`."""
        try:
            record = MembershipRecord.get(f"USER#{user_id}", f"MEMBERSHIP#{customer_id}", consistent_read=True)
        except MembershipRecord.DoesNotExist:
            return None
        customer = self.customer(customer_id)
        return _membership(record, customer.name if customer else "")

    def customer(self, customer_id: str) -> Customer | None:
        """The customer; see `MemberRecords.customer`."""
        try:
            record = CustomerRecord.get(f"CUSTOMER#{customer_id}", "CUSTOMER", consistent_read=True)
        except CustomerRecord.DoesNotExist:
            return None
        return Customer(customer_id, record.name, parse_isoformat(record.created_at))

    def list(self, customer_id: str, page: PageRequest) -> Page[Member]:
        """A page of members; see `MemberRecords.list`."""
        customer = self.customer(customer_id)
        found = query_page(
            MembershipRecord,
            f"MEMBERS#{customer_id}",
            page,
            lambda record: _membership(record, customer.name if customer else ""),
            index_name="gsi1",
        )
        users = DynamoUsers().several([membership.user_id for membership in found.items])
        there = [Member(users[one.user_id], one) for one in found.items if one.user_id in users]
        return Page(there, found.next_cursor)

    def insert(self, customer_id: str, user_id: str, role: Role, now: datetime) -> Write:
        """Add a membership; see `MemberRecords.insert`."""
        record = _key(customer_id, user_id)
        record.gsi1pk, record.gsi1sk = f"MEMBERS#{customer_id}", user_id
        record.role, record.since = role.value, isoformat(now)
        return insert(record, "membership_is_new")

    def change_role(self, membership: Membership, role: Role) -> Write:
        """Change the role; see `MemberRecords.change_role`."""
        changed = [MembershipRecord.role.set(role.value)]
        same = MembershipRecord.role == membership.role.value
        return update(_key_of(membership), changed, same, MEMBER_UNCHANGED)

    def remove(self, membership: Membership) -> Write:
        """Delete the membership; see `MemberRecords.remove`."""
        return delete(_key_of(membership), MembershipRecord.role == membership.role.value, MEMBER_UNCHANGED)

    def unchanged(self, membership: Membership, asserts: str) -> Write:
        """Assert that the membership is unchanged; see `MemberRecords.unchanged`."""
        return check(_key_of(membership), MembershipRecord.role == membership.role.value, asserts)

    def rename(self, customer_id: str, name: str) -> Write:
        """Rename the customer; see `MemberRecords.rename`."""
        key = CustomerRecord(f"CUSTOMER#{customer_id}", "CUSTOMER")
        return update(key, [CustomerRecord.name.set(name)], CustomerRecord.pk.exists(), "customer_is_there")


def _key(customer_id: str, user_id: str) -> MembershipRecord:
    return MembershipRecord(f"USER#{user_id}", f"MEMBERSHIP#{customer_id}")


def _key_of(membership: Membership) -> MembershipRecord:
    return _key(membership.customer_id, membership.user_id)


def _membership(record: MembershipRecord, customer_name: str) -> Membership:
    return Membership(
        user_id=record.pk.partition("#")[2],
        customer_id=record.sk.partition("#")[2],
        customer_name=customer_name,
        role=Role(record.role),
        since=parse_isoformat(record.since),
    )
