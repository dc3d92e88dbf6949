"""Signing in, staying signed in, signing out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.people.accounts.models import (
    EmailAddress,
    Letter,
    LetterKind,
    Origin,
    Password,
    Session,
    SessionTokens,
    User,
)
from chalicelib.domain.people.accounts.passwords import typed_password
from chalicelib.domain.people.accounts.ports import Letters, Passwords, Sessions, Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.domain.people.accounts.tokens import RefreshToken, is_same, new_secret
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.second_factor.models import PENDING_SIGN_IN_LIFE, PendingSignIn, UsedRecoveryCode
from chalicelib.domain.people.second_factor.ports import PendingSignIns, SecondFactors
from chalicelib.domain.people.second_factor.two_factor import CodeCheck
from chalicelib.domain.people.sign_in.models import FailedSignIn
from chalicelib.domain.people.sign_in.opening import SessionOpener
from chalicelib.domain.people.sign_in.ports import FailedSignIns
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import EmailNotVerified, InvalidCredentials, InvalidTwoFactorCode, Unauthorized
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_REFRESH_REFUSED = "The refresh token is not valid any more; sign in again."
_NOT_PENDING = "This sign-in has ended; begin again with your password."


@dataclass(frozen=True)
class CodeWanted:
    """The password was right, and a code is asked for."""

    pending_token: str
    """Finishes the sign-in together with a code; worth nothing else."""
    expires_at: datetime


class PasswordCheck:
    """Knows who somebody is by address and password. Wrong or unknown: the same words and the same work (G42)."""

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
        """The user with these credentials.

        Raises:
            InvalidCredentials: the address or the password is wrong.
            EmailNotVerified: both are right, but the address was never proven.
        """
        user = self._users.by_email(email)
        matches = self._passwords.matches(password, user.password_hash if user else None)
        if user is None or not matches:
            self._transactor.commit([self._failures.add(FailedSignIn(email, origin))])
            raise InvalidCredentials()
        if not user.is_verified:
            self._transactor.commit([self._attempts.knew_password(email)])
            raise EmailNotVerified()
        return user

    def unchanged(self, user: User, password: Password) -> Sequence[Write]:
        """The condition of a sign-in, which also brings an old hash up to today's parameters."""
        if self._passwords.is_outdated(user.password_hash):
            same = self._users.rehash(user, self._passwords.hash(password))
        else:
            same = self._users.same_password(user)
        return same, self._attempts.knew_password(user.email)


