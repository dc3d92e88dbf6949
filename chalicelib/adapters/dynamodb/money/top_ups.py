"""Stores top-ups, webhooks' events, exchange rates."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError

from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    Flag,
    Method,
    Notice,
    NoticeState,
    Rate,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.ports import NEW_TOP_UP, TOP_UP_SHARDS, TOP_UP_UNCHANGED
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.limits import IDEMPOTENCY_KEY_TTL_SECONDS
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_EVENTS_KEPT = timedelta(days=90)


class TopUpRecord(Record, discriminator="TOP_UP"):
    """`CUSTOMER#<customer>` / `TOP_UP#<id>`; in `gsi2` under `TOP_UPS#<shard>` while money can still arrive."""

    gateway = UnicodeAttribute()
    method = UnicodeAttribute()
    amount_micros = IntegerAttribute()
    currency = UnicodeAttribute()
    asset = OptionalText()
    network = OptionalText()
    status = UnicodeAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    deadline_at = UnicodeAttribute()
    check_at = OptionalText()
    provider_id = OptionalText()
    checkout = JSONAttribute(null=True)
    rate = OptionalText()
    credited_micros = IntegerAttribute()
    refunded_micros = IntegerAttribute()
    disputed_micros = IntegerAttribute()
    booked = JSONAttribute()
    flags = JSONAttribute()
    failure = OptionalText()
    payers = JSONAttribute(null=True)
    automatic = BooleanAttribute()
    version = IntegerAttribute()


class TopUpPointer(Record, discriminator="TOP_UP_POINTER"):
    """`TOP_UP#<id>`, `TOP_UP_OF#<gateway>#<provider's id>` / `POINTER`: finds a top-up without its customer."""

    customer_id = UnicodeAttribute()
    top_up_id = UnicodeAttribute()


class TopUpKeyRecord(Record, discriminator="TOP_UP_KEY"):
    """`CUSTOMER#<customer>` / `TOP_UP_KEY#<hash>`: the top-up created with an idempotency key."""

    top_up_id = UnicodeAttribute()


class NoticeRecord(Record, discriminator="NOTICE"):
    """`NOTICE#<gateway>#<hash of the event's id>` / `NOTICE`: a webhook's event."""

    event_id = UnicodeAttribute()
    event_kind = UnicodeAttribute()
    at = UnicodeAttribute()
    handed_over = BooleanAttribute()


class RateRecord(Record, discriminator="RATE"):
    """`RATES` / `<currency>`: the value of one unit."""

    value = UnicodeAttribute()
    at = UnicodeAttribute()


