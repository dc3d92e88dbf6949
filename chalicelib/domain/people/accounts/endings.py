"""Ends all sessions of a user, including those that begin at the same time.

Reading the sessions and deleting them are two calls. So the deletions join the transaction of the change that
requires them, and sessions that began in between are ended after it.
"""

from collections.abc import Callable, Sequence

from chalicelib.domain.people.accounts.models import User
from chalicelib.domain.people.sessions.models import Session
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.kernel.transactions import Transactor, Write

_MAX_IN_ONE_GO = 60
"""More sessions than a user has, unless many begin at once; `end_remaining` ends the rest."""


def session_ends(sessions: Sessions, user_id: str, *, except_id: str = "") -> Sequence[Write]:
    """Return the Writes that end all the user's sessions, except the session `except_id`."""
    others = [session for session in sessions.all_of(user_id) if session.id != except_id]
    return [sessions.end(user_id, other.id) for other in others[:_MAX_IN_ONE_GO]]


class SessionEnding:
    """Ends a user's sessions in two steps: in the transaction of a change, and after it."""

    def __init__(self, sessions: Sessions, transactor: Transactor) -> None:
        self._sessions = sessions
        self._transactor = transactor

    def with_change(self, user_id: str, *, except_id: str = "") -> Sequence[Write]:
        """Return the Writes that end the user's sessions, except `except_id`; commit them together with the
        change.
        """
        return session_ends(self._sessions, user_id, except_id=except_id)

    def end_remaining(self, user_id: str, is_left: Callable[[Session], bool]) -> None:
        """After the change, end the remaining sessions of the user for which `is_left` is true."""
        for session in filter(is_left, self._sessions.all_of(user_id)):
            self._transactor.commit([self._sessions.end(user_id, session.id)])

    def end_outdated(self, before: User) -> None:
        """End the sessions that were opened with the password or address of `before`, the user before the
        change.
        """
        self.end_remaining(before.id, lambda session: session.password_version <= before.password_version)
