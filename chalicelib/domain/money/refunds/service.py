"""Refunds: the money is held before the gateway is asked, and debited when the gateway has sent it.

A refund is an order of ours, and its id is the key for the gateway. Whatever happens between the order and the
answer (a crash, a time-out, a lost answer), the gateway is first asked for the refund with that key; the same key
never sends money twice. `Settlement` decides what is booked, as for every other state of a gateway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_UP

from chalicelib.domain.foundation.approvals.models import AboveLimit
from chalicelib.domain.money.ledger.models import HoldPurpose
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.refunds.models import RefundOrder, RefundOrderStatus, RefundRequest
from chalicelib.domain.money.refunds.ports import NEW_REFUND, REFUND_UNCHANGED, RefundRecords
from chalicelib.domain.money.top_ups.booking import undone_key
from chalicelib.domain.money.top_ups.models import (
    Amount,
    GatewayError,
    GatewayRefused,
    Refund,
    RefundStatus,
    TopUp,
)
from chalicelib.domain.money.top_ups.policy import parse_refund, to_base_micros
from chalicelib.domain.money.top_ups.ports import TOP_UP_UNCHANGED, Gateways, SupportsRefunds, TopUpRecords
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.kernel.batches import process_each
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, InvalidInput, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import format_amount
from chalicelib.kernel.transactions import Transactor, Write, with_fresh_reads

STALE_PLACING = frozenset({ACCOUNT_UNCHANGED, TOP_UP_UNCHANGED, NEW_REFUND})
"""The conditions that another transaction can break while a refund is being placed."""
_MIN_CHECK_INTERVAL = timedelta(minutes=2)
_MAX_CHECK_INTERVAL = timedelta(hours=6)


class Refunds:
    """Orders refunds, and follows each one until it has ended."""

    def __init__(
        self,
        records: RefundRecords,
        top_ups: TopUpRecords,
        gateways: Gateways,
        ledger: Ledger,
        settlement: Settlement,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._top_ups = top_ups
        self._gateways = gateways
        self._ledger = ledger
        self._settlement = settlement
        self._transactor = transactor
        self._clock = clock

    def order(self, wanted: RefundRequest, key: str, *, max_micros: int | None = None) -> RefundOrder:
        """Hold the money and ask the gateway to send it back; once for each `key`.

        Raises:
            AboveLimit: this and earlier refunds of the top-up without approval are more than `max_micros`.
            NotFound: there is no such top-up.
            Conflict: nothing was paid, or its gateway cannot send money back.
            InvalidInput: the amount is more than the rest of the top-up.
            InsufficientBalance: the customer has spent the money.
        """

        def place() -> RefundOrder:
            if known := self.ordered(wanted.top_up_id, key):
                return known
            order, writes = self.placing(wanted, key, max_micros=max_micros)
            self._transactor.commit(writes)
            return order

        return self.carry_out(with_fresh_reads(place, stale=STALE_PLACING))

    def ordered(self, top_up_id: str, key: str) -> RefundOrder | None:
        """The refund that was ordered with `key`; None if there is none.

        Raises:
            NotFound: there is no such top-up.
        """
        top_up = self.top_up(top_up_id)
        order = self._records.refund_of_key(top_up.customer_id, top_up_id, key)
        return _as_booked(order, top_up) if order else None

    def list(self, top_up_id: str) -> Sequence[RefundOrder]:
        """Every refund of a top-up, oldest first.

        Raises:
            NotFound: there is no such top-up.
        """
        top_up = self.top_up(top_up_id)
        return [_as_booked(order, top_up) for order in self._records.refunds(top_up.customer_id, top_up_id)]

    def top_up(self, top_up_id: str) -> TopUp:
        """The top-up with this id, of any customer.

        Raises:
            NotFound: there is no such top-up.
        """
        top_up = self._top_ups.top_up_of_reference(top_up_id)
        if top_up is None:
            raise NotFound("There is no such top-up.")
        return top_up

    def worth(self, wanted: RefundRequest) -> tuple[TopUp, Amount, int]:
        """The top-up, the amount to send back, and the base micro-dollars to hold for it.

        The debit depends on what else has gone back by then, and is at most a micro-dollar above the amount's own
        value rounded down: the hold is rounded up.

        Raises:
            NotFound, Conflict, InvalidInput: as `order`.
        """
        top_up = self.top_up(wanted.top_up_id)
        if not isinstance(self._gateways(top_up.gateway), SupportsRefunds):
            raise Conflict("What was paid this way cannot be sent back by its gateway; give a credit instead.")
        if top_up.provider_id is None or not top_up.credited_micros:
            raise Conflict("Nothing has been paid for this top-up.")
        amount = parse_refund(wanted.amount, top_up.amount.currency)
        micros = to_base_micros(amount, top_up.rate)
        under_way = sum(
            order.held_micros
            for order in self._records.refunds(top_up.customer_id, top_up.id)
            if not order.status.is_final
        )
        left = max(0, top_up.credited_micros - top_up.refunded_micros - top_up.disputed_micros - under_way)
        if micros > left:
            raise InvalidInput.of("amount", f"What is left of this top-up is worth {format_amount(left)} USD.")
        return top_up, amount, min(to_base_micros(amount, top_up.rate, ROUND_UP), left)

    def _sent_alone_micros(self, top_up: TopUp) -> int:
        """The refunds of this top-up that were ordered without approval and did not fail."""
        return sum(
            order.held_micros
            for order in self._records.refunds(top_up.customer_id, top_up.id)
            if not order.approved_by and order.status is not RefundOrderStatus.FAILED
        )

    def placing(
        self, wanted: RefundRequest, key: str, *, max_micros: int | None = None
    ) -> tuple[RefundOrder, Sequence[Write]]:
        """A new order, and the writes that place it and hold the money; then call `carry_out`.

        The writes raise the top-up's version: of two orders at the same time, the second reads again and counts
        the first.

        Raises:
            NotFound, Conflict, InvalidInput, InsufficientBalance, AboveLimit: as `order`.
        """
        now = self._clock.now()
        top_up, amount, micros = self.worth(wanted)
        if max_micros is not None and self._sent_alone_micros(top_up) + micros > max_micros:
            raise AboveLimit
        order = RefundOrder(
            id=new_id(Kind.REFUND, now),
            customer_id=top_up.customer_id,
            top_up_id=top_up.id,
            amount=amount,
            held_micros=micros,
            reason=wanted.reason,
            asked_by=wanted.asked_by,
            approved_by=wanted.approved_by,
            status=RefundOrderStatus.ORDERED,
            created_at=now,
            updated_at=now,
            check_at=now + _MIN_CHECK_INTERVAL,
        )
        change = self._ledger.change(top_up.customer_id, now)
        change.place_hold(order.id, micros, HoldPurpose.REFUND)
        touched = replace(top_up, version=top_up.version + 1, updated_at=now)
        writes: list[Write] = [
            *self._records.insert_refund(order, key),
            *self._top_ups.replace_top_up(top_up, touched),
            *change.writes(),
        ]
        return order, writes

    def carry_out(self, order: RefundOrder) -> RefundOrder:
        """Take an order as far as its gateway allows; if the gateway does not answer, it is checked again
        later.
        """
        if order.status.is_final:
            return order
        top_up = self.top_up(order.top_up_id)
        try:
            refund = self._ask_gateway(top_up, order)
        except GatewayRefused as refused:
            return self._end(order, RefundOrderStatus.FAILED, failure=refused.sentence)
        except GatewayError:
            return self._wait(order, order.status, order.provider_id)
        try:
            top_up = self._settlement.look(top_up)
        except GatewayError:
            return self._wait(order, RefundOrderStatus.PENDING, refund.id)
        if refund.status is RefundStatus.FAILED:
            failure = "The payment provider could not send the money back."
            return self._end(order, RefundOrderStatus.FAILED, provider_id=refund.id, failure=failure)
        if refund.status is RefundStatus.DONE and f"refund:{refund.id}" in top_up.booked:
            return self._end(order, RefundOrderStatus.DONE, provider_id=refund.id)
        return self._wait(order, RefundOrderStatus.PENDING, refund.id)

    def _ask_gateway(self, top_up: TopUp, order: RefundOrder) -> Refund:
        """The gateway's refund for this order; ask for it if the gateway does not have it yet."""
        gateway = self._gateways(top_up.gateway)
        if not isinstance(gateway, SupportsRefunds) or top_up.provider_id is None:
            raise GatewayRefused(f"{top_up.gateway} cannot refund {top_up.id}")
        known = gateway.fetch(top_up.provider_id).refunds
        found = next((refund for refund in known if refund.key == order.id), None)
        return found or gateway.refund(top_up.provider_id, order.amount, order.id)

    def _wait(self, order: RefundOrder, status: RefundOrderStatus, provider_id: str) -> RefundOrder:
        now = self._clock.now()
        check_at = now + min(max(_MIN_CHECK_INTERVAL, (now - order.created_at) / 4), _MAX_CHECK_INTERVAL)
        return self._change(order, status=status, provider_id=provider_id, check_at=check_at)

    def _end(
        self, order: RefundOrder, status: RefundOrderStatus, *, provider_id: str = "", failure: str = ""
    ) -> RefundOrder:
        return self._change(order, status=status, provider_id=provider_id, failure=failure, check_at=None)

    def _change(
        self,
        order: RefundOrder,
        *,
        status: RefundOrderStatus,
        provider_id: str,
        check_at: datetime | None,
        failure: str = "",
    ) -> RefundOrder:
        """Change the order unless it has ended; if it ends now, release what is still held for it."""

        def attempt() -> RefundOrder:
            fresh = self._records.refund(order.customer_id, order.top_up_id, order.id)
            if fresh is None or fresh.status.is_final:
                return fresh or order
            now = self._clock.now()
            after = replace(
                fresh,
                status=status,
                provider_id=provider_id,
                failure=failure,
                check_at=check_at,
                updated_at=now,
                version=fresh.version + 1,
            )
            change = self._ledger.change(order.customer_id, now)
            if status.is_final and (hold := self._ledger.hold(order.customer_id, order.id)):
                change.release_hold(hold)
            self._transactor.commit([self._records.replace_refund(fresh, after), *change.writes()])
            return after

        return with_fresh_reads(attempt, stale=frozenset({REFUND_UNCHANGED, ACCOUNT_UNCHANGED}))

    def reconcile(self) -> Mapping[str, int]:
        """Continue every order that is due.

        Raises:
            ExceptionGroup: at least one order failed to be processed. All orders were tried.
        """
        due = self._records.refunds_to_check(self._clock.now())
        orders = process_each(due, self.carry_out, name=lambda order: order.id)
        ended = sum(order.status.is_final for order in orders)
        return {"ended": ended, "waiting": len(orders) - ended}


def _as_booked(order: RefundOrder, top_up: TopUp) -> RefundOrder:
    """`order`, as REVERSED if the top-up has a booking for the returned money."""
    if order.status is not RefundOrderStatus.DONE or undone_key(order.provider_id) not in top_up.booked:
        return order
    failure = "The payer's bank sent the money back; it is on the balance again."
    return replace(order, status=RefundOrderStatus.REVERSED, failure=failure)
