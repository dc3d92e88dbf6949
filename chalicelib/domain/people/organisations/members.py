"""The members of a customer, and their roles.

A customer has exactly one owner at any time: registering creates the first one, and only an accepted offer of
ownership creates another, in the transaction that makes the previous owner an administrator. `ROLE_SCOPES` says
what a role may do, and also who may change roles: nobody can grant or remove a role with more scopes than their
own.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.foundation.access.models import ROLE_SCOPES, Principal, Role, Scope
from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.domain.foundation.activity.ports import ActivityWrites
from chalicelib.domain.people.accounts.models import Letter, LetterKind, Membership, Origin, User
from chalicelib.domain.people.accounts.ports import Letters, Users
from chalicelib.domain.people.organisations.models import Invitation, InvitationKind, Member
from chalicelib.domain.people.organisations.ports import (
    INVITER_MAY,
    MEMBER_UNCHANGED,
    ROSTER_UNCHANGED,
    MemberKeys,
    MemberRecords,
    Rosters,
)
from chalicelib.domain.people.sessions.ports import SESSION_UNCHANGED, Sessions
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, Forbidden, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_STALE = frozenset({ROSTER_UNCHANGED, MEMBER_UNCHANGED, SESSION_UNCHANGED})
NO_SUCH_MEMBER = "There is no such member."
_NOT_YOURS_TO_CHANGE = "Your own role does not let you change who belongs to the organisation any more."
_OWNER_STAYS = "The owner's role changes only by handing the organisation over to another member."


def may_grant(scopes: frozenset[Scope], role: Role) -> bool:
    """Whether a holder of `scopes` may grant and remove `role`. Ownership cannot be granted this way."""
    return role is not Role.OWNER and ROLE_SCOPES[role] <= scopes


def grantable_scopes(principal: Principal) -> frozenset[Scope]:
    """Return the scopes that the principal may grant; a key confined to a project grants no roles, as roles reach
    all.
    """
    return frozenset() if principal.project_id else principal.scopes


class Members:
    """Lists and changes the members of a customer."""

    def __init__(
        self,
        *,
        records: MemberRecords,
        rosters: Rosters,
        users: Users,
        sessions: Sessions,
        letters: Letters,
        keys: MemberKeys,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._rosters = rosters
        self._users = users
        self._sessions = sessions
        self._letters = letters
        self._keys = keys
        self._transactor = transactor
        self._clock = clock

    def list(self, customer_id: str, page: PageRequest) -> Page[Member]:
        """Return the customer's members, oldest user first."""
        return self._records.list(customer_id, page)

    def change_role(self, principal: Principal, user_id: str, role: Role) -> Member:
        """Change a member's role in the principal's customer, effective at once, and notify them by mail.

        API keys of the member that hold more scopes than the new role are revoked.

        Raises:
            NotFound: there is no such member.
            Forbidden: the member is the owner, or the old or new role is above the principal's own.
        """
        member = with_fresh_reads(lambda: self._change_role(principal, user_id, role), stale=_STALE)
        self._keys.revoke_beyond(principal.customer_id, user_id, ROLE_SCOPES[role])
        return member

    def remove(self, principal: Principal, user_id: str) -> None:
        """End a membership in the principal's customer at once, and notify the member by mail.

        The user's sessions switch to another of their customers, and the API keys that they made are revoked.

        Raises:
            NotFound: there is no such member.
            Forbidden: the member is the owner, or has a role above the principal's own.
        """
        with_fresh_reads(lambda: self._remove(principal, user_id), stale=_STALE)
        self._keys.revoke_beyond(principal.customer_id, user_id, frozenset())

    def leave(self, customer_id: str, user_id: str) -> None:
        """End the user's own membership.

        Raises:
            NotFound: the user is not a member.
            Conflict: the user is the owner, who must hand over the ownership first.
        """
        with_fresh_reads(lambda: self._leave(customer_id, user_id), stale=_STALE)
        self._keys.revoke_beyond(customer_id, user_id, frozenset())

    def _change_role(self, principal: Principal, user_id: str, role: Role) -> Member:
        customer_id = principal.customer_id
        roster, member = self._rosters.get(customer_id), self._member(customer_id, user_id)
        before = member.membership
        guard = self._right_to_change(principal, before, role)
        if role is before.role:
            return member
        values = {"place": before.customer_name, "old_role": before.role.value, "role": role.value}
        self._transactor.commit(
            [
                self._records.change_role(before, role),
                *guard,
                self._rosters.change(customer_id, roster),
                *self._tell(principal, member.user, LetterKind.ROLE_CHANGED, values),
            ]
        )
        return replace(member, membership=replace(before, role=role))

    def _remove(self, principal: Principal, user_id: str) -> None:
        member = self._member(principal.customer_id, user_id)
        values = {"place": member.membership.customer_name}
        self._transactor.commit(
            [
                *self._right_to_change(principal, member.membership),
                *self._ending(member.membership),
                *self._tell(principal, member.user, LetterKind.MEMBER_REMOVED, values),
            ]
        )

    def _leave(self, customer_id: str, user_id: str) -> None:
        membership = self._records.get(customer_id, user_id)
        if membership is None:
            raise NotFound(NO_SUCH_MEMBER)
        if membership.role is Role.OWNER:
            raise Conflict("You are the owner; hand the organisation over to another member first, or close it.")
        self._transactor.commit(self._ending(membership))

    def _ending(self, membership: Membership) -> Sequence[Write]:
        """Return Writes that end a membership; sessions for this customer switch to another of the user's
        customers.
        """
        user_id, customer_id = membership.user_id, membership.customer_id
        others = [other for other in self._users.memberships(user_id) if other.customer_id != customer_id]
        instead = others[0].customer_id if others else ""
        bound = [one for one in self._sessions.all_of(user_id) if one.customer_id == customer_id]
        return [
            self._records.remove(membership),
            self._rosters.change(customer_id, self._rosters.get(customer_id), joined=-1),
            self._rosters.change(user_id, self._rosters.get(user_id), joined=-1),
            *(self._sessions.switch_customer(session, instead) for session in bound),
        ]

    def _member(self, customer_id: str, user_id: str) -> Member:
        membership, user = self._records.get(customer_id, user_id), self._users.get(user_id)
        if membership is None or user is None:
            raise NotFound(NO_SUCH_MEMBER)
        return Member(user, membership)

    def _right_to_change(self, principal: Principal, membership: Membership, *roles: Role) -> Sequence[Write]:
        """Return assertions that the principal may still end the membership, or change it to one of `roles`.

        The principal's current role counts: it may have been lowered since the request was admitted.

        Raises:
            Forbidden: the principal may not change this membership, or may not grant such a role.
        """
        if membership.role is Role.OWNER:
            raise Forbidden(_OWNER_STAYS)
        actor = self._records.get(principal.customer_id, principal.user_id)
        held = ROLE_SCOPES[actor.role] & grantable_scopes(principal) if actor else frozenset()
        if actor is None or Scope.MEMBERS_WRITE not in held:
            raise Forbidden(_NOT_YOURS_TO_CHANGE)
        for role in (membership.role, *roles):
            if not may_grant(held, role):
                raise Forbidden(_above(role))
        is_own_membership = actor.user_id == membership.user_id
        return [] if is_own_membership else [self._records.unchanged(actor, MEMBER_UNCHANGED)]

    def _tell(self, principal: Principal, user: User, kind: LetterKind, values: dict[str, str]) -> Sequence[Write]:
        """Return a letter to the user concerned, unless they made the change themselves."""
        actor = self._users.get(principal.user_id)
        if actor is None or actor.id == user.id:
            return []
        now = self._clock.now()
        letter = Letter(new_id(Kind.LETTER, now), kind, user.email, now, {**values, "actor": actor.name})
        return [self._letters.add(letter)]


