"""Invitations by mail: to a customer, to the operator's staff, and to own a customer.

All three share one mechanism. An invitation names an address and a role, lasts seven days, and is used up by the
person who accepts it. Its token is 256 random bits, made when the mail is rendered and stored only as a hash, so
that only the mailbox knows it; the inviter does not. What an invitation gives, and who may send it, is defined by
a `Place`: `OrganisationPlace` in `members.py` for customers, `StaffPlace` for the staff.

Nothing that the inviter sees depends on whether the address has an account (G42): the reads, the answer and the
mail are the same.
"""

from dataclasses import replace
from datetime import datetime

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.foundation.access.rate_limits import RateLimiter
from chalicelib.domain.people.accounts.models import EmailAddress
from chalicelib.domain.people.accounts.ports import Letters, Users
from chalicelib.domain.people.organisations.invitation_tokens import letter_of
from chalicelib.domain.people.organisations.models import (
    INVITATION_LIFE,
    Invitation,
)
from chalicelib.domain.people.organisations.ports import (
    INVITATION_OPEN,
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
    LimitExceeded,
    NotFound,
)
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Transactor, Write, with_fresh_reads

MAX_OPEN_INVITATIONS = 50
INVITATIONS_PER_HOUR = 30
INVITATIONS_PER_ADDRESS_AND_HOUR = 5
"""For all places together, so that no mailbox can be flooded."""
_HOUR_SECONDS = 3600


class Invitations:
    """Sends, lists and withdraws invitations: the inviter's side."""

    def __init__(
        self,
        *,
        place: Place,
        records: InvitationRecords,
        rosters: Rosters,
        users: Users,
        letters: Letters,
        limiter: RateLimiter,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._place = place
        self._records = records
        self._rosters = rosters
        self._users = users
        self._letters = letters
        self._limiter = limiter
        self._transactor = transactor
        self._clock = clock

    def invite(
        self, place_id: str, inviter_id: str, scopes: frozenset[Scope], email: EmailAddress, role: str
    ) -> Invitation:
        """Invite the owner of `email` to have `role` in the place, by mail.

        Args:
            place_id: a customer's id, or STAFF.
            inviter_id: the user who invites; for an API key, the user who made it.
            scopes: the scopes that the inviter holds now.
            email: the address to invite, with or without an account.
            role: the role that the invitation offers.

        Raises:
            Forbidden: the role is above the inviter's own.
            Conflict: the address belongs to a member, or is invited already.
            LimitExceeded: the place has the maximum number of open invitations.
            RateLimited: too many invitations were sent.
        """
        if not self._place.may_grant(scopes, role):
            raise Forbidden(f"You cannot make anybody {role}: nobody gives a role above their own.")
        self._count(place_id, email)
        return with_fresh_reads(
            lambda: self._invite(place_id, inviter_id, email, role), stale=frozenset({ROSTER_UNCHANGED})
        )

    def send_again(self, place_id: str, invitation_id: str) -> Invitation:
        """Mail a new token, valid for another seven days; the previous token is void once the new mail is
        rendered.

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
        """Withdraw an invitation; its token becomes void.

        Raises:
            NotFound: the place has no such open invitation.
        """
        with_fresh_reads(
            lambda: self._transactor.commit([self._records.remove(self._open(place_id, invitation_id))]),
            stale=frozenset({INVITATION_OPEN}),
        )

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
