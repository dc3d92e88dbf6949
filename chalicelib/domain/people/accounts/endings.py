"""Ending somebody's sessions, so that none survives by beginning at the wrong moment.

Reading which there are and writing their ends are two calls. So the ends go into the transaction of what they are
for, and whatever began in between is ended after it.
"""

from collections.abc import Callable, Sequence

from chalicelib.domain.people.accounts.models import User
from chalicelib.domain.people.sessions.models import Session
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.kernel.transactions import Transactor, Write

_MAX_IN_ONE_GO = 60
"""More than anybody has, unless many began at once; those are left over."""


def ends_of(sessions: Sessions, user_id: str, *, but: str = "") -> Sequence[Write]:
    """The ends of all the user's sessions, or of all but one."""
    others = [session for session in sessions.all_of(user_id) if session.id != but]
    return [sessions.end(user_id, other.id) for other in others[:_MAX_IN_ONE_GO]]


class SessionEnding:
    """Ends a person's sessions, in two parts: with the change that ends them, and after it."""

    def __init__(self, sessions: Sessions, transactor: Transactor) -> None:
        self._sessions = sessions
        self._transactor = transactor

    def with_change(self, user_id: str, *, but: str = "") -> Sequence[Write]:
        """The ends of all the user's sessions, or of all but one; they belong to the change's transaction."""
        return ends_of(self._sessions, user_id, but=but)

    def leftovers(self, user_id: str, is_left: Callable[[Session], bool]) -> None:
        """End those sessions of the user that are left over after the change."""
        for session in filter(is_left, self._sessions.all_of(user_id)):
            self._transactor.commit([self._sessions.end(user_id, session.id)])

    def outlived(self, before: User) -> None:
        """End the sessions that began with a password, or an address, that the user had `before` only."""
        self.leftovers(before.id, lambda session: session.password_version <= before.password_version)
