"""Proving with the password who one is, while signed in."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.people.accounts.models import User
from chalicelib.domain.people.accounts.passwords import typed_password
from chalicelib.domain.people.accounts.ports import Passwords, Users
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.kernel.errors import Forbidden, Unauthorized
from chalicelib.kernel.transactions import Write

_WRONG_PASSWORD = "The password is wrong."  # noqa: S105 (a sentence)


@dataclass(frozen=True)
class Proven:
    """The person, and what must be written together with what they prove it for: a code is used up by it."""

    user: User
    writes: Sequence[Write]


class PasswordProof:
    """Asks for the password once more; wrong ones slow the next attempt down (G45)."""

    def __init__(self, users: Users, passwords: Passwords, attempts: Attempts) -> None:
        self._users = users
        self._passwords = passwords
        self._attempts = attempts

    def prove(self, user_id: str, password: str) -> Proven:
        """The user with this id, if the password is theirs.

        Raises:
            Forbidden: the password is wrong.
            RateLimited: there were too many wrong ones.
            Unauthorized: there is no such user any more.
        """
        self._attempts.inside(user_id)
        user = self._users.get(user_id)
        if user is None:
            raise Unauthorized()
        if not self._passwords.matches(typed_password(password), user.password_hash):
            raise Forbidden(_WRONG_PASSWORD)
        return Proven(user, [self._attempts.proved_inside(user_id)])
