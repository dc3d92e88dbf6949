"""Opens sessions: the last step of every way to sign in."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.people.accounts.models import Origin, User
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.domain.people.accounts.tokens import RefreshToken, new_secret
from chalicelib.domain.people.second_factor.ports import SecondFactors
from chalicelib.domain.people.sessions.models import (
    MAX_SESSIONS_PER_USER,
    SESSION_LIFE,
    Claims,
    Session,
    SessionAccess,
    SessionTokens,
)
from chalicelib.domain.people.sessions.ports import Sessions, TokenSigner
from chalicelib.domain.people.sign_in.devices import Recogniser
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Transactor, Write


class SessionOpener:
    """Opens sessions for users who have proven their identity."""

    def __init__(
        self,
        *,
        users: Users,
        sessions: Sessions,
        factors: SecondFactors,
        recogniser: Recogniser,
        signer: TokenSigner,
        log: SecurityLog,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._factors = factors
        self._recogniser = recogniser
        self._signer = signer
        self._log = log
        self._transactor = transactor
        self._clock = clock

    def open(
        self,
        user: User,
        origin: Origin,
        together_with: Sequence[Write],
        *,
        second_factor: Write | None,
        customer_id: str | None = None,
    ) -> SessionTokens:
        """Store a new session with a fresh id and fresh tokens.

        Args:
            user: the user who signs in.
            origin: where the request came from; the user is notified by mail of a new device.
            together_with: further Writes and assertions for the same transaction.
            second_factor: the Write that uses up the second factor; if None, asserts that the user has none turned
                on.
            customer_id: the customer, one of the user's, that the session acts for; None means the user's default.

        Raises:
            ConditionFailed: one of `together_with` or `second_factor` failed, or `second_factor_is_off`; no
                session was stored.
        """
        now = self._clock.now()
        if customer_id is None:
            customer_id = self._default_customer(user)
        session, token = self._new(user, customer_id, origin, now, has_second_factor=second_factor is not None)
        recognition = self._recogniser.recognise(user, origin, now)
        self._transactor.commit(
            [
                *together_with,
                second_factor or self._factors.is_off(user.id),
                self._sessions.insert(session),
                *self._evictions(user),
                *recognition.writes,
            ]
        )
        for action in ("login", *(["new_device"] if recognition.is_new else [])):
            self._log.note(session.user_id, session.customer_id, origin, action, session_id=session.id)
        return self.tokens(session, token, now)

    def tokens(self, session: Session, token: RefreshToken, now: datetime) -> SessionTokens:
        """Return `token` and an access token; `session` must come from `trusting` and be stored already."""
        access = self.access(session, now)
        return SessionTokens(**vars(access), refresh_token=token.text(), refresh_expires_at=session.ends_at)

    def access(self, session: Session, now: datetime) -> SessionAccess:
        """Return an access token for the session's customer; `session` must come from `trusting` and be stored
        already.
        """
        claims = Claims(session.user_id, session.id, session.customer_id)
        expires_at = session.token_end(now)
        return SessionAccess(session.id, self._signer.sign(claims, now, expires_at), expires_at)

    def trusting(self, session: Session, now: datetime) -> Session:
        """Return the session with our signing key; store it before issuing an access token at `now`."""
        return session.trusting(self._signer.key(session.token_end(now)), now)

    def _default_customer(self, user: User) -> str:
        """Return the customer that the user chose, if they are still a member, otherwise their oldest."""
        ids = [membership.customer_id for membership in self._users.memberships(user.id)]
        return user.default_customer_id if user.default_customer_id in ids else next(iter(ids), "")

    def _new(
        self, user: User, customer_id: str, origin: Origin, now: datetime, *, has_second_factor: bool
    ) -> tuple[Session, RefreshToken]:
        session_id = new_id(Kind.SESSION, now)
        token = RefreshToken(user.id, session_id, family=new_secret(), current=new_secret())
        session = Session(
            id=session_id,
            user_id=user.id,
            customer_id=customer_id,
            ip=origin.ip,
            user_agent=origin.user_agent,
            created_at=now,
            last_used_at=now,
            ends_at=now + SESSION_LIFE,
            password_version=user.password_version,
            family_hash=hash_of(token.family),
            refresh_hash=hash_of(token.current),
            has_second_factor=has_second_factor,
        )
        return self.trusting(session, now), token

    def _evictions(self, user: User) -> list[Write]:
        """Return Writes that end the oldest sessions, if one more would exceed the limit."""
        sessions = self._sessions.all_of(user.id)
        surplus = max(0, len(sessions) + 1 - MAX_SESSIONS_PER_USER)
        return [self._sessions.end(user.id, session.id) for session in sessions[:surplus]]
