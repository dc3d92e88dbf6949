"""A user's own profile and sessions."""

from chalicelib.domain.people.accounts.models import Profile
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.sessions.models import Session
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import NotFound, Unauthorized
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Transactor


class OwnAccount:
    """Shows signed-in users their profile and sessions, and ends sessions."""

    def __init__(self, users: Users, sessions: Sessions, transactor: Transactor, clock: Clock) -> None:
        self._users = users
        self._sessions = sessions
        self._transactor = transactor
        self._clock = clock

    def profile(self, user_id: str) -> Profile:
        """Return the user with their customers and roles.

        Raises:
            Unauthorized: the user no longer exists.
        """
        user = self._users.get(user_id)
        if user is None:
            raise Unauthorized()
        return Profile(user, self._users.memberships(user_id), self._users.staff_role(user_id))

    def sessions(self, user_id: str, page: PageRequest) -> Page[Session]:
        """Return the user's sessions, newest first."""
        return self._sessions.list(user_id, page, self._clock.now())

    def count_sessions(self, user_id: str) -> int:
        """Return the number of the user's sessions."""
        now = self._clock.now()
        return sum(not session.has_ended(now) for session in self._sessions.all_of(user_id))

    def end_session(self, user_id: str, session_id: str) -> None:
        """End one of the user's sessions; its tokens become invalid at once.

        Raises:
            NotFound: the user has no such session.
        """
        session = self._sessions.get(user_id, session_id)
        if session is None or session.has_ended(self._clock.now()):
            raise NotFound()
        self._transactor.commit([self._sessions.end(user_id, session_id)])
