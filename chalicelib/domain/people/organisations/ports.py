"""What organisations need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.foundation.access.models import Role, Scope
from chalicelib.domain.people.accounts.models import Customer, Membership, Origin
from chalicelib.domain.people.organisations.models import Invitation, InvitationKind, Member, Roster
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

ROSTER_UNCHANGED = "roster_unchanged"
MEMBER_UNCHANGED = "member_unchanged"


class Rosters(Protocol):
    """One roster for each customer, one for each person, and one for the staff."""

    def get(self, owner: str) -> Roster:
        """The roster of a customer, a person (their ids), or STAFF; strongly consistent, empty at first."""
        ...

    def change(self, owner: str, roster: Roster, *, joined: int = 0) -> Write:
        """Note a change, and how many more have `joined`; asserts ROSTER_UNCHANGED since `roster` was read."""
        ...


class MemberRecords(Protocol):
    """Where memberships are kept. Single reads are strongly consistent."""

    def get(self, customer_id: str, user_id: str) -> Membership | None:
        """What the user is in the customer; nothing for a stranger."""
        ...

    def customer(self, customer_id: str) -> Customer | None:
        """The customer itself."""
        ...

    def list(self, customer_id: str, page: PageRequest) -> Page[Member]:
        """Who belongs to the customer, oldest user first; the index may lag behind by moments."""
        ...

    def insert(self, customer_id: str, user_id: str, role: Role, now: datetime) -> Write:
        """Add a membership; asserts `membership_is_new`."""
        ...

    def change_role(self, membership: Membership, role: Role) -> Write:
        """Make it another role; asserts MEMBER_UNCHANGED: it is there, with the role that `membership` has."""
        ...

    def remove(self, membership: Membership) -> Write:
        """End it; asserts MEMBER_UNCHANGED: it is there, with the role that `membership` has."""
        ...

    def unchanged(self, membership: Membership, asserts: str) -> Write:
        """Change nothing; asserts, under this name, that it is there with the role that `membership` has."""
        ...

    def rename(self, customer_id: str, name: str) -> Write:
        """Give the customer another name; asserts `customer_is_there`."""
        ...


class MakersKeys(Protocol):
    """The API keys that members have made."""

    def revoke_beyond(self, customer_id: str, user_id: str, allowed: frozenset[Scope]) -> Sequence[str]:
        """Revoke those keys of the user in the customer that may do more than `allowed`; gives their ids."""
        ...


INVITATION_OPEN = "invitation_open"
INVITER_MAY = "inviter_may"
NOT_IN_PLACE = "membership_is_new"


class InvitationRecords(Protocol):
    """Where invitations are kept. Reads are strongly consistent."""

    def get(self, kind: InvitationKind, place_id: str, invitation_id: str) -> Invitation | None:
        """One invitation of a place; another place's is not found."""
        ...

    def list(self, kind: InvitationKind, place_id: str, page: PageRequest, now: datetime) -> Page[Invitation]:
        """Those of a place that are open at `now`, newest first."""
        ...

    def all_open(self, kind: InvitationKind, place_id: str, now: datetime) -> Sequence[Invitation]:
        """All of those."""
        ...

    def insert(self, invitation: Invitation) -> Write:
        """Add `invitation`."""
        ...

    def replace(self, before: Invitation, after: Invitation) -> Write:
        """Change an invitation; asserts INVITATION_OPEN: it is there, with the token that `before` has."""
        ...

    def remove(self, invitation: Invitation) -> Write:
        """Spend or withdraw it; asserts INVITATION_OPEN: it is there, with the token that `invitation` has."""
        ...


class Place(Protocol):
    """Where invitations lead."""

    kind: InvitationKind
    people_joining: int
    """How many more people the place has once an invitation is accepted: one, or none."""

    def name(self, place_id: str) -> str:
        """What the invited person is shown."""
        ...

    def may_grant(self, scopes: frozenset[Scope], role: str) -> bool:
        """Whether whoever holds `scopes` may give others this role: never one above their own."""
        ...

    def inviter_still_may(self, invitation: Invitation) -> Sequence[Write]:
        """Nothing but assertions: INVITER_MAY, that whoever sent it could send it now.

        Raises:
            ConditionFailed: INVITER_MAY does not hold.
        """
        ...

    def has(self, place_id: str, user_id: str) -> bool:
        """Whether this user is there already; as much work for nobody's id (an empty one)."""
        ...

    def join(self, invitation: Invitation, user_id: str, now: datetime) -> Sequence[Write]:
        """Let the user in; asserts NOT_IN_PLACE, and MEMBER_UNCHANGED of what it has read.

        Raises:
            ConditionFailed: INVITER_MAY does not hold.
        """
        ...

    def note(
        self, invitation: Invitation, action: str, actor_user_id: str, origin: Origin, now: datetime
    ) -> Sequence[Write]:
        """Put what happened to an invitation into the log of the place."""
        ...