class SignIn:
    """Begins sessions and carries them on."""

    def __init__(  # noqa: PLR0913 (its ports, given by name)
        self,
        *,
        users: Users,
        sessions: Sessions,
        factors: SecondFactors,
        pending: PendingSignIns,
        letters: Letters,
        password_check: PasswordCheck,
        code_check: CodeCheck,
        opener: SessionOpener,
        attempts: Attempts,
        log: SecurityLog,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._factors = factors
        self._pending = pending
        self._letters = letters
        self._password_check = password_check
        self._code_check = code_check
        self._opener = opener
        self._attempts = attempts
        self._log = log
        self._transactor = transactor
        self._clock = clock

    def login(self, email: EmailAddress, password: str, origin: Origin) -> SessionTokens | CodeWanted:
        """Begin a session, or ask for a code where the second factor is on.

        Raises:
            InvalidCredentials: the address or the password is wrong.
            EmailNotVerified: both are right, but the address was never proven.
            RateLimited: too many attempts, from this address or for this account.
        """
        self._attempts.sign_in(email, origin.ip)
        typed = typed_password(password)
        return with_fresh_reads(
            lambda: self._with_password(email, typed, origin),
            stale=frozenset({"same_password", "second_factor_is_off"}),
        )

    def finish(self, pending_token: str, code: str, origin: Origin) -> SessionTokens:
        """Begin the session that waits behind `pending_token`, with a code or a recovery code.

        Raises:
            InvalidTwoFactorCode: the code is wrong, or was used before.
            Unauthorized: the sign-in is not pending: it was finished, too old, tried too often, or the password
                was changed since.
            RateLimited: too many attempts, from this address or for this account.
        """
        waiting = self._pending.get(hash_of(pending_token))
        if waiting is None:
            raise Unauthorized(_NOT_PENDING)
        self._attempts.second_factor(waiting.user_id, origin.ip)
        pending = self._pending.try_code(waiting.token_hash, self._clock.now())
        user, factor = self._users.get(waiting.user_id), self._factors.get(waiting.user_id)
        if pending is None or user is None or factor is None or not factor.is_on:
            raise Unauthorized(_NOT_PENDING)
        if user.password_version != pending.password_version:
            raise Unauthorized(_NOT_PENDING)
        try:
            proof = self._code_check.proof(factor, code)
            used_up = [
                self._pending.finish(pending),
                self._users.same_password(user),
                self._attempts.knew_code(user.id),
            ]
            tokens = self._open(user, origin, used_up, self._factors.use(factor, proof))
        except InvalidTwoFactorCode as refusal:
            self._note(user, origin, "login", refusal=refusal.code)
            raise
        if isinstance(proof, UsedRecoveryCode):
            self._note(user, origin, "use_recovery_code")
        return tokens

    def refresh(self, refresh_token: str, origin: Origin) -> SessionTokens:
        """Carry a session on with fresh tokens; the refresh token that was used is spent.

        A spent one that comes back was stolen, or its thief was faster: the session ends for both.

        Raises:
            Unauthorized: the token is not valid, was used before, or its session has ended.
        """
        token = RefreshToken.parse(refresh_token)
        session = self._sessions.get(token.user_id, token.session_id)
        now = self._clock.now()
        if session is None or session.has_ended(now) or not is_same(session.family_hash, hash_of(token.family)):
            raise Unauthorized(_REFRESH_REFUSED)
        if not is_same(session.refresh_hash, hash_of(token.current)):
            raise self._ended_by_reuse(session, origin)
        following = replace(token, current=new_secret())
        renewed = replace(session, refresh_hash=hash_of(following.current))
        try:
            self._transactor.commit([self._sessions.rotate(session, renewed.refresh_hash, now, origin.ip)])
        except ConditionFailed as failed:
            raise self._ended_by_reuse(session, origin) from failed
        return self._opener.tokens(renewed, following, now)

    def logout(self, user_id: str, session_id: str) -> None:
        """End the session: its tokens are worthless from now on."""
        self._transactor.commit([self._sessions.end(user_id, session_id)])

    def _with_password(
        self, email: EmailAddress, password: Password, origin: Origin
    ) -> SessionTokens | CodeWanted:
        user = self._password_check.user(email, password, origin)
        unchanged, factor = self._password_check.unchanged(user, password), self._factors.get(user.id)
        if factor is not None and factor.is_on:
            return self._wait_for_code(user, unchanged)
        return self._opener.open(user, origin, unchanged, second_factor=None)

    def _wait_for_code(self, user: User, unchanged: Sequence[Write]) -> CodeWanted:
        token, expires_at = new_secret(), self._clock.now() + PENDING_SIGN_IN_LIFE
        pending = PendingSignIn(hash_of(token), user.id, user.password_version, expires_at)
        self._transactor.commit([*unchanged, self._pending.insert(pending)])
        return CodeWanted(token, expires_at)

    def _open(self, user: User, origin: Origin, used_up: Sequence[Write], second_factor: Write) -> SessionTokens:
        try:
            return self._opener.open(user, origin, used_up, second_factor=second_factor)
        except ConditionFailed as failed:
            if "sign_in_is_pending" not in failed.asserts and "code_is_unused" in failed.asserts:
                raise InvalidTwoFactorCode() from failed
            raise Unauthorized(_NOT_PENDING) from failed

    def _note(self, user: User, origin: Origin, action: str, *, refusal: str = "") -> None:
        for membership in self._users.memberships(user.id):
            self._log.note(user.id, membership.customer_id, origin, action, refusal=refusal)

    def _ended_by_reuse(self, session: Session, origin: Origin) -> Unauthorized:
        """End the session, tell its owner, and give the refusal to raise."""
        refusal = Unauthorized(_REFRESH_REFUSED)
        if self._sessions.get(session.user_id, session.id) is None:  # somebody ended it between our two calls
            return refusal
        writes = [self._sessions.end(session.user_id, session.id)]
        user = self._users.get(session.user_id)
        if user is not None:
            now = self._clock.now()
            letter = Letter(new_id(Kind.LETTER, now), LetterKind.SESSION_ENDED, user.email, now)
            writes.append(self._letters.add(letter))
        self._transactor.commit(writes)
        self._log.note(
            session.user_id,
            session.customer_id,
            origin,
            "refresh_token_reused",
            session_id=session.id,
            refusal=refusal.code,
        )
        return refusal
