"""A signed-in user proves their identity again with the password."""

from collections.abc import Sequence

from chalicelib.domain.people.accounts.models import User
from chalicelib.domain.people.accounts.passwords import typed_password
from chalicelib.domain.people.accounts.ports import Passwords, Users
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import Forbidden, Unauthorized
from chalicelib.kernel.transactions import Write

_WRONG_PASSWORD = "The password is wrong."  # noqa: S105 (a sentence)


@dataclass(frozen=True)
class Proven:
    """The user who proved their identity, and the Writes to commit with the protected change: they consume the
    code.
    """

    user: User
    writes: Sequence[Write]


class PasswordProof:
    """Asks a signed-in user for the password again; each wrong one delays the next attempt (G45)."""

    def __init__(self, users: Users, passwords: Passwords, attempts: Attempts) -> None:
        self._users = users
        self._passwords = passwords
        self._attempts = attempts

    def prove(self, user_id: str, password: str) -> Proven:
        """Return the user with this id if the password is right.

        Raises:
            Forbidden: the password is wrong.
            RateLimited: too many wrong passwords.
            Unauthorized: the user no longer exists.
        """
        self._attempts.reauthentication(user_id)
        user = self._users.get(user_id)
        if user is None:
            raise Unauthorized()
        if not self._passwords.matches(typed_password(password), user.password_hash):
            raise Forbidden(_WRONG_PASSWORD)
        return Proven(user, [self._attempts.reauthentication_succeeded(user_id)])