class OrganisationPlace:
    """A `Place` for the members of a customer."""

    kind = InvitationKind.MEMBER
    people_joining = 1

    def __init__(self, records: MemberRecords, log: ActivityWrites) -> None:
        self._records = records
        self._log = log

    def name(self, place_id: str) -> str:
        """Return the customer's name; see `Place.name`."""
        customer = self._records.customer(place_id)
        return customer.name if customer else ""

    def may_grant(self, scopes: frozenset[Scope], role: str) -> bool:
        """Whether `scopes` cover the role; see `Place.may_grant`."""
        return may_grant(scopes, Role(role))

    def inviter_still_may(self, invitation: Invitation) -> Sequence[Write]:
        """Assert that the inviter is a member whose role covers the offered one; see `Place.inviter_still_may`."""
        inviter = self._records.get(invitation.place_id, invitation.inviter_id)
        scopes = ROLE_SCOPES[inviter.role] if inviter else frozenset()
        if inviter is None or Scope.MEMBERS_WRITE not in scopes or not may_grant(scopes, Role(invitation.role)):
            raise ConditionFailed(INVITER_MAY)
        return [self._records.unchanged(inviter, MEMBER_UNCHANGED)]

    def has(self, place_id: str, user_id: str) -> bool:
        """Whether the user is a member; see `Place.has`."""
        return self._records.get(place_id, user_id) is not None

    def join(self, invitation: Invitation, user_id: str, now: datetime) -> Sequence[Write]:
        """Make the user a member; see `Place.join`."""
        return [self._records.insert(invitation.place_id, user_id, Role(invitation.role), now)]

    def note(
        self, invitation: Invitation, action: str, actor_user_id: str, origin: Origin, now: datetime
    ) -> Sequence[Write]:
        """Log it in the customer's activity log; see `Place.note`."""
        return [self._log.insert(_activity(invitation, action, actor_user_id, origin, now))]


def _above(role: Role) -> str:
    return f"Your own role is not enough for that: nobody gives or takes the role {role} without holding it."


def _activity(invitation: Invitation, action: str, actor_user_id: str, origin: Origin, now: datetime) -> Activity:
    return Activity(
        id=new_id(Kind.ACTIVITY, now),
        customer_id=invitation.place_id,
        at=now,
        actor_user_id=actor_user_id,
        action=action,
        outcome=Outcome.DONE,
        targets={"invitationId": invitation.id, "email": invitation.email, "role": invitation.role},
        ip=origin.ip,
        request_id=origin.request_id,
    )
