"""Stores refund orders."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.money.refunds.models import RefundOrder, RefundOrderStatus
from chalicelib.domain.money.refunds.ports import NEW_REFUND, REFUND_UNCHANGED
from chalicelib.domain.money.top_ups.models import Amount
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.limits import IDEMPOTENCY_KEY_TTL_SECONDS
from chalicelib.kernel.transactions import Write

_DUE = "REFUNDS"


class RefundRecord(Record, discriminator="REFUND"):
    """`CUSTOMER#<customer>` / `REFUND#<top-up>#<id>`; in `gsi2` under `REFUNDS` until it has ended."""

    amount_micros = IntegerAttribute()
    currency = UnicodeAttribute()
    held_micros = IntegerAttribute()
    reason = UnicodeAttribute()
    asked_by = UnicodeAttribute()
    approved_by = OptionalText()
    status = UnicodeAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    check_at = OptionalText()
    provider_id = OptionalText()
    failure = OptionalText()
    version = IntegerAttribute()


class RefundKeyRecord(Record, discriminator="REFUND_KEY"):
    """`CUSTOMER#<customer>` / `REFUND_KEY#<top-up>#<hash>`: the order placed with an idempotency key."""

    refund_id = UnicodeAttribute()


class DynamoRefundRecords:
    """`RefundRecords` on the single table."""

    def refund(self, customer_id: str, top_up_id: str, refund_id: str) -> RefundOrder | None:
        """An order by its id; see `RefundRecords.refund`."""
        sort_key = f"REFUND#{top_up_id}#{refund_id}"
        try:
            return _order(RefundRecord.get(f"CUSTOMER#{customer_id}", sort_key, consistent_read=True))
        except RefundRecord.DoesNotExist:
            return None

    def refund_of_key(self, customer_id: str, top_up_id: str, key: str) -> RefundOrder | None:
        """The order placed with a key; see `RefundRecords.refund_of_key`."""
        sort_key = f"REFUND_KEY#{top_up_id}#{_hashed(key)}"
        try:
            made = RefundKeyRecord.get(f"CUSTOMER#{customer_id}", sort_key, consistent_read=True)
        except RefundKeyRecord.DoesNotExist:
            return None
        return self.refund(customer_id, top_up_id, made.refund_id)

    def refunds(self, customer_id: str, top_up_id: str) -> Sequence[RefundOrder]:
        """Every order for a top-up; see `RefundRecords.refunds`."""
        of_top_up = RefundRecord.sk.startswith(f"REFUND#{top_up_id}#")
        found = RefundRecord.query(f"CUSTOMER#{customer_id}", of_top_up, consistent_read=True)
        return [_order(record) for record in found]

    def refunds_to_check(self, before: datetime) -> Iterator[RefundOrder]:
        """The orders that are due; see `RefundRecords.refunds_to_check`."""
        due = RefundRecord.gsi2sk < isoformat(before)
        return (_order(record) for record in RefundRecord.query(_DUE, due, index_name="gsi2"))

    def insert_refund(self, order: RefundOrder, key: str) -> Sequence[Write]:
        """Store a new order; see `RefundRecords.insert_refund`."""
        made = RefundKeyRecord(
            f"CUSTOMER#{order.customer_id}",
            f"REFUND_KEY#{order.top_up_id}#{_hashed(key)}",
            refund_id=order.id,
            expires_at=epoch_seconds(order.created_at) + IDEMPOTENCY_KEY_TTL_SECONDS,
        )
        return [insert(_order_record(order), NEW_REFUND), insert(made, NEW_REFUND)]

    def replace_refund(self, before: RefundOrder, after: RefundOrder) -> Write:
        """Change an order; see `RefundRecords.replace_refund`."""
        return put(_order_record(after), RefundRecord.version == before.version, REFUND_UNCHANGED)


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _order(record: RefundRecord) -> RefundOrder:
    _, top_up_id, refund_id = record.sk.split("#")
    return RefundOrder(
        id=refund_id,
        customer_id=record.pk.removeprefix("CUSTOMER#"),
        top_up_id=top_up_id,
        amount=Amount(record.amount_micros, record.currency),
        held_micros=record.held_micros,
        reason=record.reason,
        asked_by=record.asked_by,
        approved_by=record.approved_by or "",
        status=RefundOrderStatus(record.status),
        created_at=parse_isoformat(record.created_at),
        updated_at=parse_isoformat(record.updated_at),
        check_at=parse_isoformat(record.check_at) if record.check_at else None,
        provider_id=record.provider_id or "",
        failure=record.failure or "",
        version=record.version,
    )


def _order_record(order: RefundOrder) -> RefundRecord:
    check_at = isoformat(order.check_at) if order.check_at else None
    return RefundRecord(
        f"CUSTOMER#{order.customer_id}",
        f"REFUND#{order.top_up_id}#{order.id}",
        gsi2pk=_DUE if check_at else None,
        gsi2sk=check_at,
        amount_micros=order.amount.micros,
        currency=order.amount.currency,
        held_micros=order.held_micros,
        reason=order.reason,
        asked_by=order.asked_by,
        approved_by=order.approved_by or None,
        status=order.status.value,
        created_at=isoformat(order.created_at),
        updated_at=isoformat(order.updated_at),
        check_at=check_at,
        provider_id=order.provider_id or None,
        failure=order.failure or None,
        version=order.version,
    )
