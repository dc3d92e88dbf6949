"""Members of the staff."""

from datetime import datetime

from chalicelib.domain.foundation.access.models import StaffRole, StaffStatus
from chalicelib.domain.people.accounts.models import User
from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class StaffMembership:
    """A user's membership of the staff."""

    user_id: str
    role: StaffRole
    status: StaffStatus
    since: datetime

    @property
    def is_owner(self) -> bool:
        """Whether it is an active owner."""
        return self.role is StaffRole.OWNER and self.status is StaffStatus.ACTIVE


@dataclass(frozen=True)
class StaffMember:
    """A membership of the staff with its user."""

    membership: StaffMembership
    user: User
