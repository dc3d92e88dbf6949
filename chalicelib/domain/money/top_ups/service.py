"""Making the ledger agree with what gateways say."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.money.ledger.models import EntryType, HoldPurpose, gateway_account
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.top_ups.models import (
    BANK_TRANSFER_ID_PREFIX,
    Amount,
    Checkout,
    Dispute,
    DisputeStatus,
    Flag,
    GatewayError,
    GatewayRefused,
    Method,
    NoticeState,
    Payment,
    PaymentState,
    Refund,
    RefundStatus,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.policy import current_rate, first_deadline, next_check, to_base_micros
from chalicelib.domain.money.top_ups.ports import (
    NEW_TOP_UP,
    TOP_UP_SHARDS,
    TOP_UP_UNCHANGED,
    Gateway,
    NoticeQueue,
    NoticeRecords,
    Rates,
    SupportsReferences,
    TopUpRecords,
)
from chalicelib.kernel.batches import process_each
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import NotFound, PaymentProviderError, Unavailable
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_STALE = frozenset({ACCOUNT_UNCHANGED, TOP_UP_UNCHANGED})
_ABANDONED_NAME = "Nothing was paid in time."


@dataclass(frozen=True)
class TopUpRequest:
    """What a customer wants to pay, and how."""

    gateway: str
    method: Method
    amount: Amount
    asset: str = ""
    network: str = ""


Gateways = Callable[[str], Gateway]


class TopUps:
    """A customer's side: asking to pay, and looking."""

    def __init__(
        self,
        records: TopUpRecords,
        gateways: Gateways,
        settlement: "Settlement",
        transactor: Transactor,
        clock: Clock,
        return_url: str,
    ) -> None:
        self._records = records
        self._gateways = gateways
        self._settlement = settlement
        self._transactor = transactor
        self._clock = clock
        self._return_url = return_url

    def create(self, customer_id: str, request: TopUpRequest, key: str | None) -> TopUp:
        """Record the intention, then ask the gateway for a way to pay.

        The record comes first, so that whatever the gateway has made is found again by the top-up's id; a
        repeated call with the same `key` goes on where the first one stopped.

        Raises:
            PaymentProviderError: the gateway did not answer, or refused; the same key may be tried again.
        """
        top_up = self._recorded(customer_id, request, key or secrets.token_hex(16))
        if top_up.checkout is not None:
            return top_up
        try:
            checkout = self._gateways(top_up.gateway).create(top_up, return_url=self._return_url)
        except GatewayRefused as refused:
            raise PaymentProviderError(refused.sentence) from refused
        except GatewayError as error:
            raise PaymentProviderError from error
        return self._settlement.change(top_up, lambda fresh: _offered(fresh, checkout))

    def _recorded(self, customer_id: str, request: TopUpRequest, key: str) -> TopUp:
        def record() -> TopUp:
            made = self._records.top_up_of_key(customer_id, key)
            if made and (found := self._records.top_up(customer_id, made)):
                return found
            now = self._clock.now()
            top_up = TopUp(
                id=new_id(Kind.TOP_UP, now),
                customer_id=customer_id,
                gateway=request.gateway,
                method=request.method,
                amount=request.amount,
                asset=request.asset,
                network=request.network,
                status=TopUpStatus.CREATED,
                created_at=now,
                updated_at=now,
                deadline_at=first_deadline(request.method, now),
            )
            top_up = replace(top_up, check_at=next_check(top_up, now))
            self._transactor.commit(self._records.insert_top_up(top_up, key))
            return top_up

        return with_fresh_reads(record, stale=frozenset({NEW_TOP_UP}))

    def get(self, customer_id: str, top_up_id: str) -> TopUp:
        """One top-up.

        Raises:
            NotFound: this customer has no such top-up.
        """
        top_up = self._records.top_up(customer_id, top_up_id)
        if top_up is None:
            raise NotFound("You have no such top-up.")
        return top_up

    def list(self, customer_id: str, page: PageRequest) -> Page[TopUp]:
        """A customer's top-ups, newest first."""
        return self._records.top_ups(customer_id, page)


