"""Recovers access to an account without the password."""

from datetime import datetime

from chalicelib.domain.people.accounts.endings import SessionEnding
from chalicelib.domain.people.accounts.models import EmailAddress, Letter, LetterKind, LinkPurpose, Origin
from chalicelib.domain.people.accounts.passwords import new_password
from chalicelib.domain.people.accounts.ports import Letters, Passwords, Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.credentials.links import LinkOpener, void_link
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Transactor


class ForgottenPassword:
    """Requests a mail for a forgotten password. The answer does not reveal whether an address is known (G42)."""

    def __init__(
        self,
        *,
        letters: Letters,
        attempts: Attempts,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._letters = letters
        self._attempts = attempts
        self._transactor = transactor
        self._clock = clock

    def ask(self, email: EmailAddress, origin: Origin) -> None:
        """Mail a link to choose a new password, if the address has an account.

        Raises:
            RateLimited: too many mails were requested.
        """
        self._attempts.letter(email, origin.ip)
        self._transactor.commit([self._letters.add(_letter(LetterKind.RESET_PASSWORD, email, self._clock.now()))])


class PasswordReset:
    """Sets a new password by a mailed link."""

    def __init__(
        self,
        *,
        users: Users,
        endings: SessionEnding,
        letters: Letters,
        links: LinkOpener,
        passwords: Passwords,
        log: SecurityLog,
        clock: Clock,
    ) -> None:
        self._users = users
        self._endings = endings
        self._letters = letters
        self._links = links
        self._passwords = passwords
        self._log = log
        self._clock = clock

    def follow(self, token: str, password: str, origin: Origin) -> None:
        """Set a new password, end all sessions, notify the user by mail, and log the event.

        Raises:
            InvalidInput: the link is no longer valid, or the password is not allowed (then the link stays valid).
            RateLimited: too many links were tried.
        """
        link = self._links.open(token, LinkPurpose.RESET_PASSWORD, origin)
        user = self._users.get(link.user_id)
        if user is None or user.password_version != link.password_version:
            raise void_link()
        password_hash = self._passwords.hash(new_password(password, user.email, self._passwords))
        now = self._clock.now()
        effects = [
            self._users.change_password(user, password_hash, now),
            *self._endings.with_change(user.id),
            self._letters.add(_letter(LetterKind.PASSWORD_CHANGED, user.email, now)),
        ]
        self._links.follow(link, effects)
        self._endings.end_outdated(user)
        for membership in self._users.memberships(user.id):
            self._log.note(user.id, membership.customer_id, origin, "reset_password")


def _letter(kind: LetterKind, email: EmailAddress, now: datetime) -> Letter:
    return Letter(new_id(Kind.LETTER, now), kind, email, now)
