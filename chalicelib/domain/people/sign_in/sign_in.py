"""Sign-in with a password."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.people.accounts.models import EmailAddress, Origin, Password, User
from chalicelib.domain.people.accounts.passwords import typed_password
from chalicelib.domain.people.accounts.ports import Passwords, Users
from chalicelib.domain.people.accounts.tokens import new_secret
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.second_factor.models import PENDING_SIGN_IN_LIFE, PendingSignIn
from chalicelib.domain.people.second_factor.ports import PendingSignIns, SecondFactors
from chalicelib.domain.people.sessions.models import SessionTokens
from chalicelib.domain.people.sign_in.errors import EmailNotVerified, InvalidCredentials
from chalicelib.domain.people.sign_in.models import FailedSignIn
from chalicelib.domain.people.sign_in.opening import SessionOpener
from chalicelib.domain.people.sign_in.ports import FailedSignIns
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.transactions import Transactor, Write, with_fresh_reads


@dataclass(frozen=True)
class CodeRequired:
    """The password was right, and the second factor is needed."""

    pending_token: str
    """Finishes the sign-in together with a code; useless without one."""
    expires_at: datetime


class PasswordCheck:
    """Checks address and password. A wrong password and an unknown address cause equal work and answers (G42)."""

    def __init__(
        self,
        *,
        users: Users,
        passwords: Passwords,
        attempts: Attempts,
        failures: FailedSignIns,
        transactor: Transactor,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._attempts = attempts
        self._failures = failures
        self._transactor = transactor

    def user(self, email: EmailAddress, password: Password, origin: Origin) -> User:
        """Return the user with these credentials.

        Raises:
            InvalidCredentials: the address or the password is wrong.
            EmailNotVerified: both are right, but the address was never verified.
        """
        user = self._users.by_email(email)
        matches = self._passwords.matches(password, user.password_hash if user else None)
        if user is None or not matches:
            self._transactor.commit([self._failures.add(FailedSignIn(email, origin))])
            raise InvalidCredentials()
        if not user.is_verified:
            self._transactor.commit([self._attempts.password_succeeded(email)])
            raise EmailNotVerified()
        return user

    def unchanged(self, user: User, password: Password) -> Sequence[Write]:
        """Assert that the password is unchanged; also renews a hash made with old parameters."""
        if self._passwords.is_outdated(user.password_hash):
            same = self._users.rehash(user, self._passwords.hash(password))
        else:
            same = self._users.same_password(user)
        return same, self._attempts.password_succeeded(user.email)


class SignIn:
    """Opens sessions, or asks for the second factor first."""

    def __init__(
        self,
        *,
        password_check: PasswordCheck,
        factors: SecondFactors,
        pending: PendingSignIns,
        opener: SessionOpener,
        attempts: Attempts,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._password_check = password_check
        self._factors = factors
        self._pending = pending
        self._opener = opener
        self._attempts = attempts
        self._transactor = transactor
        self._clock = clock

    def login(self, email: EmailAddress, password: str, origin: Origin) -> SessionTokens | CodeRequired:
        """Open a session, or ask for a code if the second factor is on.

        Raises:
            InvalidCredentials: the address or the password is wrong.
            EmailNotVerified: both are right, but the address was never verified.
            RateLimited: too many attempts, from this IP address or for this account.
        """
        self._attempts.sign_in(email, origin.ip)
        typed = typed_password(password)
        return with_fresh_reads(
            lambda: self._with_password(email, typed, origin),
            stale=frozenset({"same_password", "second_factor_is_off"}),
        )

    def _with_password(
        self, email: EmailAddress, password: Password, origin: Origin
    ) -> SessionTokens | CodeRequired:
        user = self._password_check.user(email, password, origin)
        unchanged, factor = self._password_check.unchanged(user, password), self._factors.get(user.id)
        if factor is not None and factor.is_on:
            return self._wait_for_code(user, unchanged)
        return self._opener.open(user, origin, unchanged, second_factor=None)

    def _wait_for_code(self, user: User, unchanged: Sequence[Write]) -> CodeRequired:
        token, expires_at = new_secret(), self._clock.now() + PENDING_SIGN_IN_LIFE
        pending = PendingSignIn(hash_of(token), user.id, user.password_version, expires_at)
        self._transactor.commit([*unchanged, self._pending.insert(pending)])
        return CodeRequired(token, expires_at)
