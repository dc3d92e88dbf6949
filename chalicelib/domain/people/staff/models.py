"""Who belongs to the staff."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.foundation.access.models import StaffRole, StaffStatus
from chalicelib.domain.people.accounts.models import User


@dataclass(frozen=True)
class StaffMembership:
    """A user's place in the staff."""

    user_id: str
    role: StaffRole
    status: StaffStatus
    since: datetime

    @property
    def is_owner(self) -> bool:
        """Whether it is one of the owners that count."""
        return self.role is StaffRole.OWNER and self.status is StaffStatus.ACTIVE


@dataclass(frozen=True)
class StaffMember:
    """A place in the staff with the person who has it."""

    membership: StaffMembership
    user: User