def _offered(top_up: TopUp, checkout: Checkout) -> TopUp:
    """`top_up` with a way to pay. The first one stays: a customer is never shown two."""
    if top_up.checkout is not None:
        return top_up
    return replace(
        top_up,
        provider_id=checkout.provider_id,
        checkout=checkout,
        status=TopUpStatus.AWAITING_PAYMENT if top_up.status is TopUpStatus.CREATED else top_up.status,
        deadline_at=checkout.expires_at or top_up.deadline_at,
    )


class Settlement:
    """Fetches what gateways know, and books what is new in it.

    A payment is booked under the gateway's own id of it; the entry, the balance, the marker of that id and the
    top-up change in one transaction (G01, G03). So any number of webhooks, in any order, and any number of looks,
    book it once; and what was not final when it was fetched is not booked at all (G02).
    """

    def __init__(
        self,
        records: TopUpRecords,
        gateways: Gateways,
        ledger: Ledger,
        rates: Rates,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._gateways = gateways
        self._ledger = ledger
        self._rates = rates
        self._transactor = transactor
        self._clock = clock

    def change(self, top_up: TopUp, how: Callable[[TopUp], TopUp]) -> TopUp:
        """Change a top-up without touching money; `how` is given it freshly read."""

        def attempt() -> TopUp:
            fresh = self._records.top_up(top_up.customer_id, top_up.id)
            if fresh is None:
                raise NotFound
            after = self._next(fresh, how(fresh))
            self._transactor.commit(self._records.replace_top_up(fresh, after))
            return after

        return with_fresh_reads(attempt, stale=frozenset({TOP_UP_UNCHANGED}))

    def _next(self, before: TopUp, after: TopUp) -> TopUp:
        now = self._clock.now()
        return replace(after, version=before.version + 1, updated_at=now, check_at=next_check(after, now))

    def look(self, top_up: TopUp) -> TopUp:
        """Ask the gateway about `top_up`, and book what is new.

        Raises:
            GatewayError: it does not answer.
        """
        gateway = self._gateways(top_up.gateway)
        if top_up.provider_id is None:
            state = gateway.find(top_up)
            if state is None:
                return self.change(top_up, self._aged)
        else:
            try:
                state = gateway.fetch(top_up.provider_id)
            except GatewayRefused:
                # After its deadline a gateway may have forgotten what nobody paid, as PayPal does.
                if self._aged(top_up) is top_up:
                    raise
                return self.change(top_up, self._aged)
        return self.book(top_up, state)

    def _aged(self, top_up: TopUp) -> TopUp:
        """`top_up` after a look that found nothing new: expired, once its deadline has passed (G28)."""
        if top_up.status.is_final or self._clock.now() < top_up.deadline_at:
            return top_up
        return replace(
            top_up, status=TopUpStatus.EXPIRED, failure="" if top_up.credited_micros else _ABANDONED_NAME
        )

    def book(self, top_up: TopUp, state: PaymentState, also: Sequence[Write] = ()) -> TopUp:
        """Make the ledger agree with `state`, and do `also`, in one transaction.

        Raises:
            ConditionFailed: an assertion of `also` did not hold; nothing was booked.
        """

        def attempt() -> TopUp:
            fresh = self._records.top_up(top_up.customer_id, top_up.id)
            if fresh is None:
                raise NotFound
            now = self._clock.now()
            change = self._ledger.change(fresh.customer_id, now)
            booking = _Booking(fresh, change, self._rate_of, self._ledger)
            after = self._next(fresh, self._aged(booking.run(state)))
            writes: list[Write] = [*self._records.replace_top_up(fresh, after), *change.writes(), *also]
            try:
                self._transactor.commit(writes)
            except ConditionFailed as failed:
                if overtaken := failed.asserts & _STALE:
                    # Somebody booked meanwhile, maybe the same: what was posted is asked of a fresh state.
                    raise ConditionFailed(*overtaken) from failed
                raise
            return after

        return with_fresh_reads(attempt, stale=_STALE)

    def _rate_of(self, currency: str) -> str:
        return current_rate(currency, self._rates.rate(currency), self._clock.now())

    def reconcile(self) -> Mapping[str, int]:
        """Look at every top-up that is due: a lost webhook costs minutes, not money.

        Raises:
            ExceptionGroup: what went wrong beyond a gateway's silence, after every top-up had its turn.
        """
        now = self._clock.now()
        due = (top_up for shard in range(TOP_UP_SHARDS) for top_up in self._records.top_ups_to_check(shard, now))
        looked = process_each(due, self._was_looked_at, name=lambda top_up: top_up.id)
        return {"looked": sum(looked), "failed": len(looked) - sum(looked)}

    def _was_looked_at(self, top_up: TopUp) -> bool:
        """Whether its gateway has told of it."""
        try:
            self.look(top_up)
        except (GatewayError, Unavailable):
            self.change(top_up, lambda fresh: fresh)  # its next turn comes later
            return False
        return True


class _Booking:
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

    def run(self, state: PaymentState) -> TopUp:
        """The top-up after everything new in `state` was booked."""
        wanted = self._wanted()
        ours = [payment for payment in state.payments if payment.amount.currency == wanted.currency]
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

    def _credit(self, payment: Payment) -> None:
        if payment.id in self._top_up.booked:
            return
        micros = self._worth(payment.amount)
        if micros > 0:
            self._post(f"payment:{payment.id}", EntryType.TOP_UP, micros)
        self._note(payment.id, credited_micros=self._top_up.credited_micros + micros)

    def _refund(self, refund: Refund) -> None:
        """Debit what went back; and give it back again where the payer's bank sent it back to us in the end."""
        if refund.status is RefundStatus.PENDING:
            return
        if refund.key and (hold := self._ledger.hold(self._top_up.customer_id, refund.key)):
            self._change.release_hold(hold)
        done, undone = f"refund:{refund.id}", undone_key(refund.id)
        micros = self._worth(refund.amount)
        if refund.status is RefundStatus.DONE and done not in self._top_up.booked:
            self._post(done, EntryType.REFUND, -micros)
            self._note(done, refunded_micros=self._top_up.refunded_micros + micros)
        elif refund.status is RefundStatus.FAILED and self._only(done, undone):
            self._post(undone, EntryType.REFUND, micros)
            self._note(undone, refunded_micros=self._top_up.refunded_micros - micros)

    def _dispute(self, dispute: Dispute) -> None:
        """Freeze at once; debit only what was lost (G09), and give it back where an appeal has won it."""
        opened, lost, won = (f"dispute:{dispute.id}{end}" for end in ("", ":lost", ":won"))
        micros = self._worth(dispute.amount)
        reference = f"dsp:{dispute.id}"
        if dispute.status is DisputeStatus.OPEN:
            if not {opened, lost, won} & self._top_up.booked:
                self._change.freeze(reference, micros, HoldPurpose.DISPUTE)
                self._note(opened, disputed_micros=self._top_up.disputed_micros + micros)
            return
        hold = self._ledger.hold(self._top_up.customer_id, reference)
        if hold is not None:
            self._change.release_hold(hold)
            self._note(opened, disputed_micros=self._top_up.disputed_micros - hold.amount_micros)
        if dispute.status is DisputeStatus.LOST and lost not in self._top_up.booked:
            self._post(lost, EntryType.CHARGEBACK, -micros)
            self._note(lost)
        elif dispute.status is DisputeStatus.WON and self._only(lost, won):
            self._post(won, EntryType.CHARGEBACK, micros)
            self._note(won)
        elif hold is not None:
            self._note(won)

    def _only(self, first: str, second: str) -> bool:
        """Whether `first` is booked, and `second` is not."""
        return first in self._top_up.booked and second not in self._top_up.booked

    def _worth(self, amount: Amount) -> int:
        """Of one top-up, everything is worth what its first money was: what comes back is what went in."""
        if not self._top_up.rate:
            self._top_up = replace(self._top_up, rate=self._rate_of(amount.currency))
        return to_base_micros(amount, self._top_up.rate)

    def _post(self, key: str, type_: EntryType, change_micros: int) -> None:
        gateway = self._top_up.gateway
        self._change.post_once(
            f"{gateway}:{key}", type_, change_micros, gateway_account(gateway), reference=self._top_up.id
        )

    def _note(self, booked: str, **changes: int) -> None:
        self._top_up = replace(self._top_up, booked=self._top_up.booked | {booked}, **changes)  # type: ignore[arg-type]


def undone_key(refund_id: str) -> str:
    """Under which a top-up's `booked` has a refund that came back after it was done."""
    return f"refund:{refund_id}:undone"


class Webhooks:
    """What comes from gateways: verified, recorded once, handed over, answered at once (G40)."""

    def __init__(
        self,
        gateways: Gateways,
        notices: NoticeRecords,
        queue: NoticeQueue,
        records: TopUpRecords,
        settlement: Settlement,
        clock: Clock,
    ) -> None:
        self._gateways = gateways
        self._notices = notices
        self._queue = queue
        self._records = records
        self._settlement = settlement
        self._clock = clock

    def receive(self, gateway: str, raw_body: bytes, headers: Mapping[str, str]) -> NoticeState:
        """Take one webhook in; a replay is acknowledged and changes nothing.

        Raises:
            InvalidSignature: it is not the gateway's.
        """
        now = self._clock.now()
        notice = self._gateways(gateway).verify(raw_body, headers, now)
        state = self._notices.record(gateway, notice, now)
        if state is not NoticeState.HANDED_OVER:
            self._queue.send(gateway, notice.provider_id, notice.reference)
            self._notices.handed_over(gateway, notice.event_id)
        return state

    def handle(self, gateway: str, provider_id: str | None, reference: str | None) -> TopUp | None:
        """Fetch what a notice is about and book it; None where it concerns nothing of ours.

        Raises:
            GatewayError: the gateway does not answer; the queue brings the notice again.
        """
        top_up = self._records.top_up_of_provider(gateway, provider_id) if provider_id else None
        if top_up is None and provider_id and not reference:
            reference = self._reference_of(gateway, provider_id)
        if top_up is None and reference:
            top_up = self._records.top_up_of_reference(reference)
        if top_up is None and provider_id:
            return self._handle_part(gateway, provider_id)
        if top_up is None or top_up.gateway != gateway:
            return None
        if top_up.provider_id is None and provider_id:
            top_up = self._settlement.change(top_up, lambda fresh: replace(fresh, provider_id=provider_id))
        return self._settlement.look(top_up)

    def _reference_of(self, gateway: str, provider_id: str) -> str | None:
        """What the gateway itself says the object belongs to, such as the disputed payment of a hosted page."""
        asked = self._gateways(gateway)
        return asked.reference_of(provider_id) if isinstance(asked, SupportsReferences) else None

    def _handle_part(self, gateway: str, part_id: str) -> TopUp | None:
        """Handle a notice that names a part of something, such as one transfer towards a top-up."""
        try:
            state = self._gateways(gateway).fetch(part_id)
        except GatewayRefused:
            return None
        top_up = self._records.top_up_of_provider(gateway, state.provider_id)
        if top_up is None and state.reference:
            top_up = self._records.top_up_of_reference(state.reference)
        if top_up is None or top_up.gateway != gateway:
            return None
        return self._settlement.book(top_up, state)
