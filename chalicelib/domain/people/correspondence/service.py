"""Sends the mails that were requested.

Requesting and sending are separate: so a request takes the same time whether the address has an account or not
(G42), and a mail that failed is sent again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.foundation.access.models import Role
from chalicelib.domain.people.accounts.links import LinkMaker
from chalicelib.domain.people.accounts.models import Letter, LetterKind, LinkPurpose, User
from chalicelib.domain.people.accounts.ports import Letters, Mailer, Undeliverable, Users
from chalicelib.domain.people.organisations.invitation_tokens import InvitationTokens
from chalicelib.domain.people.organisations.models import InvitationKind
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Transactor, Write

_PAGES = {
    LetterKind.VERIFY_EMAIL: ("verify-email", LinkPurpose.VERIFY_EMAIL),
    LetterKind.RESET_PASSWORD: ("reset-password", LinkPurpose.RESET_PASSWORD),
    LetterKind.ALREADY_REGISTERED: ("forgot-password", None),
    LetterKind.PASSWORD_CHANGED: ("forgot-password", None),
    LetterKind.SESSION_ENDED: ("forgot-password", None),
    LetterKind.CONFIRM_EMAIL: ("change-email", LinkPurpose.CHANGE_EMAIL),
    LetterKind.EMAIL_TAKEN: ("forgot-password", None),
    LetterKind.EMAIL_CHANGED: ("revert-email", LinkPurpose.REVERT_EMAIL),
    LetterKind.EXPORT_READY: ("account", None),
    LetterKind.TWO_FACTOR_ON: ("sessions", None),
    LetterKind.TWO_FACTOR_OFF: ("forgot-password", None),
    LetterKind.NEW_DEVICE: ("sessions", None),
    LetterKind.LOW_BALANCE: ("billing", None),
    LetterKind.SUSPENDED: ("billing", None),
    LetterKind.RESUMED: ("billing", None),
    LetterKind.DELETION_NEAR: ("billing", None),
    LetterKind.MACHINES_DELETED: ("billing", None),
    LetterKind.SPEND_CAP_NEAR: ("billing", None),
    LetterKind.SPEND_CAP_REACHED: ("billing", None),
    LetterKind.SPEND_CAP_LIFTED: ("billing", None),
    LetterKind.AUTO_TOP_UP_PAUSED: ("billing", None),
    LetterKind.PRICE_CHANGE: ("billing", None),
    LetterKind.INVITATION: ("invitations", None),
    LetterKind.STAFF_INVITATION: ("staff/invitations", None),
    LetterKind.OWNERSHIP_OFFER: ("ownership", None),
    LetterKind.OWNERSHIP_CHANGED: ("members", None),
    LetterKind.ROLE_CHANGED: ("members", None),
    LetterKind.MEMBER_REMOVED: ("", None),
    LetterKind.ACCOUNT_OPENED: ("forgot-password", None),
    LetterKind.CUSTOMER_BLOCKED: ("support", None),
    LetterKind.CUSTOMER_UNBLOCKED: ("", None),
}
"""For each mail: the page of the front end that it links to, and the purpose of the link."""

_INVITING = frozenset({LetterKind.INVITATION, LetterKind.STAFF_INVITATION, LetterKind.OWNERSHIP_OFFER})
"""Mails to the invited address, whether or not it has an account."""
_MONEY_ROLES = frozenset({Role.OWNER, Role.ADMIN, Role.BILLING})
_MAX_RECIPIENTS = 10


class Delivery(StrEnum):
    """The result of delivering a letter."""

    SENT = "sent"
    NOT_NEEDED = "not_needed"
    UNDELIVERABLE = "undeliverable"


class CustomerLetters:
    """Requests letters to the members of a customer."""

    def __init__(self, users: Users, letters: Letters) -> None:
        self._users = users
        self._letters = letters

    def to_customer(
        self, customer_id: str, kind: LetterKind, values: Mapping[str, str], at: datetime
    ) -> Sequence[Write]:
        """Return Writes that request a letter to each member who manages the customer's money (at most ten).

        Members who have turned off such letters get none.
        """
        members = [member for member in self._users.members(customer_id) if member.role in _MONEY_ROLES]
        people = [self._users.get(member.user_id) for member in members[:_MAX_RECIPIENTS]]
        return [
            self._letters.add(Letter(new_id(Kind.LETTER, at), kind, person.email, at, values))
            for person in people
            if person is not None and person.wants(kind)
        ]


class Correspondence:
    """Sends letters."""

    def __init__(
        self,
        *,
        users: Users,
        letters: Letters,
        links: LinkMaker,
        invitations: InvitationTokens,
        mailer: Mailer,
        transactor: Transactor,
        public_url: str,
    ) -> None:
        self._users = users
        self._letters = letters
        self._links = links
        self._invitations = invitations
        self._mailer = mailer
        self._transactor = transactor
        self._public_url = public_url.rstrip("/")

    def deliver(self, letter_id: str) -> Delivery:
        """Send the letter, unless it was sent already or is not needed any more; safe to repeat.

        Raises temporary errors and keeps the letter for a retry.
        """
        letter = self._letters.get(letter_id)
        if letter is None:
            return Delivery.NOT_NEEDED
        outcome = self._write(letter)
        self._transactor.commit([self._letters.done(letter_id)])
        return outcome

    def _write(self, letter: Letter) -> Delivery:
        if letter.kind in _INVITING:
            return self._invite(letter)
        if letter.kind is LetterKind.ACCOUNT_CLOSED:
            return self._send(letter, letter.values["name"], self._public_url)
        letter, user = self._about(letter)
        if user is None or (letter.kind is LetterKind.VERIFY_EMAIL and user.is_verified):
            return Delivery.NOT_NEEDED
        return self._send(letter, user.name, self._link(letter, user))

    def _send(self, letter: Letter, name: str, link: str) -> Delivery:
        try:
            self._mailer.send(letter.email, letter.kind, {**letter.values, "name": name, "link": link})
        except Undeliverable:
            return Delivery.UNDELIVERABLE
        return Delivery.SENT

    def _about(self, letter: Letter) -> tuple[Letter, User | None]:
        """Return the letter and the account it is about. If a wanted address is taken, its owner gets another
        letter.
        """
        if not letter.user_id:
            return letter, self._users.by_email(letter.email)
        owner = self._users.by_email(letter.email) if letter.kind is LetterKind.CONFIRM_EMAIL else None
        if owner is not None:
            return replace(letter, kind=LetterKind.EMAIL_TAKEN), owner
        return letter, self._users.get(letter.user_id)

    def _invite(self, letter: Letter) -> Delivery:
        """Mail an invitation with a new token, which nothing but the mail contains."""
        kind = InvitationKind(letter.values["kind"])
        token = self._invitations.fresh(kind, letter.values["place_id"], letter.values["invitation_id"])
        if token is None:
            return Delivery.NOT_NEEDED
        page, _ = _PAGES[letter.kind]
        user = self._users.by_email(letter.email)
        return self._send(letter, user.name if user else "", f"{self._public_url}/{page}?token={token}")

    def _link(self, letter: Letter, user: User) -> str:
        page, purpose = _PAGES[letter.kind]
        token = f"?token={self._links.make(user, purpose, letter.subject)}" if purpose else ""
        return f"{self._public_url}/{page}{token}"
