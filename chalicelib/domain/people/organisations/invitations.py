"""Invitations by mail: into an organisation, into the operator's staff, and to own an organisation.

All three are one mechanism. An invitation names an address and a role, lasts seven days, and is spent by the one
who accepts it. Its token is 256 random bits, made when the mail is written and kept as a hash only, so it is
known to the mailbox and to nobody else, the inviter included. Where an invitation leads, and who may send it, is
a `Place`: `OrganisationPlace` in `members.py` for customers; the staff's own stands beside the staff.

Nothing that the inviter sees depends on whether the address has an account (G42): the same reads, the same
answer, the same mail.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.foundation.access.rate_limits import RateLimiter
from chalicelib.domain.people.accounts.models import EmailAddress, Origin, User
from chalicelib.domain.people.accounts.passwords import new_password
from chalicelib.domain.people.accounts.ports import Letters, Passwords, Users
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.organisations.invitation_tokens import InvitationTokens, letter_of, void_invitation
from chalicelib.domain.people.organisations.models import (
    INVITATION_LIFE,
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
from chalicelib.kernel.errors import (
    Conflict,
    FieldError,
    Forbidden,
    HearthError,
    LimitExceeded,
    NotFound,
)
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

MAX_OPEN_INVITATIONS = 50
INVITATIONS_PER_HOUR = 30
INVITATIONS_PER_ADDRESS_AND_HOUR = 5
"""From all places together: nobody's mailbox can be flooded."""
_HOUR_SECONDS = 3600


@dataclass(frozen=True)
class FoundInvitation:
    """An invitation as the holder of its token sees it."""

    invitation: Invitation
    has_account: bool
    """Whether the address that it was mailed to has an account."""


