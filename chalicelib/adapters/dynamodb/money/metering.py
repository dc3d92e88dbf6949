"""Stores meters and usage."""

import zlib
from collections.abc import Iterator

from pynamodb.attributes import BooleanAttribute, JSONAttribute

from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalInteger, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.money.metering.models import Meter, UsageRecord
from chalicelib.domain.money.metering.ports import METER_UNCHANGED, SHARDS
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class MeterRecord(Record, discriminator="METER"):
    """`DEPLOYMENT#<customer>#<deployment>` / `METER#<number>`; while open in `gsi2` under `METERS#<shard>`.

    All meters of a customer are adjacent in one shard, so that one worker posts them in few transactions.
    """

    price_micros_per_hour = IntegerAttribute()
    opened_at = IntegerAttribute()
    watermark = IntegerAttribute()
    closed_at = OptionalInteger()
    parts = JSONAttribute(null=True)
    continues = BooleanAttribute(null=True)
    api_key_id = OptionalText()


class UsageItem(Record, discriminator="USAGE"):
    """`DEPLOYMENT#<customer>#<deployment>` / `USAGE#<meter>#<start>`: one interval, once (G04)."""

    start = IntegerAttribute()
    end = IntegerAttribute()
    amount_micros = IntegerAttribute()
    entry_sequence = OptionalInteger()


class DynamoMeterRecords:
    """`MeterRecords` on the single table."""

    def meter(self, customer_id: str, deployment_id: str) -> Meter | None:
        """The latest meter; see `MeterRecords.meter`."""
        found = MeterRecord.query(
            _partition(customer_id, deployment_id),
            MeterRecord.sk.startswith("METER#"),
            consistent_read=True,
            scan_index_forward=False,
            limit=1,
        )
        return next((_meter(record) for record in found), None)

    def numbered(self, customer_id: str, deployment_id: str, number: int) -> Meter | None:
        """A meter by its number; see `MeterRecords.numbered`."""
        key = f"METER#{number:04d}"
        try:
            return _meter(MeterRecord.get(_partition(customer_id, deployment_id), key, consistent_read=True))
        except MeterRecord.DoesNotExist:
            return None

    def meters(self, customer_id: str, deployment_id: str) -> Iterator[Meter]:
        """All meters, oldest first; see `MeterRecords.meters`."""
        partition = _partition(customer_id, deployment_id)
        found = MeterRecord.query(partition, MeterRecord.sk.startswith("METER#"), consistent_read=True)
        return (_meter(record) for record in found)

    def open_meters(self, shard: int, after_customer_id: str = "") -> Iterator[Meter]:
        """The open meters of a shard; see `MeterRecords.open_meters`."""
        # `$` is the character after `#`: this key sorts after all meters of the customer.
        following = MeterRecord.gsi2sk > f"{after_customer_id}$" if after_customer_id else None
        return (_meter(record) for record in MeterRecord.query(f"METERS#{shard}", following, index_name="gsi2"))

    def insert_meter(self, meter: Meter) -> Write:
        """Open a meter; see `MeterRecords.insert_meter`."""
        return insert(_meter_record(meter), METER_UNCHANGED)

    def replace_meter(self, before: Meter, after: Meter) -> Write:
        """Move, close or shorten a meter; see `MeterRecords.replace_meter`."""
        closing = MeterRecord.closed_at
        as_closed = closing.does_not_exist() if before.closed_at is None else closing == before.closed_at
        unchanged = (MeterRecord.watermark == before.watermark) & as_closed
        return put(_meter_record(after), unchanged, METER_UNCHANGED)

    def insert_usage(self, usage: UsageRecord) -> Write:
        """Record an interval; see `MeterRecords.insert_usage`."""
        item = UsageItem(
            _partition(usage.customer_id, usage.deployment_id),
            f"USAGE#{usage.meter:04d}#{usage.start:012d}",
            start=usage.start,
            end=usage.end,
            amount_micros=usage.amount_micros,
            entry_sequence=usage.entry_sequence,
        )
        return insert(item, METER_UNCHANGED)

    def usage(self, customer_id: str, deployment_id: str, page: PageRequest) -> Page[UsageRecord]:
        """A page of intervals, oldest first; see `MeterRecords.usage`."""
        partition = _partition(customer_id, deployment_id)
        return query_page(UsageItem, partition, page, _usage, sort_key=UsageItem.sk.startswith("USAGE#"))

    def all_usage(
        self, customer_id: str, deployment_id: str, *, newest_first: bool = False
    ) -> Iterator[UsageRecord]:
        """Every interval; see `MeterRecords.all_usage`."""
        found = UsageItem.query(
            _partition(customer_id, deployment_id),
            UsageItem.sk.startswith("USAGE#"),
            consistent_read=True,
            scan_index_forward=not newest_first,
        )
        return (_usage(item) for item in found)


def _partition(customer_id: str, deployment_id: str) -> str:
    return f"DEPLOYMENT#{customer_id}#{deployment_id}"


def _shard(customer_id: str) -> int:
    return zlib.crc32(customer_id.encode()) % SHARDS


def _meter(record: MeterRecord) -> Meter:
    _, customer_id, deployment_id = record.pk.split("#")
    return Meter(
        customer_id=customer_id,
        deployment_id=deployment_id,
        number=int(record.sk.removeprefix("METER#")),
        price_micros_per_hour=record.price_micros_per_hour,
        opened_at=record.opened_at,
        watermark=record.watermark,
        closed_at=record.closed_at,
        parts=record.parts or {},
        continues=bool(record.continues),
        api_key_id=record.api_key_id or "",
    )


def _meter_record(meter: Meter) -> MeterRecord:
    is_open = meter.closed_at is None
    return MeterRecord(
        _partition(meter.customer_id, meter.deployment_id),
        f"METER#{meter.number:04d}",
        gsi2pk=f"METERS#{_shard(meter.customer_id)}" if is_open else None,
        gsi2sk=f"{meter.customer_id}#{meter.deployment_id}" if is_open else None,
        price_micros_per_hour=meter.price_micros_per_hour,
        opened_at=meter.opened_at,
        watermark=meter.watermark,
        closed_at=meter.closed_at,
        parts=dict(meter.parts) or None,
        continues=meter.continues or None,
        api_key_id=meter.api_key_id or None,
    )


def _usage(item: UsageItem) -> UsageRecord:
    _, customer_id, deployment_id = item.pk.split("#")
    return UsageRecord(
        customer_id=customer_id,
        deployment_id=deployment_id,
        meter=int(item.sk.split("#")[1]),
        start=item.start,
        end=item.end,
        amount_micros=item.amount_micros,
        entry_sequence=item.entry_sequence,
    )
