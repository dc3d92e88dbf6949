"""Moving an account to another e-mail address, and back.

A hijacker's first move is to change the address. So the one before is told, and can undo the change for 72 hours,
whatever was done to the password meanwhile; it stays reserved for its owner as long. Each change is kept that
long, too: undoing one undoes those after it, and the links that were mailed about them.
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.people.accounts.endings import SessionEnding
from chalicelib.domain.people.accounts.models import (
    EMAIL_REVERTIBLE,
    EmailAddress,
    Letter,
    LetterKind,
    Link,
    LinkPurpose,
    Origin,
    User,
)
from chalicelib.domain.people.accounts.passwords import new_password
from chalicelib.domain.people.accounts.ports import Letters, Passwords, Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.credentials.links import LinkOpener, void_link
from chalicelib.domain.people.credentials.models import EmailChange
from chalicelib.domain.people.credentials.ports import EmailChanges
from chalicelib.domain.people.second_factor.ports import SecondFactors
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.domain.people.sign_in.reauthentication import Reauthentication
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Write

MAX_CHANGES = 20
"""Of one account in 72 hours, which is fewer than the letters that one may ask for."""
_HAD_IT = "You had this address until lately: the link in the mail that it got moves your account back."


class EmailHistory:
    """The changes of address that can be undone still, and what undoing them takes away."""

    def __init__(self, changes: EmailChanges, factors: SecondFactors, clock: Clock) -> None:
        self._changes = changes
        self._factors = factors
        self._clock = clock

    def revertible(self, user_id: str) -> Sequence[EmailChange]:
        """The user's changes whose time is not over; DynamoDB removes those days later."""
        now = self._clock.now()
        return [change for change in self._changes.all_of(user_id) if change.is_revertible(now)]

    def undone_by(self, link: Link) -> Sequence[EmailChange]:
        """The change that the link is about and all later ones; none where it does not stand any more."""
        changes = [change for change in self._changes.all_of(link.user_id) if change.id >= link.subject]
        stands = changes and changes[0].id == link.subject
        return changes if stands and changes[0].is_revertible(self._clock.now()) else []

    def move(self, user: User, change: EmailChange, now: datetime) -> Sequence[Write]:
        """Give the user the address `change.after`; see `EmailChanges.move`."""
        return self._changes.move(user, change, now)

    def move_back(
        self, user: User, undone: Sequence[EmailChange], password_hash: str, now: datetime
    ) -> Sequence[Write]:
        """Undo `undone`, and with them a second factor that came later; see `EmailChanges.move_back`."""
        return [
            *self._changes.move_back(user, undone, password_hash, now),
            *self._without_hijackers_factor(user.id, undone[0]),
        ]

    def _without_hijackers_factor(self, user_id: str, change: EmailChange) -> Sequence[Write]:
        """The end of a second factor that came after `change`: it would lock the owner out."""
        factor = self._factors.get(user_id)
        changed_at = change.revertible_until - EMAIL_REVERTIBLE
        came_after = factor is not None and (factor.on_since is None or factor.on_since >= changed_at)
        return [self._factors.forget(user_id)] if came_after else []


class EmailChangeRequest:
    """Asks for a change. No answer tells whether an address is known (G42)."""

    def __init__(
        self,
        *,
        users: Users,
        history: EmailHistory,
        letters: Letters,
        reauthentication: Reauthentication,
        attempts: Attempts,
        clock: Clock,
    ) -> None:
        self._users = users
        self._history = history
        self._letters = letters
        self._reauthentication = reauthentication
        self._attempts = attempts
        self._clock = clock

    def ask(self, user_id: str, new_email: EmailAddress, password: str, code: str | None, origin: Origin) -> None:
        """Mail a link to `new_email`, or tell whoever has it that somebody wanted it.

        Raises:
            Forbidden, InvalidTwoFactorCode: password or code are wrong, or a code is missing.
            InvalidInput: it is the user's address already.
            RateLimited: too many attempts, or too many mails were asked for.
        """
        proven = self._reauthentication.prove(user_id, password, code)
        if new_email == proven.user.email:
            raise InvalidInput.of("newEmail", "This is your address already.")
        if new_email in {change.before for change in self._history.revertible(user_id)}:
            raise InvalidInput.of("newEmail", _HAD_IT)
        self._attempts.letter(new_email, origin.ip)
        letter = _letter(LetterKind.CONFIRM_EMAIL, new_email, proven.user, self._clock.now(), subject=new_email)
        self._reauthentication.commit(
            [*proven.writes, self._users.same_password(proven.user), self._letters.add(letter)]
        )


