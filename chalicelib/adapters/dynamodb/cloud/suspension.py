"""Watches of customers' balances."""

import zlib
from collections.abc import Iterator
from datetime import datetime

from pynamodb.attributes import BooleanAttribute

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalInteger, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.cloud.suspension.models import SuspensionReason, SuspensionStatus, Watch
from chalicelib.domain.cloud.suspension.ports import WATCH_SHARDS, WATCH_UNCHANGED
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.transactions import Write


class WatchRecord(Record, discriminator="WATCH"):
    """`CUSTOMER#<customer>` / `WATCH`; in `gsi2` under `WATCHES#<shard>` while it has a next look."""

    number = IntegerAttribute()
    status = OptionalText()
    reason = OptionalText()
    since = OptionalText()
    deletes_at = OptionalText()
    warned_hours = OptionalInteger()
    warned_day = IntegerAttribute(default=0)
    warned_month = IntegerAttribute(default=0)
    reminded = BooleanAttribute()
    wakes_at = OptionalText()
    looks = IntegerAttribute()
    version = IntegerAttribute()


class DynamoWatchRecords:
    """`WatchRecords` on the single table."""

    def watch(self, customer_id: str) -> Watch | None:
        """A customer's watch; see `WatchRecords.watch`."""
        try:
            return _watch(WatchRecord.get(f"CUSTOMER#{customer_id}", "WATCH", consistent_read=True))
        except WatchRecord.DoesNotExist:
            return None

    def replace_watch(self, before: Watch, after: Watch) -> Write:
        """Store a watch; see `WatchRecords.replace_watch`."""
        if before.version == 0:
            return insert(_watch_record(after), WATCH_UNCHANGED)
        return put(_watch_record(after), WatchRecord.version == before.version, WATCH_UNCHANGED)

    def due(self, shard: int, before: datetime) -> Iterator[Watch]:
        """Yield due watches; see `WatchRecords.due`."""
        by_time = WatchRecord.gsi2sk < isoformat(before)
        return (_watch(record) for record in WatchRecord.query(f"WATCHES#{shard}", by_time, index_name="gsi2"))


def _time(text: str | None) -> datetime | None:
    return parse_isoformat(text) if text else None


def _text(instant: datetime | None) -> str | None:
    return isoformat(instant) if instant else None


def _watch(record: WatchRecord) -> Watch:
    return Watch(
        customer_id=record.pk.removeprefix("CUSTOMER#"),
        number=record.number,
        status=SuspensionStatus(record.status) if record.status else None,
        reason=SuspensionReason(record.reason) if record.reason else None,
        since=_time(record.since),
        deletes_at=_time(record.deletes_at),
        warned_hours=record.warned_hours,
        warned_day=record.warned_day,
        warned_month=record.warned_month,
        reminded=record.reminded,
        wakes_at=_time(record.wakes_at),
        looks=record.looks,
        version=record.version,
    )


def _watch_record(watch: Watch) -> WatchRecord:
    shard = zlib.crc32(watch.customer_id.encode()) % WATCH_SHARDS
    wakes_at = _text(watch.wakes_at)
    return WatchRecord(
        f"CUSTOMER#{watch.customer_id}",
        "WATCH",
        gsi2pk=f"WATCHES#{shard}" if wakes_at else None,
        gsi2sk=wakes_at,
        number=watch.number,
        status=watch.status.value if watch.status else None,
        reason=watch.reason.value if watch.reason else None,
        since=_text(watch.since),
        deletes_at=_text(watch.deletes_at),
        warned_hours=watch.warned_hours,
        warned_day=watch.warned_day,
        warned_month=watch.warned_month,
        reminded=watch.reminded,
        wakes_at=wakes_at,
        looks=watch.looks,
        version=watch.version,
    )
