"""Refreshes and ends sessions."""

from dataclasses import replace

from chalicelib.domain.people.accounts.models import Letter, LetterKind, Origin
from chalicelib.domain.people.accounts.ports import Letters, Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.domain.people.accounts.tokens import RefreshToken, is_same, new_secret
from chalicelib.domain.people.sessions.models import Session, SessionTokens
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.domain.people.sign_in.opening import SessionOpener
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Unauthorized
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor

_REFRESH_REFUSED = "The refresh token is not valid any more; sign in again."


class SessionRenewal:
    """Refreshes and ends sessions."""

    def __init__(
        self,
        *,
        users: Users,
        sessions: Sessions,
        letters: Letters,
        opener: SessionOpener,
        log: SecurityLog,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._letters = letters
        self._opener = opener
        self._log = log
        self._transactor = transactor
        self._clock = clock

    def refresh(self, refresh_token: str, origin: Origin) -> SessionTokens:
        """Rotate the tokens of a session; the refresh token that was used becomes void.

        If a used refresh token comes again, it or its successor was stolen: the session ends for both holders.

        Raises:
            Unauthorized: the token is invalid or was used, or its session has ended.
        """
        token = RefreshToken.parse(refresh_token)
        session = self._sessions.get(token.user_id, token.session_id)
        now = self._clock.now()
        if session is None or session.has_ended(now) or not is_same(session.family_hash, hash_of(token.family)):
            raise Unauthorized(_REFRESH_REFUSED)
        if not is_same(session.refresh_hash, hash_of(token.current)):
            raise self._ended_by_reuse(session, origin)
        following = replace(token, current=new_secret())
        renewed = self._opener.trusting(session, now)
        try:
            self._transactor.commit([self._sessions.rotate(renewed, hash_of(following.current), now, origin.ip)])
        except ConditionFailed as failed:
            raise self._ended_by_reuse(session, origin) from failed
        return self._opener.tokens(renewed, following, now)

    def logout(self, user_id: str, session_id: str) -> None:
        """End the session; its tokens become invalid at once."""
        self._transactor.commit([self._sessions.end(user_id, session_id)])

    def _ended_by_reuse(self, session: Session, origin: Origin) -> Unauthorized:
        """End the session, notify its user, and return the error to raise."""
        refusal = Unauthorized(_REFRESH_REFUSED)
        if self._sessions.get(session.user_id, session.id) is None:  # the session ended between our two calls
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
