"""Stores transfers between customers."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.foundation.places import active_customer
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.money.transfers.models import SentOnDay, Transfer
from chalicelib.domain.money.transfers.ports import NEW_TRANSFER
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.limits import IDEMPOTENCY_KEY_TTL_SECONDS
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_DAYS_KEPT = timedelta(days=3)


class TransferRecord(Record, discriminator="TRANSFER"):
    """`CUSTOMER#<customer>` / `TRANSFER#<id>`: one item for the sender, and one for the receiver."""

    from_customer_id = UnicodeAttribute()
    to_customer_id = UnicodeAttribute()
    amount_micros = IntegerAttribute()
    note = OptionalText()
    made_by = UnicodeAttribute()
    at = UnicodeAttribute()


class TransferKeyRecord(Record, discriminator="TRANSFER_KEY"):
    """`CUSTOMER#<sender>` / `TRANSFER_KEY#<hash>`: the transfer made with an idempotency key."""

    transfer_id = UnicodeAttribute()


class SentRecord(Record, discriminator="SENT"):
    """`CUSTOMER#<customer>` / `SENT#<day>`: the amount sent in one day."""

    amount_micros = IntegerAttribute()


class DynamoTransferRecords:
    """`TransferRecords` on the single table."""

    def transfer_of_key(self, customer_id: str, key: str) -> Transfer | None:
        """The transfer made with a key; see `TransferRecords.transfer_of_key`."""
        partition = f"CUSTOMER#{customer_id}"
        try:
            made = TransferKeyRecord.get(partition, _key_of(key), consistent_read=True)
        except TransferKeyRecord.DoesNotExist:
            return None
        return _transfer(TransferRecord.get(partition, f"TRANSFER#{made.transfer_id}", consistent_read=True))

    def sent_on(self, customer_id: str, day: date) -> SentOnDay:
        """The amount sent in a day; see `TransferRecords.sent_on`."""
        try:
            record = SentRecord.get(f"CUSTOMER#{customer_id}", f"SENT#{day}", consistent_read=True)
        except SentRecord.DoesNotExist:
            return SentOnDay(customer_id, day)
        return SentOnDay(customer_id, day, record.amount_micros)

    def transfers(self, customer_id: str, page: PageRequest) -> Page[Transfer]:
        """A page of transfers; see `TransferRecords.transfers`."""
        only = TransferRecord.sk.startswith("TRANSFER#")
        return query_page(
            TransferRecord, f"CUSTOMER#{customer_id}", page, _transfer, sort_key=only, ascending=False
        )

    def insert_transfer(self, transfer: Transfer, key: str) -> Sequence[Write]:
        """Store a transfer for both sides; see `TransferRecords.insert_transfer`."""
        made = TransferKeyRecord(
            f"CUSTOMER#{transfer.from_customer_id}",
            _key_of(key),
            transfer_id=transfer.id,
            expires_at=epoch_seconds(transfer.at) + IDEMPOTENCY_KEY_TTL_SECONDS,
        )
        sides = (transfer.from_customer_id, transfer.to_customer_id)
        return [
            *(insert(_transfer_record(customer_id, transfer), NEW_TRANSFER) for customer_id in sides),
            insert(made, NEW_TRANSFER),
        ]

    def active(self, customer_id: str, asserts: str) -> Write:
        """Assert that a customer is neither blocked nor closed; see `TransferRecords.active`."""
        return active_customer(customer_id, asserts)

    def put_sent(self, sent: SentOnDay) -> Write:
        """Store a day's sum; see `TransferRecords.put_sent`."""
        midnight = datetime(sent.day.year, sent.day.month, sent.day.day, tzinfo=UTC)
        return put(
            SentRecord(
                f"CUSTOMER#{sent.customer_id}",
                f"SENT#{sent.day}",
                amount_micros=sent.amount_micros,
                expires_at=epoch_seconds(midnight + _DAYS_KEPT),
            )
        )


def _key_of(key: str) -> str:
    return f"TRANSFER_KEY#{hashlib.sha256(key.encode()).hexdigest()}"


def _transfer(record: TransferRecord) -> Transfer:
    return Transfer(
        id=record.sk.removeprefix("TRANSFER#"),
        from_customer_id=record.from_customer_id,
        to_customer_id=record.to_customer_id,
        amount_micros=record.amount_micros,
        note=record.note or "",
        made_by=record.made_by,
        at=parse_isoformat(record.at),
    )


def _transfer_record(customer_id: str, transfer: Transfer) -> TransferRecord:
    return TransferRecord(
        f"CUSTOMER#{customer_id}",
        f"TRANSFER#{transfer.id}",
        from_customer_id=transfer.from_customer_id,
        to_customer_id=transfer.to_customer_id,
        amount_micros=transfer.amount_micros,
        note=transfer.note or None,
        made_by=transfer.made_by,
        at=isoformat(transfer.at),
    )
