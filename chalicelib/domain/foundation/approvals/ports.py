"""Ports of approvals."""

from collections.abc import Callable, Sequence
from typing import Protocol

from chalicelib.domain.foundation.approvals.models import Approval
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

NEW_APPROVAL = "new_approval"
APPROVAL_UNDECIDED = "approval_undecided"


class ApprovalRecords(Protocol):
    """Stored approvals. Reads are strongly consistent."""

    def approval(self, approval_id: str) -> Approval | None:
        """Return one approval."""
        ...

    def approval_of_key(self, key: str) -> Approval | None:
        """Return the approval that was requested with this idempotency key."""
        ...

    def approvals(self, page: PageRequest) -> Page[Approval]:
        """Return all approvals, newest first."""
        ...

    def insert_approval(self, approval: Approval, key: str) -> Sequence[Write]:
        """Add an approval and its idempotency key; asserts NEW_APPROVAL."""
        ...

    def decide_approval(self, decided: Approval) -> Write:
        """Store a decision; asserts APPROVAL_UNDECIDED."""
        ...


class MembershipCheck(Protocol):
    """Memberships of users."""

    def belongs(self, user_id: str, customer_id: str) -> bool:
        """Whether the user is a member of the customer (strongly consistent)."""
        ...


@dataclass(frozen=True)
class Consequence:
    """The effect of an approval: an id, the Writes, and an action to run after the commit."""

    id: str
    writes: Sequence[Write]
    then: Callable[[], object] | None = None


class Effect(Protocol):
    """Applies approved requests of one subject. The context that owns the subject implements it."""

    @property
    def stale(self) -> frozenset[str]:
        """Return the names of the assertions that fail when another request was faster."""
        ...

    def of(self, approval: Approval) -> Consequence:
        """Return the effect of `approval` from freshly read data; an error leaves it undecided."""
        ...
