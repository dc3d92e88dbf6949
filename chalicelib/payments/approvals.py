"""Four eyes: what staff give away or send back above a limit needs a second of them.

A decision and its effect are one transaction, so that nothing is approved without happening, or happens twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, Forbidden, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import format_amount
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads
from chalicelib.ledger.models import EntryType, Operator
from chalicelib.ledger.service import Ledger
from chalicelib.payments.models import Amount
from chalicelib.payments.policy import FOUR_EYES_ABOVE_MICROS
from chalicelib.payments.refunds import STALE_PLACING, RefundOrder, Refunds, RefundWish

NEW_APPROVAL = "new_approval"
APPROVAL_UNDECIDED = "approval_undecided"
APPROVABLE_FOR = timedelta(days=7)
_DECIDED = "This has been decided already, or its seven days are over."


class Subject(StrEnum):
    """What is asked for."""

    CREDIT = "credit"
    REFUND = "refund"


class ApprovalStatus(StrEnum):
    """Where a request stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True)
class Approval:
    """Something that one of the staff asked for and another decides."""

    id: str
    subject: Subject
    customer_id: str
    amount: Amount
    reason: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    top_up_id: str = ""
    """Of which money is to be sent back; empty for a credit."""
    status: ApprovalStatus = ApprovalStatus.PENDING
    """As it was decided; see `status_at`."""
    decided_by: str = ""
    decided_at: datetime | None = None
    effect_id: str = ""
    """The ledger entry, or the refund, that came of it."""

    def status_at(self, now: datetime) -> ApprovalStatus:
        """Where it stands at `now`: what nobody has decided in time has expired."""
        late = self.status is ApprovalStatus.PENDING and now >= self.expires_at
        return ApprovalStatus.EXPIRED if late else self.status


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


_Attempt = Callable[[], tuple[Approval, RefundOrder | None]]


class FourEyes:
    """Does what is small at once, and lets a second of the staff decide the rest."""

    def __init__(
        self, records: ApprovalRecords, refunds: Refunds, ledger: Ledger, transactor: Transactor, clock: Clock
    ) -> None:
        self._records = records
        self._refunds = refunds
        self._ledger = ledger
        self._transactor = transactor
        self._clock = clock

    def credit(
        self, customer_id: str, amount_micros: int, *, reason: str, asked_by: str, key: str
    ) -> Approval | None:
        """Give a customer money; None where it was given at once, as nobody else has to agree.

        Raises:
            NotFound: there is no such customer.
        """
        if amount_micros <= FOUR_EYES_ABOVE_MICROS:
            self._ledger.credit(
                customer_id, amount_micros, reason=reason, actor_user_id=asked_by, key=f"credit:{key}"
            )
            return None
        self._ledger.balance(customer_id)
        return self._ask(Subject.CREDIT, customer_id, Amount(amount_micros), reason, asked_by, f"credit:{key}")

    def refund(self, wish: RefundWish, key: str) -> RefundOrder | Approval:
        """Send money back, or ask whether it may be.

        Raises:
            NotFound, Conflict, InvalidInput, InsufficientBalance: as `Refunds.order`.
        """
        if known := self._refunds.ordered(wish.top_up_id, key):
            return self._refunds.carry_out(known)
        top_up, amount, micros = self._refunds.worth(wish)
        if micros <= FOUR_EYES_ABOVE_MICROS:
            return self._refunds.order(wish, key)
        return self._ask(
            Subject.REFUND, top_up.customer_id, amount, wish.reason, wish.asked_by, f"refund:{key}", top_up.id
        )

    def _ask(
        self,
        subject: Subject,
        customer_id: str,
        amount: Amount,
        reason: str,
        asked_by: str,
        key: str,
        top_up_id: str = "",
    ) -> Approval:
        def ask() -> Approval:
            if known := self._records.approval_of_key(key):
                return known
            now = self._clock.now()
            approval = Approval(
                id=new_id(Kind.APPROVAL, now),
                subject=subject,
                customer_id=customer_id,
                amount=amount,
                reason=reason,
                asked_by=asked_by,
                asked_at=now,
                expires_at=now + APPROVABLE_FOR,
                top_up_id=top_up_id,
            )
            self._transactor.commit(self._records.insert_approval(approval, key))
            return approval

        return with_fresh_reads(ask, stale=frozenset({NEW_APPROVAL}))

    def list(self, page: PageRequest) -> Page[Approval]:
        """Everything that was asked for, newest first."""
        return self._records.approvals(page)

    def approve(self, approval_id: str, user_id: str) -> Approval:
        """Let it happen.

        Raises:
            NotFound: there is no such request.
            Forbidden: the same person asked for it.
            Conflict: it has been decided, or has expired.
            InvalidInput, InsufficientBalance: what was left or there when it was asked for is not any more; it
                stays undecided.
        """

        def attempt() -> tuple[Approval, RefundOrder | None]:
            decided = self._decidable(approval_id, user_id, ApprovalStatus.APPROVED)
            effect_id, order, writes = self._effect(decided)
            decided = replace(decided, effect_id=effect_id)
            self._transactor.commit([self._records.decide_approval(decided), *writes])
            return decided, order

        approval, order = self._decide(attempt)
        if order is not None:
            self._refunds.carry_out(order)
        return approval

    def reject(self, approval_id: str, user_id: str) -> Approval:
        """Do not let it happen.

        Raises:
            NotFound, Forbidden, Conflict: as `approve`.
        """

        def attempt() -> tuple[Approval, RefundOrder | None]:
            decided = self._decidable(approval_id, user_id, ApprovalStatus.REJECTED)
            self._transactor.commit([self._records.decide_approval(decided)])
            return decided, None

        return self._decide(attempt)[0]

    @staticmethod
    def _decide(attempt: _Attempt) -> tuple[Approval, RefundOrder | None]:
        try:
            return with_fresh_reads(attempt, stale=STALE_PLACING)
        except ConditionFailed as failed:
            if APPROVAL_UNDECIDED in failed.asserts:
                raise Conflict(_DECIDED) from failed
            raise

    def _decidable(self, approval_id: str, user_id: str, status: ApprovalStatus) -> Approval:
        approval = self._records.approval(approval_id)
        if approval is None:
            raise NotFound("There is no such request.")
        if approval.asked_by == user_id:
            raise Forbidden("Somebody else than who asked for it must decide.")
        now = self._clock.now()
        if approval.status_at(now) is not ApprovalStatus.PENDING:
            raise Conflict(_DECIDED)
        return replace(approval, status=status, decided_by=user_id, decided_at=now)

    def _effect(self, approval: Approval) -> tuple[str, RefundOrder | None, Sequence[Write]]:
        """What comes of an approval: its id, the refund to be carried out, and the writes."""
        if approval.subject is Subject.REFUND:
            wish = RefundWish(
                top_up_id=approval.top_up_id,
                amount=format_amount(approval.amount.micros),
                reason=approval.reason,
                asked_by=approval.asked_by,
                approved_by=approval.decided_by,
            )
            order, writes = self._refunds.placing(wish, approval.id)
            return order.id, order, writes
        change = self._ledger.change(approval.customer_id, self._clock.now())
        entry = change.post(
            EntryType.CREDIT,
            approval.amount.micros,
            Operator.CREDITS,
            reference=approval.id,
            reason=approval.reason,
            actor_user_id=approval.asked_by,
        )
        return entry.id, None, change.writes()
