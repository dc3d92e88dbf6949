"""The operator's staff."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamodb.foundation.places import StaffRecord
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.people.accounts import UserRecord, user_of
from chalicelib.adapters.dynamodb.table import IntegerAttribute, Record
from chalicelib.adapters.dynamodb.transactor import check, delete, insert, update
from chalicelib.domain.foundation.access.models import StaffRole, StaffStatus
from chalicelib.domain.people.staff.models import StaffMember, StaffMembership
from chalicelib.domain.people.staff.ports import OWNER_REMAINS, PLACE_UNCHANGED
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_ALL = "STAFF"


class OwnerCountRecord(Record, discriminator="OWNER_COUNT"):
    """`STAFF` / `OWNER_COUNT`: the number of active owners."""

    owners = IntegerAttribute()


class DynamoStaff:
    """`StaffRecords` in the users' partitions, and all in one partition of `gsi1`."""

    def get(self, user_id: str) -> StaffMembership | None:
        """Return the user's membership of the staff; see `StaffRecords.get`."""
        try:
            return _membership(StaffRecord.get(f"USER#{user_id}", "STAFF", consistent_read=True))
        except StaffRecord.DoesNotExist:
            return None

    def list(self, page: PageRequest) -> Page[StaffMember]:
        """Return all members of the staff; see `StaffRecords.list`."""
        found = query_page(StaffRecord, _ALL, page, _membership, index_name="gsi1")
        keys = [(f"USER#{membership.user_id}", "USER") for membership in found.items]
        people = {user.id: user for user in map(user_of, UserRecord.batch_get(keys, consistent_read=True))}
        members = [StaffMember(one, people[one.user_id]) for one in found.items if one.user_id in people]
        return Page(members, found.next_cursor)

    def insert(self, membership: StaffMembership) -> Sequence[Write]:
        """Add a membership; see `StaffRecords.insert`."""
        record = StaffRecord(
            f"USER#{membership.user_id}",
            "STAFF",
            gsi1pk=_ALL,
            gsi1sk=membership.user_id,
            role=membership.role.value,
            status=membership.status.value,
            since=isoformat(membership.since),
        )
        return [insert(record, "staff_is_new"), *_counted(int(membership.is_owner))]

    def replace(self, before: StaffMembership, after: StaffMembership) -> Sequence[Write]:
        """Replace a membership; see `StaffRecords.replace`."""
        actions = [StaffRecord.role.set(after.role.value), StaffRecord.status.set(after.status.value)]
        changed = update(_key(before.user_id), actions, _unchanged(before), PLACE_UNCHANGED)
        return [changed, *_counted(after.is_owner - before.is_owner)]

    def remove(self, membership: StaffMembership) -> Sequence[Write]:
        """Delete a membership; see `StaffRecords.remove`."""
        removed = delete(_key(membership.user_id), _unchanged(membership), PLACE_UNCHANGED)
        return [removed, *_counted(-int(membership.is_owner))]

    def still_owner(self, user_id: str, asserts: str) -> Write:
        """Assert that the user is an active owner; see `StaffRecords.still_owner`."""
        active = StaffRecord.status == StaffStatus.ACTIVE.value
        return check(_key(user_id), active & (StaffRecord.role == StaffRole.OWNER.value), asserts)


def _counted(change: int) -> Sequence[Write]:
    """Change the number of owners; asserts that one remains."""
    if change == 0:
        return []
    condition = OwnerCountRecord.owners > 1 if change < 0 else None
    actions = [OwnerCountRecord.owners.add(change), OwnerCountRecord.kind.set(OwnerCountRecord)]
    return [update(OwnerCountRecord(_ALL, "OWNER_COUNT"), actions, condition, OWNER_REMAINS)]


def _unchanged(membership: StaffMembership) -> Condition:
    role: Condition = StaffRecord.role == membership.role.value
    both: Condition = role & (StaffRecord.status == membership.status.value)
    return both


def _key(user_id: str) -> StaffRecord:
    return StaffRecord(f"USER#{user_id}", "STAFF")


def _membership(record: StaffRecord) -> StaffMembership:
    return StaffMembership(
        user_id=record.pk.partition("#")[2],
        role=StaffRole(record.role),
        status=StaffStatus(record.status),
        since=parse_isoformat(record.since),
    )


class SetupRecord(Record, discriminator="SETUP"):
    """`SETUP` / `SETUP`: the installation has a first owner."""

    owner_user_id = UnicodeAttribute()
    at = UnicodeAttribute()


class DynamoInstallation:
    """`Installation`, one item."""

    def is_set_up(self) -> bool:
        """Whether there is a first owner."""
        try:
            SetupRecord.get("SETUP", "SETUP", consistent_read=True)
        except SetupRecord.DoesNotExist:
            return False
        return True

    def set_up(self, owner_user_id: str, now: datetime) -> Write:
        """Record that the first owner exists; see `Installation.set_up`."""
        return insert(SetupRecord("SETUP", "SETUP", owner_user_id=owner_user_id, at=isoformat(now)), "not_set_up")
