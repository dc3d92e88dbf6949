"""Compares a customer's top-ups and frozen money with the entries and holds in the books."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import partial

from chalicelib.domain.money.ledger.models import Entry, EntryType, Hold, HoldPurpose
from chalicelib.domain.money.refunds.ports import RefundRecords
from chalicelib.domain.money.top_ups.ports import TopUpRecords
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import format_amount
from chalicelib.kernel.pages import every_item

_MOVED = frozenset({EntryType.TOP_UP, EntryType.REFUND})


@dataclass
class Payments:
    """The payments of one customer: add every entry, then ask for the differences."""

    customer_id: str
    top_ups: TopUpRecords
    refunds: RefundRecords
    booked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """The amounts credited less refunded, by top-up."""

    def add(self, entry: Entry) -> None:
        """Add one entry."""
        if entry.type in _MOVED:
            self.booked[entry.reference] += entry.change_micros

    def differences(self, holds: Iterable[Hold]) -> Iterator[str]:
        """The differences. Money lost in disputes is part of no top-up, so it is in no sum here."""
        frozen = [hold for hold in holds if hold.purpose.is_frozen]
        refunding = {hold.reference: hold for hold in frozen if hold.purpose is HoldPurpose.REFUND}
        disputed_micros = 0
        for top_up in every_item(partial(self.top_ups.top_ups, self.customer_id)):
            disputed_micros += top_up.disputed_micros
            stated, booked = top_up.credited_micros - top_up.refunded_micros, self.booked[top_up.id]
            if stated != booked:
                yield (
                    f"top-up {top_up.id} has brought {format_amount(stated)} USD, "
                    f"but {format_amount(booked)} USD by its entries"
                )
            for order in self.refunds.refunds(self.customer_id, top_up.id) if refunding else ():
                if not order.status.is_final:
                    refunding.pop(order.id, None)
        for hold in refunding.values():
            yield f"hold {hold.reference} of {format_amount(hold.amount_micros)} USD is for no refund under way"
        held_micros = sum(hold.amount_micros for hold in frozen if hold.purpose is HoldPurpose.DISPUTE)
        if held_micros != disputed_micros:
            disputed, held = format_amount(disputed_micros), format_amount(held_micros)
            yield f"{disputed} USD of top-ups are disputed, and {held} USD held for that"
