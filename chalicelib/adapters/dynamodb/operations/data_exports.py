"""Exports of users' data, in the user's partition."""

from collections.abc import Iterator

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.operations.departure.exports import EXPORT_TAKEN
from chalicelib.domain.operations.departure.models import DataExport, ExportStatus
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.transactions import Write

_QUEUE = "DATA_EXPORTS"


class DataExportRecord(Record, discriminator="DATA_EXPORT"):
    """`USER#<id>` / `DATA_EXPORT#<export id>`; in `gsi2` under `DATA_EXPORTS` until it is ready or has failed."""

    customer_id = OptionalText()
    requested_at = UnicodeAttribute()
    status = UnicodeAttribute()
    attempts = IntegerAttribute()
    leased_until = OptionalText()
    size_bytes = IntegerAttribute()


class DynamoDataExports:
    """`ExportRecords` in the user's partition."""

    def get(self, user_id: str, export_id: str) -> DataExport | None:
        """Return the user's export; see `ExportRecords.get`."""
        try:
            found = DataExportRecord.get(f"USER#{user_id}", f"DATA_EXPORT#{export_id}", consistent_read=True)
        except DataExportRecord.DoesNotExist:
            return None
        return _export(found)

    def insert(self, export: DataExport) -> Write:
        """Add an export; see `ExportRecords.insert`."""
        return insert(_record(export), "export_is_new")

    def replace(self, before: DataExport, after: DataExport) -> Write:
        """Replace an export; see `ExportRecords.replace`."""
        same = (DataExportRecord.attempts == before.attempts) & (DataExportRecord.status == before.status.value)
        return put(_record(after), same, EXPORT_TAKEN)

    def waiting(self) -> Iterator[DataExport]:
        """Yield the exports to make; see `ExportRecords.waiting`."""
        return map(_export, DataExportRecord.query(_QUEUE, index_name="gsi2"))


def _record(export: DataExport) -> DataExportRecord:
    waits = export.status is ExportStatus.REQUESTED
    return DataExportRecord(
        f"USER#{export.user_id}",
        f"DATA_EXPORT#{export.id}",
        gsi2pk=_QUEUE if waits else None,
        gsi2sk=f"{isoformat(export.requested_at)}#{export.id}" if waits else None,
        customer_id=export.customer_id or None,
        requested_at=isoformat(export.requested_at),
        status=export.status.value,
        attempts=export.attempts,
        leased_until=isoformat(export.leased_until) if export.leased_until else None,
        size_bytes=export.size_bytes,
        expires_at=epoch_seconds(export.expires_at),
    )


def _export(record: DataExportRecord) -> DataExport:
    return DataExport(
        id=record.sk.partition("#")[2],
        user_id=record.pk.partition("#")[2],
        customer_id=record.customer_id or "",
        requested_at=parse_isoformat(record.requested_at),
        status=ExportStatus(record.status),
        attempts=record.attempts,
        leased_until=parse_isoformat(record.leased_until) if record.leased_until else None,
        size_bytes=record.size_bytes,
    )
