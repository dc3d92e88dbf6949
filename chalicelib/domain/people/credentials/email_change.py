"""Changes the e-mail address of an account, and undoes such changes.

A hijacker first changes the address. So the previous address is notified, and its owner can undo the change for 72
hours, even if the password was changed; the previous address stays reserved for that time. The changes are stored
as long: undoing one also undoes the later ones, and voids the links that were mailed for them.
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
"""Per account in 72 hours; fewer than the letters that one may request."""
_HAD_IT = "You had this address until lately: the link in the mail that it got moves your account back."


class EmailHistory:
    """The changes of address that can still be undone, and what undoing them removes."""

    def __init__(self, changes: EmailChanges, factors: SecondFactors, clock: Clock) -> None:
        self._changes = changes
        self._factors = factors
        self._clock = clock

    def revertible(self, user_id: str) -> Sequence[EmailChange]:
        """Return the user's changes that can still be undone; DynamoDB's TTL deletes expired ones days later."""
        now = self._clock.now()
        return [change for change in self._changes.all_of(user_id) if change.is_revertible(now)]

    def undone_by(self, link: Link) -> Sequence[EmailChange]:
        """Return the change that the link is about and all later ones; empty if that cannot be undone any more."""
        changes = [change for change in self._changes.all_of(link.user_id) if change.id >= link.subject]
        stands = changes and changes[0].id == link.subject
        return changes if stands and changes[0].is_revertible(self._clock.now()) else []

    def move(self, user: User, change: EmailChange, now: datetime) -> Sequence[Write]:
        """Set the user's address to `change.after`; see `EmailChanges.move`."""
        return self._changes.move(user, change, now)

    def move_back(
        self, user: User, undone: Sequence[EmailChange], password_hash: str, now: datetime
    ) -> Sequence[Write]:
        """Undo the changes `undone`, and turn off a second factor that was set up after them; see
        `EmailChanges.move_back`.
        """
        return [
            *self._changes.move_back(user, undone, password_hash, now),
            *self._later_factor_end(user.id, undone[0]),
        ]

    def _later_factor_end(self, user_id: str, change: EmailChange) -> Sequence[Write]:
        """Turn off a second factor that was set up after `change`: it would lock the owner out."""
        factor = self._factors.get(user_id)
        changed_at = change.revertible_until - EMAIL_REVERTIBLE
        came_after = factor is not None and (factor.on_since is None or factor.on_since >= changed_at)
        return [self._factors.forget(user_id)] if came_after else []


class EmailChangeRequest:
    """Requests a change of address. The answer does not reveal whether an address is known (G42)."""

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
        """Mail a link to `new_email`, or notify its owner if the address is taken.

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
    """Changes the address once the new one is proven."""

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
        """Use the mailed link: change the address now, and end all other sessions.

        Only a session of the user who asked can do it: somebody who receives the mail because of a mistyped
        address cannot use it.

        Raises:
            InvalidInput: the link is no longer valid, belongs to another user, or the address was taken meanwhile.
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
            *self._endings.with_change(user_id, except_id=session_id),
        ]
        self._links.follow(link, effects)
        self._endings.end_outdated(user)


class EmailReversal:
    """Restores the previous address of an account."""

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
        """Use the link mailed to the previous address: restore that address and set a new password.

        All sessions end, and all later changes of address are undone.

        Raises:
            InvalidInput: the link is no longer valid, or the password is not allowed (then the link stays valid).
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
        self._endings.end_outdated(user)
        for membership in self._users.memberships(user.id):
            self._log.note(user.id, membership.customer_id, origin, "revert_email")


def _letter(kind: LetterKind, email: EmailAddress, user: User, now: datetime, *, subject: str = "") -> Letter:
    return Letter(new_id(Kind.LETTER, now), kind, email, now, user_id=user.id, subject=subject)
