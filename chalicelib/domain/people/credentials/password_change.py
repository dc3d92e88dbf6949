"""Changes the password of a signed-in user."""

from chalicelib.domain.people.accounts.endings import SessionEnding
from chalicelib.domain.people.accounts.models import Letter, LetterKind
from chalicelib.domain.people.accounts.passwords import new_password
from chalicelib.domain.people.accounts.ports import Letters, Passwords, Users
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.domain.people.sign_in.reauthentication import Reauthentication
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.ids import Kind, new_id


class PasswordChange:
    """Changes passwords: the current session continues, all others end, and the user is notified by mail."""

    def __init__(
        self,
        *,
        users: Users,
        sessions: Sessions,
        letters: Letters,
        passwords: Passwords,
        reauthentication: Reauthentication,
        endings: SessionEnding,
        clock: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._letters = letters
        self._passwords = passwords
        self._reauthentication = reauthentication
        self._endings = endings
        self._clock = clock

    def change(self, user_id: str, session_id: str, current: str, wanted: str) -> None:
        """Set a new password for the user of a session.

        Raises:
            Forbidden: the current password is wrong.
            InvalidInput: the new password is not allowed, or equals the current one.
            RateLimited: too many wrong passwords.
            Unauthorized: the session ended meanwhile.
        """
        proven = self._reauthentication.prove_password(user_id, current)
        user, now = proven.user, self._clock.now()
        chosen = new_password(wanted, user.email, self._passwords)
        if self._passwords.matches(chosen, user.password_hash):
            raise InvalidInput.of("newPassword", "This is your password already; choose another.")
        self._reauthentication.commit(
            [
                *proven.writes,
                self._users.change_password(user, self._passwords.hash(chosen), now),
                self._sessions.carry_over(user_id, session_id, user.password_version + 1),
                *self._endings.with_change(user_id, except_id=session_id),
                self._letters.add(Letter(new_id(Kind.LETTER, now), LetterKind.PASSWORD_CHANGED, user.email, now)),
            ]
        )
        self._endings.end_outdated(user)
