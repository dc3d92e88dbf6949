"""Booking one state of a top-up, as its gateway knows it, into one change of the account."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.domain.money.ledger.models import EntryType, HoldPurpose, gateway_account
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.top_ups.models import (
    BANK_TRANSFER_ID_PREFIX,
    Amount,
    Dispute,
    DisputeStatus,
    Flag,
    Method,
    Payment,
    PaymentState,
    Refund,
    RefundStatus,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.policy import to_base_micros


class Booking:
    """Books one state of one top-up into one account change."""

    def __init__(
        self,
        top_up: TopUp,
        change: AccountChange,
        rate_of: Callable[[str], str],
        ledger: Ledger,
    ) -> None:
        self._top_up = top_up
        self._change = change
        self._rate_of = rate_of
        self._ledger = ledger
        self._paid_micros = 0
        """The payments that are credited, in the currency that was paid."""
        self._returned_micros = 0
        """The refunds and lost disputes that are debited, in that currency."""

    def run(self, state: PaymentState) -> TopUp:
        """The top-up after everything new in `state` was booked."""
        wanted = self._wanted()
        ours = [payment for payment in state.payments if payment.amount.currency == wanted.currency]
        self._count_what_is_booked(ours, state)
        for payment in ours:
            self._credit(payment)
        for refund in state.refunds:
            self._refund(refund)
        for dispute in state.disputes:
            self._dispute(dispute)
        top_up = self._top_up
        if top_up.method is Method.BANK_TRANSFER and self._is_older(state):
            return top_up
        missing = wanted.micros - sum(payment.amount.micros for payment in ours)
        # A bank does not know what was asked, and calls settled whatever has come.
        waits = top_up.method is Method.BANK_TRANSFER and state.status is TopUpStatus.SETTLED and missing > 0
        return replace(
            top_up,
            provider_id=top_up.provider_id or state.provider_id,
            status=TopUpStatus.PARTIALLY_PAID if waits else state.status,
            failure=state.failure,
            payers=top_up.payers | state.payers,
            flags=self._flags(state, ours, 0 if waits else missing),
        )

    def _is_older(self, state: PaymentState) -> bool:
        """Whether a statement told of more than the bank's interface does, or staff have assigned a transfer."""
        told = {payment.id for payment in state.payments}
        return any(
            booked.startswith(BANK_TRANSFER_ID_PREFIX) and booked not in told for booked in self._top_up.booked
        )

    def _wanted(self) -> Amount:
        """What the customer was asked to send."""
        top_up = self._top_up
        asked = top_up.checkout.pay_amount if top_up.checkout else None
        return asked or replace(top_up.amount, currency=top_up.asset or top_up.amount.currency)

    def _flags(self, state: PaymentState, ours: Sequence[Payment], missing_micros: int) -> frozenset[Flag]:
        """What staff should look at now; what was partial and is whole since needs nobody (G11)."""
        flags = {*state.flags, *(self._top_up.flags & {Flag.MANUAL_REVIEW})}
        if len(ours) < len(state.payments):
            flags.add(Flag.MANUAL_REVIEW)  # money in another currency than was asked for is not credited by itself
        if self._top_up.method is not Method.CRYPTO:  # a crypto gateway tells these itself, with its tolerance
            if ours and state.status is TopUpStatus.SETTLED and missing_micros:
                flags.add(Flag.UNDERPAID if missing_micros > 0 else Flag.OVERPAID)
            if any(payment.at > self._top_up.deadline_at for payment in ours):
                flags.add(Flag.LATE)
        return frozenset(flags)

    def _count_what_is_booked(self, ours: Sequence[Payment], state: PaymentState) -> None:
        booked = self._top_up.booked
        self._paid_micros = sum(payment.amount.micros for payment in ours if payment.id in booked)
        refunded = [r.amount for r in state.refunds if self._only(f"refund:{r.id}", undone_key(r.id))]
        lost = [d.amount for d in state.disputes if self._only(f"dispute:{d.id}:lost", f"dispute:{d.id}:won")]
        self._returned_micros = sum(amount.micros for amount in (*refunded, *lost))

    def _credit(self, payment: Payment) -> None:
        if payment.id in self._top_up.booked:
            return
        micros = self._worth(payment.amount, after=self._paid_micros)
        self._paid_micros += payment.amount.micros
        self._post(f"payment:{payment.id}", EntryType.TOP_UP, micros)
        self._note(payment.id, credited_micros=self._top_up.credited_micros + micros)

    def _refund(self, refund: Refund) -> None:
        """Debit what went back; and give it back again where the payer's bank sent it back to us in the end."""
        if refund.status is RefundStatus.PENDING:
            return
        if refund.key and (hold := self._ledger.hold(self._top_up.customer_id, refund.key)):
            self._change.release_hold(hold)
        done, undone = f"refund:{refund.id}", undone_key(refund.id)
        if refund.status is RefundStatus.DONE and done not in self._top_up.booked:
            micros = self._returned(refund.amount)
            self._post(done, EntryType.REFUND, -micros)
            self._note(done, refunded_micros=self._top_up.refunded_micros + micros)
        elif refund.status is RefundStatus.FAILED and self._only(done, undone):
            micros = self._taken_again(refund.amount)
            self._post(undone, EntryType.REFUND, micros)
            self._note(undone, refunded_micros=self._top_up.refunded_micros - micros)

    def _dispute(self, dispute: Dispute) -> None:
        """Freeze at once; debit only what was lost (G09), and give it back where an appeal has won it."""
        opened, lost, won = (f"dispute:{dispute.id}{end}" for end in ("", ":lost", ":won"))
        reference = f"dsp:{dispute.id}"
        if dispute.status is DisputeStatus.OPEN:
            if not {opened, lost, won} & self._top_up.booked:
                micros = self._worth(dispute.amount, after=self._returned_micros)
                self._change.freeze(reference, micros, HoldPurpose.DISPUTE)
                self._note(opened, disputed_micros=self._top_up.disputed_micros + micros)
            return
        hold = self._ledger.hold(self._top_up.customer_id, reference)
        if hold is not None:
            self._change.release_hold(hold)
            self._note(opened, disputed_micros=self._top_up.disputed_micros - hold.amount_micros)
        if dispute.status is DisputeStatus.LOST and lost not in self._top_up.booked:
            self._post(lost, EntryType.CHARGEBACK, -self._returned(dispute.amount))
            self._note(lost)
        elif dispute.status is DisputeStatus.WON and self._only(lost, won):
            self._post(won, EntryType.CHARGEBACK, self._taken_again(dispute.amount))
            self._note(won)
        elif hold is not None:
            self._note(won)

    def _only(self, first: str, second: str) -> bool:
        """Whether `first` is booked, and `second` is not."""
        return first in self._top_up.booked and second not in self._top_up.booked

    def _returned(self, amount: Amount) -> int:
        """The base micro-dollars to debit, now that `amount` has gone back."""
        micros = self._worth(amount, after=self._returned_micros)
        self._returned_micros += amount.micros
        return micros

    def _taken_again(self, amount: Amount) -> int:
        """The base micro-dollars to credit, now that `amount`, which had gone back, has come again."""
        self._returned_micros -= amount.micros
        return self._worth(amount, after=self._returned_micros)

    def _worth(self, amount: Amount, *, after: int) -> int:
        """The base micro-dollars of `amount`, of which `after` micros of its currency were booked before.

        All money of one top-up has the rate of its first. Sums are rounded, not parts: all parts of a payment are
        worth what the payment was, in whatever parts it comes or goes back.
        """
        if not self._top_up.rate:
            self._top_up = replace(self._top_up, rate=self._rate_of(amount.currency))
        rate, whole = self._top_up.rate, replace(amount, micros=after + amount.micros)
        return to_base_micros(whole, rate) - to_base_micros(replace(amount, micros=after), rate)

    def _post(self, key: str, type_: EntryType, change_micros: int) -> None:
        """Post a change once; an amount that is worth less than a micro-dollar changes nothing."""
        gateway = self._top_up.gateway
        if change_micros:
            self._change.post_once(
                f"{gateway}:{key}", type_, change_micros, gateway_account(gateway), reference=self._top_up.id
            )

    def _note(self, booked: str, **changes: int) -> None:
        self._top_up = replace(self._top_up, booked=self._top_up.booked | {booked}, **changes)  # type: ignore[arg-type]


def undone_key(refund_id: str) -> str:
    """Under which a top-up's `booked` has a refund that came back after it was done."""
    return f"refund:{refund_id}:undone"
