"""Ports of the staff services."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.people.staff.models import StaffMember, StaffMembership
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

PLACE_UNCHANGED = "staff_place_unchanged"
OWNER_REMAINS = "an_owner_remains"
STILL_OWNER = "still_an_owner"


class StaffRecords(Protocol):
    """Stored memberships of the staff."""

    def get(self, user_id: str) -> StaffMembership | None:
        """Return the user's membership of the staff (strongly consistent)."""
        ...

    def list(self, page: PageRequest) -> Page[StaffMember]:
        """Return all members of the staff, oldest user first. The index is eventually consistent."""
        ...

    def insert(self, membership: StaffMembership) -> Sequence[Write]:
        """Add a membership; asserts `staff_is_new`."""
        ...

    def replace(self, before: StaffMembership, after: StaffMembership) -> Sequence[Write]:
        """Replace a membership; asserts PLACE_UNCHANGED since `before` was read, and OWNER_REMAINS."""
        ...

    def remove(self, membership: StaffMembership) -> Sequence[Write]:
        """Delete a membership; asserts PLACE_UNCHANGED since `membership` was read, and OWNER_REMAINS."""
        ...

    def still_owner(self, user_id: str, asserts: str) -> Write:
        """Change nothing; assert under the name `asserts` that the user is an active owner."""
        ...
