"""What the staff's administration needs from outside."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.people.staff.models import StaffMember, StaffMembership
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

PLACE_UNCHANGED = "staff_place_unchanged"
OWNER_REMAINS = "an_owner_remains"
STILL_OWNER = "still_an_owner"


class StaffRecords(Protocol):
    """Places in the staff."""

    def get(self, user_id: str) -> StaffMembership | None:
        """The user's place, as last written."""
        ...

    def list(self, page: PageRequest) -> Page[StaffMember]:
        """Everybody in the staff, oldest user first; the index may lag behind by moments."""
        ...

    def insert(self, membership: StaffMembership) -> Sequence[Write]:
        """Give somebody a place; asserts `staff_is_new`."""
        ...

    def replace(self, before: StaffMembership, after: StaffMembership) -> Sequence[Write]:
        """Change a place; asserts PLACE_UNCHANGED as `before` has it, and OWNER_REMAINS."""
        ...

    def remove(self, membership: StaffMembership) -> Sequence[Write]:
        """Take a place away; asserts PLACE_UNCHANGED as `membership` has it, and OWNER_REMAINS."""
        ...

    def still_owner(self, user_id: str, asserts: str) -> Write:
        """Change nothing; asserts, under this name, that the user is an active owner."""
        ...
