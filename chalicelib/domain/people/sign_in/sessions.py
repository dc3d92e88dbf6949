"""Who is signed in, where, and what their tokens are worth right now."""

from chalicelib.domain.foundation.access.models import Credentials, Principal
from chalicelib.domain.people.accounts.models import Profile, Session
from chalicelib.domain.people.accounts.ports import AccessTokens, Sessions, Users
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import NotFound, Unauthorized
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Transactor

_NOT_YOURS = "You are no member of the customer that X-Customer-Id names."


class SessionAuthenticator:
    """`Authenticator` that asks the table each time, so that a revoked session is refused at once (G42)."""

    def __init__(self, access_tokens: AccessTokens, sessions: Sessions, clock: Clock) -> None:
        self._access_tokens = access_tokens
        self._sessions = sessions
        self._clock = clock

    def authenticate(self, credentials: Credentials) -> Principal:
        """The principal behind `credentials`; see `Authenticator.authenticate`."""
        now = self._clock.now()
        claims = self._access_tokens.read(credentials.token, now)
        customer_id = credentials.customer_id or claims.customer_id
        standing = self._sessions.standing(claims, customer_id, wants_staff=credentials.wants_staff)
        session = standing.session
        if session is None or session.has_ended(now) or session.customer_id != claims.customer_id:
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


class OwnAccount:
    """What signed-in people see and end of their own."""

    def __init__(self, users: Users, sessions: Sessions, transactor: Transactor, clock: Clock) -> None:
        self._users = users
        self._sessions = sessions
        self._transactor = transactor
        self._clock = clock

    def profile(self, user_id: str) -> Profile:
        """The user with their customers and roles.

        Raises:
            Unauthorized: there is no such user any more.
        """
        user = self._users.get(user_id)
        if user is None:
            raise Unauthorized()
        return Profile(user, self._users.memberships(user_id), self._users.staff_role(user_id))

    def sessions(self, user_id: str, page: PageRequest) -> Page[Session]:
        """Where the user is signed in, newest first."""
        return self._sessions.list(user_id, page, self._clock.now())

    def count_sessions(self, user_id: str) -> int:
        """In how many places the user is signed in."""
        now = self._clock.now()
        return sum(not session.has_ended(now) for session in self._sessions.all_of(user_id))

    def end_session(self, user_id: str, session_id: str) -> None:
        """End one of the user's sessions; its tokens are refused from now on.

        Raises:
            NotFound: the user has no such session.
        """
        session = self._sessions.get(user_id, session_id)
        if session is None or session.has_ended(self._clock.now()):
            raise NotFound()
        self._transactor.commit([self._sessions.end(user_id, session_id)])
