"""The operator's own people: who they are, and who may change that.

Only owners manage the staff, and an owner always remains: how many there are is counted on one item, which every
change of an owner's place is asserted on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from chalicelib.domain.foundation.access.models import StaffRole, StaffStatus
from chalicelib.domain.people.accounts.endings import ends_of
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
    """Where owners manage the staff."""

    def __init__(
        self, records: StaffRecords, rosters: Rosters, users: Users, sessions: Sessions, transactor: Transactor
    ) -> None:
        self._records = records
        self._rosters = rosters
        self._users = users
        self._sessions = sessions
        self._transactor = transactor

    def list(self, page: PageRequest) -> Page[StaffMember]:
        """Everybody in the staff, active or not."""
        return self._records.list(page)

    def change(
        self, actor_id: str, user_id: str, *, role: StaffRole | None, status: StaffStatus | None
    ) -> StaffMember:
        """Give a member another role or status; one who is disabled is signed out everywhere.

        Args:
            actor_id: the owner who does it.
            user_id: whose place it is.
            role: None leaves it.
            status: None leaves it.

        Raises:
            NotFound: there is no such member.
            Conflict: no owner would remain.
            Forbidden: the actor is no owner any more.
        """

        def attempt() -> StaffMember:
            member = self._member(user_id)
            before = member.membership
            after = replace(before, role=role or before.role, status=status or before.status)
            if after != before:
                ended = ends_of(self._sessions, user_id) if after.status is StaffStatus.DISABLED else ()
                self._commit(actor_id, user_id, [*self._records.replace(before, after), *ended])
            return replace(member, membership=after)

        return self._decide(attempt)

    def remove(self, actor_id: str, user_id: str) -> None:
        """Take a member's place away, and sign them out everywhere.

        Raises:
            NotFound: there is no such member.
            Conflict: no owner would remain.
            Forbidden: the actor is no owner any more.
        """

        def attempt() -> None:
            membership = self._member(user_id).membership
            left = [self._rosters.change(who, self._rosters.get(who), joined=-1) for who in (STAFF, user_id)]
            removed = self._records.remove(membership)
            self._commit(actor_id, user_id, [*removed, *left, *ends_of(self._sessions, user_id)])

        self._decide(attempt)

    def _member(self, user_id: str) -> StaffMember:
        membership, user = self._records.get(user_id), self._users.get(user_id)
        if membership is None or user is None:
            raise NotFound("Nobody of this id is in the staff.")
        return StaffMember(membership, user)

    def _commit(self, actor_id: str, user_id: str, writes: Sequence[Write]) -> None:
        """Commit what an owner decided, if they still are one; of oneself the change itself asserts that."""
        guard = [] if actor_id == user_id else [self._records.still_owner(actor_id, STILL_OWNER)]
        try:
            self._transactor.commit([*guard, *writes])
        except ConditionFailed as failed:
            if failed.asserts & _STALE:  # whatever else failed was decided on what is no more
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