class DynamoTopUpRecords:
    """`TopUpRecords` on the single table."""

    def top_up(self, customer_id: str, top_up_id: str) -> TopUp | None:
        """A customer's top-up; see `TopUpRecords.top_up`."""
        try:
            record = TopUpRecord.get(f"CUSTOMER#{customer_id}", f"TOP_UP#{top_up_id}", consistent_read=True)
        except TopUpRecord.DoesNotExist:
            return None
        return top_up_of(record)

    def top_up_of_key(self, customer_id: str, key: str) -> str | None:
        """The top-up created with a key; see `TopUpRecords.top_up_of_key`."""
        try:
            return TopUpKeyRecord.get(f"CUSTOMER#{customer_id}", _key_of(key), consistent_read=True).top_up_id
        except TopUpKeyRecord.DoesNotExist:
            return None

    def top_up_of_reference(self, top_up_id: str) -> TopUp | None:
        """A top-up by its id; see `TopUpRecords.top_up_of_reference`."""
        return self._pointed(f"TOP_UP#{top_up_id}")

    def top_up_of_provider(self, gateway: str, provider_id: str) -> TopUp | None:
        """A top-up by its gateway's object; see `TopUpRecords.top_up_of_provider`."""
        return self._pointed(f"TOP_UP_OF#{gateway}#{provider_id}")

    def _pointed(self, partition: str) -> TopUp | None:
        try:
            pointer = TopUpPointer.get(partition, "POINTER", consistent_read=True)
        except TopUpPointer.DoesNotExist:
            return None
        return self.top_up(pointer.customer_id, pointer.top_up_id)

    def top_ups(self, customer_id: str, page: PageRequest) -> Page[TopUp]:
        """A page of top-ups; see `TopUpRecords.top_ups`."""
        return query_page(
            TopUpRecord,
            f"CUSTOMER#{customer_id}",
            page,
            top_up_of,
            sort_key=TopUpRecord.sk.startswith("TOP_UP#"),
            ascending=False,
        )

    def top_ups_to_check(self, shard: int, before: datetime) -> Iterator[TopUp]:
        """The top-ups that are due; see `TopUpRecords.top_ups_to_check`."""
        due = TopUpRecord.gsi2sk < isoformat(before)
        return (top_up_of(record) for record in TopUpRecord.query(f"TOP_UPS#{shard}", due, index_name="gsi2"))

    def insert_top_up(self, top_up: TopUp, key: str | None) -> Sequence[Write]:
        """Store a new top-up; see `TopUpRecords.insert_top_up`."""
        writes: list[Write] = [
            insert(_top_up_record(top_up), NEW_TOP_UP),
            insert(_pointer(f"TOP_UP#{top_up.id}", top_up), NEW_TOP_UP),
        ]
        if key:
            expires_at = epoch_seconds(top_up.created_at) + IDEMPOTENCY_KEY_TTL_SECONDS
            partition = f"CUSTOMER#{top_up.customer_id}"
            made = TopUpKeyRecord(partition, _key_of(key), top_up_id=top_up.id, expires_at=expires_at)
            writes.append(insert(made, NEW_TOP_UP))
        return writes

    def replace_top_up(self, before: TopUp, after: TopUp) -> Sequence[Write]:
        """Change a top-up; see `TopUpRecords.replace_top_up`."""
        writes: list[Write] = [put(_top_up_record(after), TopUpRecord.version == before.version, TOP_UP_UNCHANGED)]
        if after.provider_id is not None and after.provider_id != before.provider_id:
            partition = f"TOP_UP_OF#{after.gateway}#{after.provider_id}"
            writes.append(insert(_pointer(partition, after), "provider_object_free"))
        return writes