class Invitations:
    """Invites people to a place, and lets them in."""

    def __init__(  # noqa: PLR0913 (its ports, given by name)
        self,
        *,
        place: Place,
        records: InvitationRecords,
        tokens: InvitationTokens,
        rosters: Rosters,
        users: Users,
        letters: Letters,
        passwords: Passwords,
        limiter: RateLimiter,
        attempts: Attempts,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._place = place
        self._records = records
        self._tokens = tokens
        self._rosters = rosters
        self._users = users
        self._letters = letters
        self._passwords = passwords
        self._limiter = limiter
        self._attempts = attempts
        self._transactor = transactor
        self._clock = clock

    def invite(
        self, place_id: str, inviter_id: str, scopes: frozenset[Scope], email: EmailAddress, role: str
    ) -> Invitation:
        """Ask whoever has `email` to be `role` in the place, by mail.

        Args:
            place_id: a customer's id, or STAFF.
            inviter_id: the person who invites; of an API key, the one who made it.
            scopes: what the inviter may ask for right now.
            email: whom to invite, whether they have an account or not.
            role: what they are to be.

        Raises:
            Forbidden: the role is above the inviter's own.
            Conflict: the address belongs to somebody who is there, or is invited already.
            LimitExceeded: there are as many open invitations as there can be.
            RateLimited: too many invitations were sent.
        """
        if not self._place.may_grant(scopes, role):
            raise Forbidden(f"You cannot make anybody {role}: nobody gives a role above their own.")
        self._count(place_id, email)
        return with_fresh_reads(
            lambda: self._invite(place_id, inviter_id, email, role), stale=frozenset({ROSTER_UNCHANGED})
        )

    def send_again(self, place_id: str, invitation_id: str) -> Invitation:
        """Mail a new token, good for another seven days; the one before is void once the new mail is written.

        Raises:
            NotFound: the place has no such open invitation.
            RateLimited: too many invitations were sent.
        """
        self._count(place_id, self._open(place_id, invitation_id).email)

        def renew() -> Invitation:
            now = self._clock.now()
            invitation = self._open(place_id, invitation_id)
            renewed = replace(invitation, expires_at=now + INVITATION_LIFE)
            self._transactor.commit([self._records.replace(invitation, renewed), self._letter(renewed, now)])
            return renewed

        return with_fresh_reads(renew, stale=frozenset({INVITATION_OPEN}))

    def list(self, place_id: str, page: PageRequest) -> Page[Invitation]:
        """The open invitations of the place, newest first."""
        return self._records.list(self._place.kind, place_id, page, self._clock.now())

    def withdraw(self, place_id: str, invitation_id: str) -> None:
        """Make an invitation void.

        Raises:
            NotFound: the place has no such open invitation.
        """
        with_fresh_reads(
            lambda: self._transactor.commit([self._records.remove(self._open(place_id, invitation_id))]),
            stale=frozenset({INVITATION_OPEN}),
        )

    def look_up(self, token: str, origin: Origin) -> FoundInvitation:
        """What the holder of `token` is invited to.

        Raises:
            InvalidInput: the token is not valid (any more).
            RateLimited: too many were tried.
        """
        self._attempts.link(origin.ip)
        invitation = self._tokens.open(self._place.kind, token)
        return FoundInvitation(invitation, self._users.by_email(invitation.email) is not None)

    def accept(self, token: str, user_id: str, origin: Origin) -> Invitation:
        """Let a person in who is signed in with the address that was invited.

        Raises:
            InvalidInput: the token is not valid (any more), or the inviter may not invite any more.
            Forbidden: the invitation is for another address.
            Conflict: they are there already.
            LimitExceeded: the place is full, or the person is in too many.
            RateLimited: too many tokens were tried.
        """
        self._attempts.link(origin.ip)
        user = self._users.get(user_id)
        invitation = self._tokens.open(self._place.kind, token)
        if user is None or user.email != invitation.email:
            raise Forbidden("This invitation is for another address; sign in with the one that it was sent to.")
        return self._let_in(invitation, user, [], origin)

    def accept_as_new(self, token: str, name: str, password: str, origin: Origin) -> Invitation:
        """Register whoever holds the token, who has shown thereby that the address is theirs, and let them in.

        Raises:
            InvalidInput: the token is not valid (any more), the inviter may not invite any more, or the password
                may not be chosen (the invitation stays).
            Conflict: the address has an account.
            LimitExceeded: the place is full.
            RateLimited: too many tokens were tried.
        """
        self._attempts.link(origin.ip)
        invitation = self._tokens.open(self._place.kind, token)
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
        """Make the invitation void, in the name of the invited.

        Raises:
            InvalidInput: the token is not valid (any more).
            RateLimited: too many were tried.
        """
        self._attempts.link(origin.ip)
        invitation = self._tokens.open(self._place.kind, token)
        noted = self._place.note(invitation, "decline_invitation", "", origin, self._clock.now())
        try:
            self._transactor.commit([self._records.remove(invitation), *noted])
        except ConditionFailed as failed:
            raise void_invitation() from failed

    def _invite(self, place_id: str, inviter_id: str, email: EmailAddress, role: str) -> Invitation:
        roster = self._rosters.get(place_id)
        now = self._clock.now()
        known = self._users.by_email(email)
        is_there = self._place.has(place_id, known.id if known else "")
        waiting = self._records.all_open(self._place.kind, place_id, now)
        if is_there:
            raise _taken("Whoever has this address belongs to you already.")
        if any(invitation.email == email for invitation in waiting):
            raise _taken("This address is invited already; send that invitation again, or withdraw it.")
        if len(waiting) >= MAX_OPEN_INVITATIONS:
            raise LimitExceeded(
                f"There are {MAX_OPEN_INVITATIONS} open invitations, the most there can be; withdraw one first."
            )
        inviter = self._users.get(inviter_id)
        invitation = Invitation(
            id=new_id(Kind.INVITATION, now),
            kind=self._place.kind,
            place_id=place_id,
            place_name=self._place.name(place_id),
            role=role,
            email=email,
            inviter_id=inviter_id,
            inviter_name=inviter.name if inviter else "",
            created_at=now,
            expires_at=now + INVITATION_LIFE,
        )
        self._transactor.commit(
            [
                self._records.insert(invitation),
                self._letter(invitation, now),
                self._rosters.change(place_id, roster),
            ]
        )
        return invitation

    def _let_in(
        self, invitation: Invitation, user: User, registered: Sequence[Write], origin: Origin
    ) -> Invitation:
        """Spend the invitation and let the user in, in one transaction."""

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

    def _open(self, place_id: str, invitation_id: str) -> Invitation:
        invitation = self._records.get(self._place.kind, place_id, invitation_id)
        if invitation is None or not invitation.is_open(self._clock.now()):
            raise NotFound("There is no such open invitation.")
        return invitation

    def _count(self, place_id: str, email: EmailAddress) -> None:
        self._limiter.check(f"invitations:{place_id}", INVITATIONS_PER_HOUR, _HOUR_SECONDS)
        self._limiter.check(f"invitations:{hash_of(email)}", INVITATIONS_PER_ADDRESS_AND_HOUR, _HOUR_SECONDS)

    def _letter(self, invitation: Invitation, now: datetime) -> Write:
        return self._letters.add(letter_of(invitation, now))


def _taken(message: str) -> Conflict:
    return Conflict(message, details=[FieldError("email", message)])


def _refusal(asserts: frozenset[str]) -> HearthError:
    """Why nobody was let in: what is over for good before what the invited can help."""
    if INVITATION_OPEN in asserts or INVITER_MAY in asserts:
        return void_invitation()
    if "email_is_free" in asserts:
        return Conflict("This address has an account; sign in with it to accept.")
    return Conflict("You are there already.")
