"""Ending somebody's sessions, so that none survives by beginning at the wrong moment.

Reading which there are and writing their ends are two calls. So the ends go into the transaction of what they are
for, and whatever began in between is ended after it.
"""

from collections.abc import Callable, Sequence

from chalicelib.domain.people.accounts.models import Session, User
from chalicelib.domain.people.accounts.ports import Sessions
from chalicelib.kernel.transactions import Transactor, Write

_MAX_IN_ONE_GO = 60
"""More than anybody has, unless many began at once; those are left over."""


def ends_of(sessions: Sessions, user_id: str, *, but: str = "") -> Sequence[Write]:
    """The ends of all the user's sessions, or of all but one."""
    others = [session for session in sessions.all_of(user_id) if session.id != but]
    return [sessions.end(user_id, other.id) for other in others[:_MAX_IN_ONE_GO]]


def end_leftovers(
    sessions: Sessions, transactor: Transactor, user_id: str, is_left: Callable[[Session], bool]
) -> None:
    """End those sessions of the user that are left over."""
    for session in filter(is_left, sessions.all_of(user_id)):
        transactor.commit([sessions.end(user_id, session.id)])


def end_outlived(sessions: Sessions, transactor: Transactor, before: User) -> None:
    """End the sessions that began with a password, or an address, which the user had `before` and has no more."""
    end_leftovers(
        sessions, transactor, before.id, lambda session: session.password_version <= before.password_version
    )
