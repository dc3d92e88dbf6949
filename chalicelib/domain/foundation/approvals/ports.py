"""Where approvals are kept, and what may come of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.foundation.approvals.models import Approval
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

NEW_APPROVAL = "new_approval"
APPROVAL_UNDECIDED = "approval_undecided"


class ApprovalRecords(Protocol):
    """Where approvals are kept. Reads are strongly consistent."""

    def approval(self, approval_id: str) -> Approval | None:
        """One of them."""
        ...

    def approval_of_key(self, key: str) -> Approval | None:
        """The one that was asked for with an idempotency key."""
        ...

    def approvals(self, page: PageRequest) -> Page[Approval]:
        """All of them, newest first."""
        ...

    def insert_approval(self, approval: Approval, key: str) -> Sequence[Write]:
        """Keep a new one, findable by its key; asserts NEW_APPROVAL."""
        ...

    def decide_approval(self, decided: Approval) -> Write:
        """Keep a decision; asserts APPROVAL_UNDECIDED."""
        ...


class Belonging(Protocol):
    """Who has a part in which customer."""

    def belongs(self, user_id: str, customer_id: str) -> bool:
        """Whether the user is a member of the customer; strongly consistent."""
        ...


@dataclass(frozen=True)
class Consequence:
    """What comes of an approval: its id, the writes that make it, and what is done once they are committed."""

    id: str
    writes: Sequence[Write]
    then: Callable[[], object] | None = None


class Effect(Protocol):
    """Lets what was asked for happen, for one subject. The contexts whose money it is about bring theirs."""

    @property
    def stale(self) -> frozenset[str]:
        """The assertions of its writes that say "somebody else was faster"."""
        ...

    def of(self, approval: Approval) -> Consequence:
        """What comes of `approval`, decided on what is freshly read; any refusal leaves it undecided."""
        ...
