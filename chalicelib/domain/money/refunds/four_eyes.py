"""Credits and refunds by staff: small ones happen at once, larger ones need a second member of staff.

Many small sums count as a large one: the limit applies to all that a customer was given within a day, and to all
that was sent back of one top-up, without approval.
"""

from datetime import timedelta

from chalicelib.domain.foundation.approvals.models import (
    FOUR_EYES_ABOVE_MICROS,
    AboveLimit,
    Approval,
    Request,
    Subject,
)
from chalicelib.domain.foundation.approvals.ports import Consequence
from chalicelib.domain.foundation.approvals.service import Approvals
from chalicelib.domain.money.ledger.models import EntryType, Operator
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.refunds.models import RefundOrder, RefundRequest
from chalicelib.domain.money.refunds.ports import Customers
from chalicelib.domain.money.refunds.service import STALE_PLACING, Refunds
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.ids import Kind, is_id
from chalicelib.kernel.money import BASE_CURRENCY, format_amount

_COUNTED_FOR = timedelta(days=1)


class FourEyes:
    """Carries out small credits and refunds at once, and asks for approval of larger ones."""

    def __init__(
        self, approvals: Approvals, refunds: Refunds, ledger: Ledger, customers: Customers, clock: Clock
    ) -> None:
        self._approvals = approvals
        self._refunds = refunds
        self._ledger = ledger
        self._customers = customers
        self._clock = clock

    def credit(
        self, customer_id: str, amount_micros: int, *, reason: str, asked_by: str, key: str
    ) -> Approval | None:
        """Give a customer a credit; None if it was given at once, otherwise the approval that it waits for.

        Raises:
            NotFound: there is no such customer.
            Conflict: the customer has closed its account.
            Forbidden: the member of staff belongs to the customer.
        """
        self._approvals.require_not_member(asked_by, customer_id)
        key = f"credit:{key}"

        def refuse() -> None:
            _require_open(self._customers, customer_id)
            if self._given_alone_micros(customer_id) + amount_micros > FOUR_EYES_ABOVE_MICROS:
                raise AboveLimit

        try:
            self._ledger.credit(
                customer_id, amount_micros, reason=reason, actor_user_id=asked_by, key=key, unless=refuse
            )
        except AboveLimit:
            request = Request(Subject.CREDIT, customer_id, amount_micros, BASE_CURRENCY, reason, asked_by)
            return self._approvals.ask(request, key)
        return None

    def _given_alone_micros(self, customer_id: str) -> int:
        """The credits that the customer got within a day without approval."""
        return sum(
            entry.change_micros
            for entry in self._ledger.entries_since(customer_id, self._clock.now() - _COUNTED_FOR)
            if entry.type is EntryType.CREDIT
            and entry.counterpart == Operator.CREDITS
            and not is_id(Kind.APPROVAL, entry.reference)
        )

    def refund(self, wanted: RefundRequest, key: str) -> RefundOrder | Approval:
        """Order a refund, or ask for approval.

        Raises:
            NotFound, Conflict, InvalidInput, InsufficientBalance: as `Refunds.order`.
        """
        try:
            return self._refunds.order(wanted, key, max_micros=FOUR_EYES_ABOVE_MICROS)
        except AboveLimit:
            top_up, amount, _ = self._refunds.worth(wanted)
        request = Request(
            Subject.REFUND,
            top_up.customer_id,
            amount.micros,
            amount.currency,
            wanted.reason,
            wanted.asked_by,
            about_id=top_up.id,
        )
        return self._approvals.ask(request, f"refund:{key}")


class CreditEffect:
    """`Effect` of an approved credit: its ledger entry."""

    stale = frozenset({ACCOUNT_UNCHANGED})

    def __init__(self, ledger: Ledger, customers: Customers, clock: Clock) -> None:
        self._ledger = ledger
        self._customers = customers
        self._clock = clock

    def of(self, approval: Approval) -> Consequence:
        """The ledger entry, and the writes that post it.

        Raises:
            Conflict: the customer has closed its account.
        """
        request = approval.request
        change = self._ledger.change(request.customer_id, self._clock.now())
        _require_open(self._customers, request.customer_id)
        entry = change.post(
            EntryType.CREDIT,
            request.amount_micros,
            Operator.CREDITS,
            reference=approval.id,
            reason=request.reason,
            actor_user_id=request.asked_by,
        )
        return Consequence(entry.id, change.writes())


class RefundEffect:
    """`Effect` of an approved refund: the order, which is carried out after it is placed."""

    stale = STALE_PLACING

    def __init__(self, refunds: Refunds) -> None:
        self._refunds = refunds

    def of(self, approval: Approval) -> Consequence:
        """The order, and the writes that place it.

        Raises:
            NotFound, Conflict, InvalidInput, InsufficientBalance: as `Refunds.order`.
        """
        request = approval.request
        wanted = RefundRequest(
            top_up_id=request.about_id,
            amount=format_amount(request.amount_micros),
            reason=request.reason,
            asked_by=request.asked_by,
            approved_by=approval.decided_by,
        )
        order, writes = self._refunds.placing(wanted, approval.id)
        return Consequence(order.id, writes, lambda: self._refunds.carry_out(order))


def _require_open(customers: Customers, customer_id: str) -> None:
    """Check that the customer is open. Call it after the account was read: closing writes the account too."""
    if customers.is_closed(customer_id):
        raise Conflict("This customer has closed its account, and takes no money.")
