"""Accepts and declines invitations: the invited person's side."""

from collections.abc import Sequence

from chalicelib.domain.people.accounts.models import Origin, User
from chalicelib.domain.people.accounts.passwords import new_password
from chalicelib.domain.people.accounts.ports import Passwords, Users
from chalicelib.domain.people.organisations.invitation_tokens import InvitationOpener, void_invitation
from chalicelib.domain.people.organisations.models import (
    MAX_JOINED_CUSTOMERS,
    MAX_JOINED_MEMBERS,
    Invitation,
)
from chalicelib.domain.people.organisations.ports import (
    INVITATION_OPEN,
    INVITER_MAY,
    MEMBER_UNCHANGED,
    ROSTER_UNCHANGED,
    InvitationRecords,
    Place,
    Rosters,
)
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import (
    Conflict,
    Forbidden,
    HearthError,
    LimitExceeded,
)
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads


@dataclass(frozen=True)
class FoundInvitation:
    """An invitation as shown to the holder of its token."""

    invitation: Invitation
    has_account: bool
    """Whether the invited address has an account."""


class Entrance:
    """Shows invitations to their recipients, and accepts or declines them."""

    def __init__(
        self,
        *,
        place: Place,
        records: InvitationRecords,
        opener: InvitationOpener,
        rosters: Rosters,
        users: Users,
        passwords: Passwords,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._place = place
        self._records = records
        self._opener = opener
        self._rosters = rosters
        self._users = users
        self._passwords = passwords
        self._transactor = transactor
        self._clock = clock

    def look_up(self, token: str, origin: Origin) -> FoundInvitation:
        """Return the invitation with this token.

        Raises:
            InvalidInput: the token is not, or no longer, valid.
            RateLimited: too many tokens were tried.
        """
        invitation = self._opener.open(self._place.kind, token, origin)
        return FoundInvitation(invitation, self._users.by_email(invitation.email) is not None)

    def accept(self, token: str, user_id: str, origin: Origin) -> Invitation:
        """Accept an invitation for a user who is signed in with the invited address.

        Raises:
            InvalidInput: the token is not, or no longer, valid, or the inviter may no longer invite.
            Forbidden: the invitation is for another address.
            Conflict: the user is a member already.
            LimitExceeded: the place is full, or the user has too many memberships.
            RateLimited: too many tokens were tried.
        """
        user = self._users.get(user_id)
        invitation = self._opener.open(self._place.kind, token, origin)
        if user is None or user.email != invitation.email:
            raise Forbidden("This invitation is for another address; sign in with the one that it was sent to.")
        return self._let_in(invitation, user, [], origin)

    def accept_as_new(self, token: str, name: str, password: str, origin: Origin) -> Invitation:
        """Register the holder of the token and accept the invitation; the token also proves the address.

        Raises:
            InvalidInput: the token is not, or no longer, valid, the inviter may no longer invite, or the password
                is not allowed (then the invitation stays open).
            Conflict: the address has an account.
            LimitExceeded: the place is full.
            RateLimited: too many tokens were tried.
        """
        invitation = self._opener.open(self._place.kind, token, origin)
        password_hash = self._passwords.hash(new_password(password, invitation.email, self._passwords))
        now = self._clock.now()
        user = User(
            id=new_id(Kind.USER, now),
            email=invitation.email,
            name=name,
            password_hash=password_hash,
            password_version=1,
            created_at=now,
            verified_at=now,
        )
        return self._let_in(invitation, user, self._users.insert(user), origin)

    def decline(self, token: str, origin: Origin) -> None:
        """Decline the invitation and void it.

        Raises:
            InvalidInput: the token is not, or no longer, valid.
            RateLimited: too many tokens were tried.
        """
        invitation = self._opener.open(self._place.kind, token, origin)
        noted = self._place.note(invitation, "decline_invitation", "", origin, self._clock.now())
        try:
            self._transactor.commit([self._records.remove(invitation), *noted])
        except ConditionFailed as failed:
            raise void_invitation() from failed

    def _let_in(
        self, invitation: Invitation, user: User, registered: Sequence[Write], origin: Origin
    ) -> Invitation:
        """Use up the invitation and add the user to its place, in one transaction."""

        def let_in() -> None:
            place, person = self._rosters.get(invitation.place_id), self._rosters.get(user.id)
            more = self._place.people_joining
            if place.joined + more > MAX_JOINED_MEMBERS or person.joined + more > MAX_JOINED_CUSTOMERS:
                raise LimitExceeded("There are as many members as there can be, or you belong to too many.")
            now = self._clock.now()
            self._transactor.commit(
                [
                    self._records.remove(invitation),
                    *self._place.inviter_still_may(invitation),
                    *registered,
                    *self._place.join(invitation, user.id, now),
                    *self._place.note(invitation, "accept_invitation", user.id, origin, now),
                    self._rosters.change(invitation.place_id, place, joined=more),
                    self._rosters.change(user.id, person, joined=more),
                ]
            )

        try:
            with_fresh_reads(let_in, stale=frozenset({ROSTER_UNCHANGED, MEMBER_UNCHANGED}))
        except ConditionFailed as failed:
            raise _refusal(failed.asserts) from failed
        return invitation


def _refusal(asserts: frozenset[str]) -> HearthError:
    """Return the error for failed assertions; permanent reasons come before those that the user can resolve."""
    if INVITATION_OPEN in asserts or INVITER_MAY in asserts:
        return void_invitation()
    if "email_is_free" in asserts:
        return Conflict("This address has an account; sign in with it to accept.")
    return Conflict("You are there already.")
