"""Members and invitations of customers."""

from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.people.accounts.models import EmailAddress, Membership, User
from chalicelib.kernel.dataclasses import dataclass

STAFF = "staff"
"""The place id of the operator's staff; other place ids are customers' ids."""
MAX_JOINED_MEMBERS = 99
"""Not counting the owner; all members fit into one read."""
MAX_JOINED_CUSTOMERS = 49
"""Not counting the customer that the user registered with."""


@dataclass(frozen=True)
class Roster:
    """Counts the changes of a place's members (or of a user's memberships), and how many joined."""

    version: int
    joined: int
    """Not counting the first, who was there before the count began."""


@dataclass(frozen=True)
class Member:
    """A member of a customer, as shown to other members."""

    user: User
    membership: Membership


INVITATION_LIFE = timedelta(days=7)


class InvitationKind(StrEnum):
    """What accepting an invitation gives."""

    MEMBER = "member"
    STAFF = "staff"
    OWNERSHIP = "ownership"


@dataclass(frozen=True)
class Invitation:
    """An invitation by mail to have `role` in a place."""

    id: str
    kind: InvitationKind
    place_id: str
    """A customer's id, or STAFF."""
    place_name: str
    role: str
    """A `Role`, or a `StaffRole` if the place is the staff."""
    email: EmailAddress
    inviter_id: str
    inviter_name: str
    created_at: datetime
    expires_at: datetime
    token_hash: str = ""
    """The hash of the token in the newest mail; empty until that mail is rendered."""

    def is_open(self, now: datetime) -> bool:
        """Whether the invitation can still be accepted."""
        return now < self.expires_at
