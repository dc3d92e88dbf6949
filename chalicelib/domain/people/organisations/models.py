"""Organisations' members and invitations."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.people.accounts.models import EmailAddress, Membership, User

STAFF = "staff"
"""The place of the operator's own people, beside customers' ids."""
MAX_JOINED_MEMBERS = 99
"""Besides the owner: all members fit into one read."""
MAX_JOINED_CUSTOMERS = 49
"""Besides the one that a person registers with."""


@dataclass(frozen=True)
class Roster:
    """How often the people of a place (or the places of a person) have changed, and how many have joined."""

    version: int
    joined: int
    """Besides the first, which there was before anybody counted."""


@dataclass(frozen=True)
class Member:
    """Somebody who belongs to an organisation, as the others see them."""

    user: User
    membership: Membership


INVITATION_LIFE = timedelta(days=7)


class InvitationKind(StrEnum):
    """What accepting makes of somebody."""

    MEMBER = "member"
    STAFF = "staff"
    OWNERSHIP = "ownership"


@dataclass(frozen=True)
class Invitation:
    """Somebody is asked, by mail, to be `role` somewhere."""

    id: str
    kind: InvitationKind
    place_id: str
    """A customer's id, or STAFF."""
    place_name: str
    role: str
    """A `Role`, or a `StaffRole` where the place is the staff."""
    email: EmailAddress
    inviter_id: str
    inviter_name: str
    created_at: datetime
    expires_at: datetime
    token_hash: str = ""
    """Of the token in the newest mail; empty until that is written."""

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be accepted."""
        return now < self.expires_at
