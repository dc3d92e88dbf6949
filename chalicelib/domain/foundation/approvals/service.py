"""Requests and decides approvals.

A decision and its effect are one transaction: so an approved request takes effect exactly once.
"""

from collections.abc import Callable
from dataclasses import replace

from chalicelib.domain.foundation.approvals.models import (
    APPROVABLE_FOR,
    Approval,
    ApprovalStatus,
    Request,
    Subject,
)
from chalicelib.domain.foundation.approvals.ports import (
    APPROVAL_UNDECIDED,
    NEW_APPROVAL,
    ApprovalRecords,
    Effect,
    MembershipCheck,
)
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, Forbidden, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, with_fresh_reads

_DECIDED = "This has been decided already, or its seven days are over."

Effects = Callable[[Subject], Effect]


class Approvals:
    """Manages requests that need a second member of the staff."""

    def __init__(
        self,
        records: ApprovalRecords,
        belonging: MembershipCheck,
        effects: Effects,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._belonging = belonging
        self._effects = effects
        self._transactor = transactor
        self._clock = clock

    def require_not_member(self, user_id: str, customer_id: str) -> None:
        """Raise if the user belongs to the customer: staff may not give money to themselves.

        Raises:
            Forbidden: the user is a member of the customer.
        """
        if self._belonging.belongs(user_id, customer_id):
            raise Forbidden("You belong to this customer yourself; a colleague must do it.")

    def ask(self, request: Request, key: str) -> Approval:
        """Store a request for approval, once for each `key`."""

        def ask() -> Approval:
            if known := self._records.approval_of_key(key):
                return known
            now = self._clock.now()
            approval = Approval(new_id(Kind.APPROVAL, now), request, now, now + APPROVABLE_FOR)
            self._transactor.commit(self._records.insert_approval(approval, key))
            return approval

        return with_fresh_reads(ask, stale=frozenset({NEW_APPROVAL}))

    def list(self, page: PageRequest) -> Page[Approval]:
        """Return all requests, newest first."""
        return self._records.approvals(page)

    def approve(self, approval_id: str, user_id: str) -> Approval:
        """Approve a request and apply its effect.

        Raises:
            NotFound: there is no such request.
            Forbidden: the requester cannot decide, nor can a member of the customer.
            Conflict: it was decided, or has expired.
            HearthError: the effect is no longer possible; the error is the effect's own, and the request stays
                undecided.
        """
        effect = self._effects(self._found(approval_id).request.subject)

        def attempt() -> tuple[Approval, Callable[[], object] | None]:
            decided = self._decidable(approval_id, user_id, ApprovalStatus.APPROVED)
            self.require_not_member(user_id, decided.request.customer_id)
            consequence = effect.of(decided)
            decided = replace(decided, effect_id=consequence.id)
            self._transactor.commit([self._records.decide_approval(decided), *consequence.writes])
            return decided, consequence.then

        approval, then = _unless_decided(lambda: with_fresh_reads(attempt, stale=effect.stale))
        if then is not None:
            then()
        return approval

    def reject(self, approval_id: str, user_id: str) -> Approval:
        """Reject a request.

        Raises:
            NotFound, Conflict: as for `approve`.
            Forbidden: the requester cannot decide.
        """

        def attempt() -> tuple[Approval, None]:
            decided = self._decidable(approval_id, user_id, ApprovalStatus.REJECTED)
            self._transactor.commit([self._records.decide_approval(decided)])
            return decided, None

        return _unless_decided(attempt)[0]

    def _found(self, approval_id: str) -> Approval:
        approval = self._records.approval(approval_id)
        if approval is None:
            raise NotFound("There is no such request.")
        return approval

    def _decidable(self, approval_id: str, user_id: str, status: ApprovalStatus) -> Approval:
        approval = self._found(approval_id)
        if approval.request.asked_by == user_id:
            raise Forbidden("Somebody else than who asked for it must decide.")
        now = self._clock.now()
        if approval.status_at(now) is not ApprovalStatus.PENDING:
            raise Conflict(_DECIDED)
        return replace(approval, status=status, decided_by=user_id, decided_at=now)


_Decision = tuple[Approval, Callable[[], object] | None]


def _unless_decided(decide: Callable[[], _Decision]) -> _Decision:
    try:
        return decide()
    except ConditionFailed as failed:
        if APPROVAL_UNDECIDED in failed.asserts:
            raise Conflict(_DECIDED) from failed
        raise
