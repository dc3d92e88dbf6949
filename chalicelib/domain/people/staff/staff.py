"""The operator's staff: its members, and who may change them.

Only owners manage the staff, and at least one owner remains: one item counts them, and every change of an owner
asserts a condition on it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from chalicelib.domain.foundation.access.models import StaffRole, StaffStatus
from chalicelib.domain.people.accounts.endings import session_ends
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.organisations.models import STAFF
from chalicelib.domain.people.organisations.ports import ROSTER_UNCHANGED, Rosters
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.domain.people.staff.models import StaffMember
from chalicelib.domain.people.staff.ports import PLACE_UNCHANGED, STILL_OWNER, StaffRecords
from chalicelib.kernel.errors import Conflict, Forbidden, NotFound
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

T = TypeVar("T")
_STALE = frozenset({PLACE_UNCHANGED, ROSTER_UNCHANGED})
_LAST_OWNER = "An owner must remain: make somebody else one first."
_NO_OWNER = "Only an owner manages the staff."


class StaffDesk:
    """Lists and changes the members of the staff."""

    def __init__(
        self, records: StaffRecords, rosters: Rosters, users: Users, sessions: Sessions, transactor: Transactor
    ) -> None:
        self._records = records
        self._rosters = rosters
        self._users = users
        self._sessions = sessions
        self._transactor = transactor

    def list(self, page: PageRequest) -> Page[StaffMember]:
        """Return all members of the staff, active or not."""
        return self._records.list(page)

    def change(
        self, actor_id: str, user_id: str, *, role: StaffRole | None, status: StaffStatus | None
    ) -> StaffMember:
        """Change a member's role or status; a disabled member is signed out everywhere.

        Args:
            actor_id: the owner who makes the change.
            user_id: the member to change.
            role: the new role; None keeps it.
            status: the new status; None keeps it.

        Raises:
            NotFound: there is no such member.
            Conflict: no owner would remain.
            Forbidden: the actor is no longer an owner.
        """

        def attempt() -> StaffMember:
            member = self._member(user_id)
            before = member.membership
            after = replace(before, role=role or before.role, status=status or before.status)
            if after != before:
                ended = session_ends(self._sessions, user_id) if after.status is StaffStatus.DISABLED else ()
                self._commit(actor_id, user_id, [*self._records.replace(before, after), *ended])
            return replace(member, membership=after)

        return self._decide(attempt)

    def remove(self, actor_id: str, user_id: str) -> None:
        """Remove a member from the staff, and sign them out everywhere.

        Raises:
            NotFound: there is no such member.
            Conflict: no owner would remain.
            Forbidden: the actor is no longer an owner.
        """

        def attempt() -> None:
            membership = self._member(user_id).membership
            left = [self._rosters.change(who, self._rosters.get(who), joined=-1) for who in (STAFF, user_id)]
            removed = self._records.remove(membership)
            self._commit(actor_id, user_id, [*removed, *left, *session_ends(self._sessions, user_id)])

        self._decide(attempt)

    def _member(self, user_id: str) -> StaffMember:
        membership, user = self._records.get(user_id), self._users.get(user_id)
        if membership is None or user is None:
            raise NotFound("Nobody of this id is in the staff.")
        return StaffMember(membership, user)

    def _commit(self, actor_id: str, user_id: str, writes: Sequence[Write]) -> None:
        """Commit an owner's change and assert that the actor is still an owner; for a change of the actor, it
        asserts that itself.
        """
        guard = [] if actor_id == user_id else [self._records.still_owner(actor_id, STILL_OWNER)]
        try:
            self._transactor.commit([*guard, *writes])
        except ConditionFailed as failed:
            if failed.asserts & _STALE:  # the decision was based on stale data
                raise ConditionFailed(PLACE_UNCHANGED) from failed
            raise

    @staticmethod
    def _decide(attempt: Callable[[], T]) -> T:
        try:
            return with_fresh_reads(attempt, stale=_STALE)
        except ConditionFailed as failed:
            if STILL_OWNER in failed.asserts:
                raise Forbidden(_NO_OWNER) from failed
            raise Conflict(_LAST_OWNER) from failed
