"""Authenticates requests that carry a session's access token."""

from chalicelib.domain.foundation.access.models import Credentials, Principal
from chalicelib.domain.people.sessions.ports import Sessions, TokenReader
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import NotFound, Unauthorized

_NOT_YOURS = "You are no member of the customer that X-Customer-Id names."


class SessionAuthenticator:
    """An `Authenticator` that reads the session on each request, so that a revoked session is refused at once
    (G42).

    The session also contains the public keys of its tokens, so that verifying a token needs no further read and no
    secret.
    """

    def __init__(self, tokens: TokenReader, sessions: Sessions, clock: Clock) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._clock = clock

    def authenticate(self, credentials: Credentials) -> Principal:
        """Return the principal of `credentials`; see `Authenticator.authenticate`."""
        now = self._clock.now()
        claims = self._tokens.claims(credentials.token, now)
        customer_id = credentials.customer_id or claims.customer_id
        standing = self._sessions.standing(claims, customer_id, wants_staff=credentials.wants_staff)
        session = standing.session
        if session is None or not self._tokens.is_signed(credentials.token, session.token_keys, now):
            raise Unauthorized()
        if session.has_ended(now) or session.customer_id != claims.customer_id:
            raise Unauthorized()
        if customer_id and standing.role is None and not credentials.wants_staff:
            raise NotFound(_NOT_YOURS) if credentials.customer_id else Unauthorized()
        return Principal(
            user_id=claims.user_id,
            session_id=claims.session_id,
            customer_id=customer_id,
            role=standing.role,
            staff_role=standing.staff_role,
            has_second_factor=session.has_second_factor,
            customer_status=standing.customer_status,
        )