class DynamoNoticeRecords:
    """`NoticeRecords` with one item per event, which expires after 90 days."""

    def record(self, gateway: str, notice: Notice, at: datetime) -> NoticeState:
        """Record an event, or return its state; see `NoticeRecords.record`."""
        record = self._record(gateway, notice.event_id)
        record.event_id = notice.event_id
        record.event_kind = notice.kind
        record.at = isoformat(at)
        record.handed_over = False
        record.expires_at = epoch_seconds(at + _EVENTS_KEPT)
        try:
            record.save(condition=NoticeRecord.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            found = NoticeRecord.get(record.pk, record.sk, consistent_read=True)
            return NoticeState.HANDED_OVER if found.handed_over else NoticeState.NOT_HANDED_OVER
        return NoticeState.NEW

    def handed_over(self, gateway: str, event_id: str) -> None:
        """Record that the event is queued; see `NoticeRecords.handed_over`."""
        self._record(gateway, event_id).update(actions=[NoticeRecord.handed_over.set(True)])

    @staticmethod
    def _record(gateway: str, event_id: str) -> NoticeRecord:
        return NoticeRecord(f"NOTICE#{gateway}#{hashlib.sha256(event_id.encode()).hexdigest()}", "NOTICE")


class DynamoRates:
    """`Rates` in one partition."""

    def rate(self, currency: str) -> Rate | None:
        """The latest rate; see `Rates.rate`."""
        try:
            record = RateRecord.get("RATES", currency)
        except RateRecord.DoesNotExist:
            return None
        return Rate(currency, Decimal(record.value), parse_isoformat(record.at))

    def put_rate(self, rate: Rate) -> None:
        """Replace a rate; see `Rates.put_rate`."""
        RateRecord("RATES", rate.currency, value=str(rate.value), at=isoformat(rate.at)).save()


def _key_of(key: str) -> str:
    return f"TOP_UP_KEY#{hashlib.sha256(key.encode()).hexdigest()}"


def _pointer(partition: str, top_up: TopUp) -> TopUpPointer:
    return TopUpPointer(partition, "POINTER", customer_id=top_up.customer_id, top_up_id=top_up.id)


def top_up_of(record: TopUpRecord) -> TopUp:
    """The top-up stored in `record`."""
    checkout: dict[str, Any] | None = record.checkout
    return TopUp(
        id=record.sk.removeprefix("TOP_UP#"),
        customer_id=record.pk.removeprefix("CUSTOMER#"),
        gateway=record.gateway,
        method=Method(record.method),
        amount=Amount(record.amount_micros, record.currency),
        asset=record.asset or "",
        network=record.network or "",
        status=TopUpStatus(record.status),
        created_at=parse_isoformat(record.created_at),
        updated_at=parse_isoformat(record.updated_at),
        deadline_at=parse_isoformat(record.deadline_at),
        check_at=parse_isoformat(record.check_at) if record.check_at else None,
        provider_id=record.provider_id,
        checkout=_checkout(checkout) if checkout else None,
        rate=record.rate or "",
        credited_micros=record.credited_micros,
        refunded_micros=record.refunded_micros,
        disputed_micros=record.disputed_micros,
        booked=frozenset(record.booked),
        flags=frozenset(Flag(flag) for flag in record.flags),
        failure=record.failure or "",
        payers=frozenset(record.payers or ()),
        automatic=record.automatic,
        version=record.version,
    )


def _checkout(stored: Mapping[str, Any]) -> Checkout:
    amount, expires_at = stored.get("pay_amount"), stored.get("expires_at")
    return Checkout(
        **{
            **stored,
            "pay_amount": Amount(**amount) if amount else None,
            "expires_at": parse_isoformat(expires_at) if expires_at else None,
        }
    )


def _stored_checkout(checkout: Checkout) -> dict[str, Any]:
    expires_at = isoformat(checkout.expires_at) if checkout.expires_at else None
    plain = {**vars(checkout), "instructions": dict(checkout.instructions), "expires_at": expires_at}
    return {**plain, "pay_amount": asdict(checkout.pay_amount) if checkout.pay_amount else None}


def _top_up_record(top_up: TopUp) -> TopUpRecord:
    check_at = isoformat(top_up.check_at) if top_up.check_at else None
    return TopUpRecord(
        f"CUSTOMER#{top_up.customer_id}",
        f"TOP_UP#{top_up.id}",
        gsi2pk=f"TOP_UPS#{zlib.crc32(top_up.id.encode()) % TOP_UP_SHARDS}" if check_at else None,
        gsi2sk=check_at,
        gateway=top_up.gateway,
        method=top_up.method.value,
        amount_micros=top_up.amount.micros,
        currency=top_up.amount.currency,
        asset=top_up.asset or None,
        network=top_up.network or None,
        status=top_up.status.value,
        created_at=isoformat(top_up.created_at),
        updated_at=isoformat(top_up.updated_at),
        deadline_at=isoformat(top_up.deadline_at),
        check_at=check_at,
        provider_id=top_up.provider_id,
        checkout=_stored_checkout(top_up.checkout) if top_up.checkout else None,
        rate=top_up.rate or None,
        credited_micros=top_up.credited_micros,
        refunded_micros=top_up.refunded_micros,
        disputed_micros=top_up.disputed_micros,
        booked=sorted(top_up.booked),
        flags=sorted(top_up.flags),
        failure=top_up.failure or None,
        payers=sorted(top_up.payers) or None,
        automatic=top_up.automatic,
        version=top_up.version,
    )
