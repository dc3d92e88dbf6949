"""What staff give and send back: at once where it is little; above a limit, once a second of them agrees."""

from chalicelib.approvals.models import FOUR_EYES_ABOVE_MICROS, Approval, Request, Subject
from chalicelib.approvals.ports import Consequence
from chalicelib.approvals.service import Approvals
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.money import BASE_CURRENCY, format_amount
from chalicelib.ledger.models import EntryType, Operator
from chalicelib.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.ledger.service import Ledger
from chalicelib.payments.refunds import STALE_PLACING, RefundOrder, Refunds, RefundWish


class FourEyes:
    """Does what is small at once, and lets a second of the staff decide the rest."""

    def __init__(self, approvals: Approvals, refunds: Refunds, ledger: Ledger) -> None:
        self._approvals = approvals
        self._refunds = refunds
        self._ledger = ledger

    def credit(
        self, customer_id: str, amount_micros: int, *, reason: str, asked_by: str, key: str
    ) -> Approval | None:
        """Give a customer money; None where it was given at once, as nobody else has to agree.

        Raises:
            NotFound: there is no such customer.
        """
        key = f"credit:{key}"
        if amount_micros <= FOUR_EYES_ABOVE_MICROS:
            self._ledger.credit(customer_id, amount_micros, reason=reason, actor_user_id=asked_by, key=key)
            return None
        self._ledger.balance(customer_id)
        request = Request(Subject.CREDIT, customer_id, amount_micros, BASE_CURRENCY, reason, asked_by)
        return self._approvals.ask(request, key)

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
        request = Request(
            Subject.REFUND,
            top_up.customer_id,
            amount.micros,
            amount.currency,
            wish.reason,
            wish.asked_by,
            about_id=top_up.id,
        )
        return self._approvals.ask(request, f"refund:{key}")


class CreditEffect:
    """`Effect` of an approved credit: the ledger entry that gives it."""

    stale = frozenset({ACCOUNT_UNCHANGED})

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def of(self, approval: Approval) -> Consequence:
        """The entry."""
        request = approval.request
        change = self._ledger.change(request.customer_id, self._clock.now())
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
    """`Effect` of an approved refund: the order, which is carried out once it is placed."""

    stale = STALE_PLACING

    def __init__(self, refunds: Refunds) -> None:
        self._refunds = refunds

    def of(self, approval: Approval) -> Consequence:
        """The order.

        Raises:
            NotFound, Conflict, InvalidInput, InsufficientBalance: as `Refunds.order`.
        """
        request = approval.request
        wish = RefundWish(
            top_up_id=request.about_id,
            amount=format_amount(request.amount_micros),
            reason=request.reason,
            asked_by=request.asked_by,
            approved_by=approval.decided_by,
        )
        order, writes = self._refunds.placing(wish, approval.id)
        return Consequence(order.id, writes, lambda: self._refunds.carry_out(order))
