"""What refunds need from outside."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.money.refunds.models import RefundOrder
from chalicelib.kernel.transactions import Write

NEW_REFUND = "new_refund"
REFUND_UNCHANGED = "refund_unchanged"


class RefundRecords(Protocol):
    """Stores orders. Reads are strongly consistent, except the index of due orders."""

    def refund(self, customer_id: str, top_up_id: str, refund_id: str) -> RefundOrder | None:
        """The order of this id; None if there is none."""
        ...

    def refund_of_key(self, customer_id: str, top_up_id: str, key: str) -> RefundOrder | None:
        """The order that was placed with this idempotency key; None if there is none."""
        ...

    def refunds(self, customer_id: str, top_up_id: str) -> Sequence[RefundOrder]:
        """Every order for one top-up, oldest first."""
        ...

    def refunds_to_check(self, before: datetime) -> Iterator[RefundOrder]:
        """The orders whose `check_at` is before `before`; the index may be out of date by a moment."""
        ...

    def insert_refund(self, order: RefundOrder, key: str) -> Sequence[Write]:
        """Store a new order under its id and its key; asserts NEW_REFUND."""
        ...

    def replace_refund(self, before: RefundOrder, after: RefundOrder) -> Write:
        """Change an order; asserts REFUND_UNCHANGED."""
        ...


class Customers(Protocol):
    """Tells whether customers are closed."""

    def is_closed(self, customer_id: str) -> bool:
        """Whether the customer has closed its account; strongly consistent."""
        ...
