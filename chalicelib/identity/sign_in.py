"""Signing in, staying signed in, signing out."""

from dataclasses import replace
from datetime import datetime

from chalicelib.identity.attempts import Attempts
from chalicelib.identity.emails import EmailAddress
from chalicelib.identity.models import (
    ACCESS_TOKEN_LIFE,
    MAX_SESSIONS_PER_USER,
    SESSION_LIFE,
    Claims,
    Letter,
    LetterKind,
    Origin,
    Session,
    SessionTokens,
    User,
)
from chalicelib.identity.passwords import Password, typed_password
from chalicelib.identity.ports import AccessTokens, Letters, Passwords, Sessions, Users
from chalicelib.identity.security_log import SecurityLog
from chalicelib.identity.tokens import RefreshToken, hash_of, is_same, new_secret
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import EmailNotVerified, InvalidCredentials, Unauthorized
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_REFRESH_REFUSED = "The refresh token is not valid any more; sign in again."


class SignIn:
    """Begins sessions and carries them on."""

    def __init__(  # noqa: PLR0913 (its ports, given by name)
        self,
        *,
        users: Users,
        sessions: Sessions,
        letters: Letters,
        passwords: Passwords,
        access_tokens: AccessTokens,
        attempts: Attempts,
        log: SecurityLog,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._letters = letters
        self._passwords = passwords
        self._access_tokens = access_tokens
        self._attempts = attempts
        self._log = log
        self._transactor = transactor
        self._clock = clock

    def login(self, email: EmailAddress, password: str, origin: Origin) -> SessionTokens:
        """Begin a session. A wrong password and an unknown address are the same, in words and in work (G42).

        Raises:
            InvalidCredentials: the address or the password is wrong.
            EmailNotVerified: both are right, but the address was never proven.
            RateLimited: too many attempts, from this address or for this account.
        """
        self._attempts.sign_in(email, origin.ip)
        typed = typed_password(password)
        session, tokens = with_fresh_reads(
            lambda: self._begin(self._known(email, typed), typed, origin), stale=frozenset({"same_password"})
        )
        self._log.note(session.user_id, session.customer_id, origin, "login", session_id=session.id)
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
        return self._tokens(renewed, following, now)

    def logout(self, user_id: str, session_id: str) -> None:
        """End the session: its tokens are worthless from now on."""
        self._transactor.commit([self._sessions.end(user_id, session_id)])

    def _known(self, email: EmailAddress, password: Password) -> User:
        """The user with these credentials."""
        user = self._users.by_email(email)
        matches = self._passwords.matches(password, user.password_hash if user else None)
        if user is None or not matches:
            raise InvalidCredentials()
        if not user.is_verified:
            raise EmailNotVerified()
        return user

    def _begin(self, user: User, password: Password, origin: Origin) -> tuple[Session, SessionTokens]:
        """A new session, unless the password changes meanwhile."""
        now = self._clock.now()
        memberships = self._users.memberships(user.id)
        session_id = new_id(Kind.SESSION, now)
        token = RefreshToken(user.id, session_id, family=new_secret(), current=new_secret())
        session = Session(
            id=session_id,
            user_id=user.id,
            customer_id=memberships[0].customer_id if memberships else "",
            ip=origin.ip,
            user_agent=origin.user_agent,
            created_at=now,
            last_used_at=now,
            ends_at=now + SESSION_LIFE,
            password_version=user.password_version,
            family_hash=hash_of(token.family),
            refresh_hash=hash_of(token.current),
        )
        self._transactor.commit(
            [self._same_password(user, password), self._sessions.insert(session), *self._crowded_out(user)]
        )
        return session, self._tokens(session, token, now)

    def _same_password(self, user: User, password: Password) -> Write:
        """The condition of a sign-in, which also brings an old hash up to today's parameters."""
        if self._passwords.is_outdated(user.password_hash):
            return self._users.rehash(user, self._passwords.hash(password))
        return self._users.same_password(user)

    def _crowded_out(self, user: User) -> list[Write]:
        """The ends of the oldest sessions, where one more would be too many."""
        sessions = self._sessions.all_of(user.id)
        surplus = max(0, len(sessions) + 1 - MAX_SESSIONS_PER_USER)
        return [self._sessions.end(user.id, session.id) for session in sessions[:surplus]]

    def _tokens(self, session: Session, token: RefreshToken, now: datetime) -> SessionTokens:
        claims = Claims(session.user_id, session.id, session.customer_id)
        expires_at = min(now + ACCESS_TOKEN_LIFE, session.ends_at)
        return SessionTokens(
            session_id=session.id,
            access_token=self._access_tokens.issue(claims, now, expires_at),
            access_expires_at=expires_at,
            refresh_token=token.text(),
            refresh_expires_at=session.ends_at,
        )

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
