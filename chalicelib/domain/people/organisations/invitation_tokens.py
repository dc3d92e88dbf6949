"""The tokens of invitations, and the letters that contain them."""

import re
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.people.accounts.models import Letter, LetterKind, Origin
from chalicelib.domain.people.accounts.tokens import is_same, new_secret
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.organisations.models import STAFF, Invitation, InvitationKind
from chalicelib.domain.people.organisations.ports import InvitationRecords
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import ULID_PATTERN, Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor

_SECRET = r"[A-Za-z0-9_-]{43}"  # noqa: S105 (a pattern)
INVITATION_TOKEN_PATTERN = rf"^(?:{STAFF}|{ULID_PATTERN})\.{ULID_PATTERN}\.{_SECRET}$"
_TOKEN = re.compile(rf"({STAFF}|{ULID_PATTERN})\.({ULID_PATTERN})\.({_SECRET})")
_LETTERS = {
    InvitationKind.MEMBER: LetterKind.INVITATION,
    InvitationKind.STAFF: LetterKind.STAFF_INVITATION,
    InvitationKind.OWNERSHIP: LetterKind.OWNERSHIP_OFFER,
}


def void_invitation() -> InvalidInput:
    """Return the error for an unusable token; it is the same for every reason."""
    return InvalidInput.of("token", "This invitation is not valid any more; ask for a new one.")


class InvitationTokens:
    """Makes an invitation's token when its mail is rendered."""

    def __init__(self, records: InvitationRecords, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._clock = clock

    def fresh(self, kind: InvitationKind, place_id: str, invitation_id: str) -> str | None:
        """Replace the invitation's token and return the new one; None if the invitation is no longer open."""
        invitation = self._records.get(kind, place_id, invitation_id)
        if invitation is None or not invitation.is_open(self._clock.now()):
            return None
        secret = new_secret()
        try:
            self._transactor.commit(
                [self._records.replace(invitation, replace(invitation, token_hash=hash_of(secret)))]
            )
        except ConditionFailed:  # used or withdrawn meanwhile, or another mail was sent first
            return None
        place = place_id.partition("_")[2] or place_id
        return f"{place}.{invitation_id.partition('_')[2]}.{secret}"


class InvitationOpener:
    """Looks up invitations by token; each lookup counts as an attempt (G45)."""

    def __init__(self, records: InvitationRecords, attempts: Attempts, clock: Clock) -> None:
        self._records = records
        self._attempts = attempts
        self._clock = clock

    def open(self, kind: InvitationKind, token: str, origin: Origin) -> Invitation:
        """Return the open invitation with this token.

        Raises:
            InvalidInput: there is none.
            RateLimited: too many tokens were tried.
        """
        self._attempts.link(origin.ip)
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
    """Return the letter that requests the invitation's mail; the token is made when the mail is rendered."""
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
