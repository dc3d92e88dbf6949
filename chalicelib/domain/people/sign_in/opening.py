"""Beginning sessions: what every way of signing in ends with."""

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
    """Begins sessions of people who have shown who they are."""

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
        """Begin a session, with an id and tokens that nobody has seen before, and write it down.

        Args:
            user: whose session it is.
            origin: where the request came from; a device that is new is told to the user by mail.
            together_with: what must hold, and what is used up, in the same transaction.
            second_factor: what proves that more than a password was shown; without it, none may be asked for.
            customer_id: which customer it acts for, one of the user's; their own choice where none is named.

        Raises:
            ConditionFailed: one of `together_with` or `second_factor` did not hold, or `second_factor_is_off`;
                there is no session.
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
                *self._crowded_out(user),
                *recognition.writes,
            ]
        )
        for action in ("login", *(["new_device"] if recognition.is_new else [])):
            self._log.note(session.user_id, session.customer_id, origin, action, session_id=session.id)
        return self.tokens(session, token, now)

    def tokens(self, session: Session, token: RefreshToken, now: datetime) -> SessionTokens:
        """What the client gets: `token`, and an access token; `session` is as `trusting` gave it, and written."""
        access = self.access(session, now)
        return SessionTokens(**vars(access), refresh_token=token.text(), refresh_expires_at=session.ends_at)

    def access(self, session: Session, now: datetime) -> SessionAccess:
        """An access token for the customer that the session acts for now; `session` is as for `tokens`."""
        claims = Claims(session.user_id, session.id, session.customer_id)
        expires_at = session.token_end(now)
        return SessionAccess(session.id, self._signer.sign(claims, now, expires_at), expires_at)

    def trusting(self, session: Session, now: datetime) -> Session:
        """The session as it must be written before it gets an access token at `now`: it trusts our key."""
        return session.trusting(self._signer.key(session.token_end(now)), now)

    def _default_customer(self, user: User) -> str:
        """The one that the user chose, while they are a member, or else their oldest."""
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

    def _crowded_out(self, user: User) -> list[Write]:
        """The ends of the oldest sessions, where one more would be too many."""
        sessions = self._sessions.all_of(user.id)
        surplus = max(0, len(sessions) + 1 - MAX_SESSIONS_PER_USER)
        return [self._sessions.end(user.id, session.id) for session in sessions[:surplus]]
