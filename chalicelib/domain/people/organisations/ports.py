"""Ports of the organisation services."""

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
        """Return the roster of a customer or user (by id) or of STAFF; strongly consistent, empty at first."""
        ...

    def change(self, owner: str, roster: Roster, *, joined: int = 0) -> Write:
        """Count a change, and add `joined` to the number of members; asserts ROSTER_UNCHANGED since `roster` was
        read.
        """
        ...


class MemberRecords(Protocol):
    """Stored memberships. Single reads are strongly consistent."""

    def get(self, customer_id: str, user_id: str) -> Membership | None:
        """Return the user's membership of the customer, or None."""
        ...

    def customer(self, customer_id: str) -> Customer | None:
        """Return the customer."""
        ...

    def list(self, customer_id: str, page: PageRequest) -> Page[Member]:
        """Return the customer's members, oldest user first. The index is eventually consistent."""
        ...

    def insert(self, customer_id: str, user_id: str, role: Role, now: datetime) -> Write:
        """Add a membership; asserts `membership_is_new`."""
        ...

    def change_role(self, membership: Membership, role: Role) -> Write:
        """Change the role; asserts MEMBER_UNCHANGED: the membership exists with the role of `membership`."""
        ...

    def remove(self, membership: Membership) -> Write:
        """Delete the membership; asserts MEMBER_UNCHANGED: it exists with the role of `membership`."""
        ...

    def unchanged(self, membership: Membership, asserts: str) -> Write:
        """Change nothing; assert under the name `asserts` that it exists with the role of `membership`."""
        ...

    def rename(self, customer_id: str, name: str) -> Write:
        """Rename the customer; asserts `customer_is_there`."""
        ...


class MemberKeys(Protocol):
    """The API keys that members made."""

    def revoke_beyond(self, customer_id: str, user_id: str, allowed: frozenset[Scope]) -> Sequence[str]:
        """Revoke the user's keys in the customer that hold scopes outside `allowed`; return their ids."""
        ...


INVITATION_OPEN = "invitation_open"
INVITER_MAY = "inviter_may"
NOT_IN_PLACE = "membership_is_new"


class InvitationRecords(Protocol):
    """Stored invitations. Reads are strongly consistent."""

    def get(self, kind: InvitationKind, place_id: str, invitation_id: str) -> Invitation | None:
        """Return an invitation of the place, or None."""
        ...

    def list(self, kind: InvitationKind, place_id: str, page: PageRequest, now: datetime) -> Page[Invitation]:
        """Return the place's invitations that are open at `now`, newest first."""
        ...

    def all_open(self, kind: InvitationKind, place_id: str, now: datetime) -> Sequence[Invitation]:
        """Return all invitations of the place that are open at `now`."""
        ...

    def insert(self, invitation: Invitation) -> Write:
        """Add `invitation`."""
        ...

    def replace(self, before: Invitation, after: Invitation) -> Write:
        """Replace an invitation; asserts INVITATION_OPEN: it exists with the token of `before`."""
        ...

    def remove(self, invitation: Invitation) -> Write:
        """Delete an invitation; asserts INVITATION_OPEN: it exists with the token of `invitation`."""
        ...


class Place(Protocol):
    """What an invitation leads to: a customer's members, its ownership, or the staff."""

    kind: InvitationKind
    people_joining: int
    """How many members an accepted invitation adds: 1 or 0."""

    def name(self, place_id: str) -> str:
        """Return the name that is shown to the invited person."""
        ...

    def may_grant(self, scopes: frozenset[Scope], role: str) -> bool:
        """Whether a holder of `scopes` may grant this role; never one above their own."""
        ...

    def inviter_still_may(self, invitation: Invitation) -> Sequence[Write]:
        """Return only assertions: INVITER_MAY, that the inviter could still send this invitation.

        Raises:
            ConditionFailed: INVITER_MAY does not hold.
        """
        ...

    def has(self, place_id: str, user_id: str) -> bool:
        """Whether this user is a member already; takes equal time for an empty id."""
        ...

    def join(self, invitation: Invitation, user_id: str, now: datetime) -> Sequence[Write]:
        """Add the user; asserts NOT_IN_PLACE, and MEMBER_UNCHANGED for memberships that it read.

        Raises:
            ConditionFailed: INVITER_MAY does not hold.
        """
        ...

    def note(
        self, invitation: Invitation, action: str, actor_user_id: str, origin: Origin, now: datetime
    ) -> Sequence[Write]:
        """Log what happened to an invitation in the log of the place."""
        ...
