"""The catalogue, and the last measurement of each region's free capacity."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from pynamodb.attributes import JSONAttribute
from pynamodb.exceptions import UpdateError

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalInteger, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import delete, put
from chalicelib.adapters.shared.json import json_form
from chalicelib.domain.cloud.catalog.models import Catalog, Image, InstanceType, Region, StoragePlan
from chalicelib.domain.cloud.catalog.ports import Measurement
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.limits import MAX_TRANSACTION_WRITES
from chalicelib.kernel.transactions import Transactor, Write

_PARTITION: Final = "CATALOG"
_MEASUREMENT_KEPT_SECONDS: Final = 15 * 60
_CONDITION_FAILED: Final = "ConditionalCheckFailedException"

_SECTIONS: Final[Mapping[str, tuple[str, type[Any]]]] = {
    "REGION": ("regions", Region),
    "INSTANCE_TYPE": ("instance_types", InstanceType),
    "IMAGE": ("images", Image),
    "STORAGE_PLAN": ("storage_plans", StoragePlan),
}

_Entries = dict[str, tuple[int, Any]]
"""By sort key: an entry's position in its section, and the entry."""


class CatalogRecord(Record, discriminator="CATALOG_ENTRY"):
    """`CATALOG` / `<section>#<id>`: one entry; `position` is its place in its section."""

    position = IntegerAttribute()
    entry = JSONAttribute()


class CapacityRecord(Record, discriminator="CAPACITY"):
    """`CAPACITY#<region>` / `CAPACITY`: the last measurement, and until when it is claimed."""

    measured_at = OptionalText()
    free_units = JSONAttribute(null=True)
    claimed_until = OptionalInteger()


class DynamoCatalogRecords:
    """`CatalogRecords` in one partition, read with one query."""

    def __init__(self, transactor: Transactor) -> None:
        self._transactor = transactor

    def load(self) -> Catalog:
        """The whole catalogue; see `CatalogRecords.load`."""
        entries = self._entries()
        in_order = sorted(entries, key=lambda key: entries[key][0])
        return Catalog(
            **{
                field: tuple(entries[key][1] for key in in_order if key.startswith(f"{section}#"))
                for section, (field, _) in _SECTIONS.items()
            }
        )

    def replace(self, catalog: Catalog, also: Sequence[Write] = ()) -> int:
        """Replace the whole catalogue; see `CatalogRecords.replace`.

        One transaction, so that no reader sees a partial change. Only a change with more entries than a
        transaction allows is split; removals then come last.
        """
        before = self._entries()
        after: _Entries = {
            f"{section}#{entry.id}": (position, entry)
            for section, (field, _) in _SECTIONS.items()
            for position, entry in enumerate(getattr(catalog, field))
        }
        entries: list[Write] = [
            put(_record(key, *entry)) for key, entry in after.items() if before.get(key) != entry
        ]
        entries += [delete(CatalogRecord(_PARTITION, key)) for key in before.keys() - after.keys()]
        writes = [*also, *entries]
        for start in range(0, len(writes), MAX_TRANSACTION_WRITES):
            self._transactor.commit(writes[start : start + MAX_TRANSACTION_WRITES])
        return len(entries)

    @staticmethod
    def _entries() -> _Entries:
        return {
            record.sk: (record.position, _adapter(record.sk).validate_python(record.entry))
            for record in CatalogRecord.query(_PARTITION, consistent_read=True)
        }


def _record(key: str, position: int, entry: Any) -> CatalogRecord:
    body = _adapter(key).dump_python(entry, mode="json")
    return CatalogRecord(_PARTITION, key, position=position, entry=body)


def _adapter(key: str) -> TypeAdapter[Any]:
    return json_form(_SECTIONS[key.partition("#")[0]][1])


class DynamoMeasurements:
    """`Measurements`, one item per region, which expires."""

    def last(self, region_id: str) -> Measurement | None:
        """The last measurement; see `Measurements.last`."""
        try:
            found = CapacityRecord.get(f"CAPACITY#{region_id}", "CAPACITY")
        except CapacityRecord.DoesNotExist:
            return None
        if found.measured_at is None:
            return None
        return Measurement(parse_isoformat(found.measured_at), found.free_units)

    def claim(self, region_id: str, now: datetime, seconds: int) -> bool:
        """Claim the measurement of a region; see `Measurements.claim`."""
        at = epoch_seconds(now)
        free = CapacityRecord.claimed_until.does_not_exist() | (CapacityRecord.claimed_until <= at)
        try:
            self._record(region_id).update(
                actions=[
                    CapacityRecord.kind.set(CapacityRecord),
                    CapacityRecord.claimed_until.set(at + seconds),
                    CapacityRecord.expires_at.set(at + _MEASUREMENT_KEPT_SECONDS),
                ],
                condition=free,
            )
        except UpdateError as error:
            if error.cause_response_code != _CONDITION_FAILED:
                raise
            return False
        return True

    def keep(self, region_id: str, measurement: Measurement) -> None:
        """Replace the last measurement; see `Measurements.keep`."""
        self._record(region_id).update(
            actions=[
                CapacityRecord.kind.set(CapacityRecord),
                CapacityRecord.measured_at.set(isoformat(measurement.at)),
                CapacityRecord.free_units.set(dict(measurement.free_units)),
                CapacityRecord.expires_at.set(epoch_seconds(measurement.at) + _MEASUREMENT_KEPT_SECONDS),
            ]
        )

    @staticmethod
    def _record(region_id: str) -> CapacityRecord:
        return CapacityRecord(f"CAPACITY#{region_id}", "CAPACITY")
