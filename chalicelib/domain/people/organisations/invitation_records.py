"""What an invitation is, where it is kept, where it leads, and the token that only its mailbox ever has."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.people.accounts.emails import EmailAddress
from chalicelib.domain.people.accounts.models import Letter, LetterKind, Origin
from chalicelib.domain.people.accounts.tokens import hash_of, is_same, new_secret
from chalicelib.domain.people.organisations.rosters import STAFF
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.ids import ULID_PATTERN, Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write

INVITATION_LIFE = timedelta(days=7)

INVITATION_OPEN = "invitation_open"
INVITER_MAY = "inviter_may"
NOT_IN_PLACE = "membership_is_new"

_SECRET = r"[A-Za-z0-9_-]{43}"  # noqa: S105 (a pattern)
INVITATION_TOKEN_PATTERN = rf"^(?:{STAFF}|{ULID_PATTERN})\.{ULID_PATTERN}\.{_SECRET}$"
_TOKEN = re.compile(rf"({STAFF}|{ULID_PATTERN})\.({ULID_PATTERN})\.({_SECRET})")


class InvitationKind(StrEnum):
    """What accepting makes of somebody."""

    MEMBER = "member"
    STAFF = "staff"
    OWNERSHIP = "ownership"


_LETTERS = {
    InvitationKind.MEMBER: LetterKind.INVITATION,
    InvitationKind.STAFF: LetterKind.STAFF_INVITATION,
    InvitationKind.OWNERSHIP: LetterKind.OWNERSHIP_OFFER,
}


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


def void_invitation() -> InvalidInput:
    """The refusal of a token that leads nowhere, whatever the reason."""
    return InvalidInput.of("token", "This invitation is not valid any more; ask for a new one.")


class InvitationTokens:
    """Makes the token of an invitation when its mail is written, and finds the invitation of a token."""

    def __init__(self, records: InvitationRecords, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._clock = clock

    def fresh(self, kind: InvitationKind, place_id: str, invitation_id: str) -> str | None:
        """A new token, in place of any before; None where the invitation is not open any more."""
        invitation = self._records.get(kind, place_id, invitation_id)
        if invitation is None or not invitation.is_open(self._clock.now()):
            return None
        secret = new_secret()
        try:
            self._transactor.commit(
                [self._records.replace(invitation, replace(invitation, token_hash=hash_of(secret)))]
            )
        except ConditionFailed:  # spent or withdrawn meanwhile, or another mail was faster
            return None
        place = place_id.partition("_")[2] or place_id
        return f"{place}.{invitation_id.partition('_')[2]}.{secret}"

    def open(self, kind: InvitationKind, token: str) -> Invitation:
        """The open invitation behind `token`.

        Raises:
            InvalidInput: there is none.
        """
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise void_invitation()
        place, invitation, secret = match.groups()
        place_id = place if place == STAFF else f"{Kind.CUSTOMER}_{place}"
        found = self._records.get(kind, place_id, f"{Kind.INVITATION}_{invitation}")
        if found is None or not found.is_open(self._clock.now()) or not is_same(found.token_hash, hash_of(secret)):
            raise void_invitation()
        return found


def letter_of(invitation: Invitation, now: datetime) -> Letter:
    """What asks for the mail with the invitation's token, which is made when that is written."""
    return Letter(
        new_id(Kind.LETTER, now),
        _LETTERS[invitation.kind],
        invitation.email,
        now,
        {
            "kind": invitation.kind.value,
            "place_id": invitation.place_id,
            "invitation_id": invitation.id,
            "place": invitation.place_name,
            "inviter": invitation.inviter_name,
            "role": invitation.role,
        },
    )
