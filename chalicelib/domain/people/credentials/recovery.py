"""Getting back in without the password."""

from chalicelib.domain.people.accounts.endings import end_outlived, ends_of
from chalicelib.domain.people.accounts.links import LinkOpener, void_link
from chalicelib.domain.people.accounts.models import EmailAddress, Letter, LetterKind, LinkPurpose, Origin
from chalicelib.domain.people.accounts.passwords import new_password
from chalicelib.domain.people.accounts.ports import Letters, Passwords, Sessions, Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Transactor


class Recovery:
    """Forgotten passwords. Asking tells nobody whether an address is known (G42)."""

    def __init__(  # noqa: PLR0913 (its ports, given by name)
        self,
        *,
        users: Users,
        sessions: Sessions,
        letters: Letters,
        links: LinkOpener,
        passwords: Passwords,
        attempts: Attempts,
        log: SecurityLog,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._letters = letters
        self._links = links
        self._passwords = passwords
        self._attempts = attempts
        self._log = log
        self._transactor = transactor
        self._clock = clock

    def forgot_password(self, email: EmailAddress, origin: Origin) -> None:
        """Mail a link to choose a new password, if anybody has this address.

        Raises:
            RateLimited: too many mails were asked for.
        """
        self._attempts.letter(email, origin.ip)
        self._transactor.commit([self._letters.add(self._letter(LetterKind.RESET_PASSWORD, email))])

    def reset_password(self, token: str, password: str, origin: Origin) -> None:
        """Set a new password, end every session, mail a notice, and note it in the activity log.

        Raises:
            InvalidInput: the link is not valid any more, or the password may not be chosen (the link stays).
            RateLimited: too many links were tried.
        """
        self._attempts.link(origin.ip)
        link = self._links.open(token, LinkPurpose.RESET_PASSWORD)
        user = self._users.get(link.user_id)
        if user is None or user.password_version != link.password_version:
            raise void_link()
        password_hash = self._passwords.hash(new_password(password, user.email, self._passwords))
        effects = [
            self._users.change_password(user, password_hash, self._clock.now()),
            *ends_of(self._sessions, user.id),
            self._letters.add(self._letter(LetterKind.PASSWORD_CHANGED, user.email)),
        ]
        self._links.follow(link, effects)
        end_outlived(self._sessions, self._transactor, user)
        for membership in self._users.memberships(user.id):
            self._log.note(user.id, membership.customer_id, origin, "reset_password")

    def _letter(self, kind: LetterKind, email: EmailAddress) -> Letter:
        now = self._clock.now()
        return Letter(new_id(Kind.LETTER, now), kind, email, now)