class EmailConfirmation:
    """Changes an address, once the new one is proven."""

    def __init__(
        self,
        *,
        users: Users,
        history: EmailHistory,
        sessions: Sessions,
        endings: SessionEnding,
        letters: Letters,
        links: LinkOpener,
        clock: Clock,
    ) -> None:
        self._users = users
        self._history = history
        self._sessions = sessions
        self._endings = endings
        self._letters = letters
        self._links = links
        self._clock = clock

    def confirm(self, user_id: str, session_id: str, token: str, origin: Origin) -> None:
        """Follow the mailed link: the address changes now, and all other sessions end.

        Only the session of the user who asked can do it: whoever else gets a mail that was sent to a mistyped
        address can do nothing with it.

        Raises:
            InvalidInput: the link is not valid any more, or not the user's, or somebody took the address.
            RateLimited: too many links were tried.
        """
        link = self._links.open(token, LinkPurpose.CHANGE_EMAIL, origin)
        user = self._users.get(user_id)
        if user is None or link.user_id != user_id or link.password_version != user.password_version:
            raise void_link()
        now = self._clock.now()
        change = EmailChange(
            id=new_id(Kind.EMAIL_CHANGE, now),
            user_id=user_id,
            before=user.email,
            after=EmailAddress(link.subject),
            revertible_until=now + EMAIL_REVERTIBLE,
        )
        if len(self._history.revertible(user_id)) >= MAX_CHANGES:
            raise InvalidInput.of("token", "Your address was changed too often; try again in three days.")
        notice = _letter(LetterKind.EMAIL_CHANGED, user.email, user, now, subject=change.id)
        effects = [
            *self._history.move(user, change, now),
            self._letters.add(notice),
            self._sessions.carry_over(user_id, session_id, user.password_version + 1),
            *self._endings.with_change(user_id, but=session_id),
        ]
        self._links.follow(link, effects)
        self._endings.outlived(user)


class EmailReversal:
    """Gives an account the address back that it had before."""

    def __init__(
        self,
        *,
        users: Users,
        history: EmailHistory,
        endings: SessionEnding,
        letters: Letters,
        links: LinkOpener,
        passwords: Passwords,
        log: SecurityLog,
        clock: Clock,
    ) -> None:
        self._users = users
        self._history = history
        self._endings = endings
        self._letters = letters
        self._links = links
        self._passwords = passwords
        self._log = log
        self._clock = clock

    def revert(self, token: str, password: str, origin: Origin) -> None:
        """Follow the link that the address before got: it is the account's again, under a new password.

        Every session ends, and so does every later change of address.

        Raises:
            InvalidInput: the link is not valid any more, or the password may not be chosen (the link stays).
            RateLimited: too many links were tried.
        """
        link = self._links.open(token, LinkPurpose.REVERT_EMAIL, origin)
        user = self._users.get(link.user_id)
        undone = self._history.undone_by(link)
        if user is None or not undone:
            raise void_link()
        password_hash = self._passwords.hash(new_password(password, undone[0].before, self._passwords))
        now = self._clock.now()
        effects = [
            *self._history.move_back(user, undone, password_hash, now),
            self._letters.add(_letter(LetterKind.PASSWORD_CHANGED, undone[0].before, user, now)),
            *self._endings.with_change(user.id),
        ]
        self._links.follow(link, effects)
        self._endings.outlived(user)
        for membership in self._users.memberships(user.id):
            self._log.note(user.id, membership.customer_id, origin, "revert_email")


def _letter(kind: LetterKind, email: EmailAddress, user: User, now: datetime, *, subject: str = "") -> Letter:
    return Letter(new_id(Kind.LETTER, now), kind, email, now, user_id=user.id, subject=subject)
