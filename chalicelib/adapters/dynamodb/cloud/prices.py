"""Prices with their dates, and the announcements of their changes."""

import json
from collections.abc import Sequence
from typing import Final

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from chalicelib.adapters.dynamodb.table import IntegerAttribute, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.cloud.catalog.ports import (
    ANNOUNCEMENT_UNCHANGED,
    NOT_TOLD_BEFORE,
    PRICES_UNCHANGED,
    Announcement,
)
from chalicelib.domain.money.metering.models import PriceChange, PriceHistory, PriceSheet
from chalicelib.kernel.transactions import Write

_PARTITION: Final = "PRICES"
_UNDER_WAY: Final = "PRICE_ANNOUNCEMENTS"


class PriceRecord(Record, discriminator="PRICE"):
    """`PRICES` / the name of a price: its whole history, also when it is no longer on sale."""

    history = UnicodeAttribute()
    """JSON with a pair of second and micro-dollars for each price; a text, so that a condition can compare
    all of it.
    """


class AnnouncementRecord(Record, discriminator="PRICE_ANNOUNCEMENT"):
    """`PRICE_ANNOUNCEMENT#<id>` / `PRICE_ANNOUNCEMENT`; in `gsi2` by age until it has ended."""

    names = JSONAttribute()
    shard = IntegerAttribute()
    after_customer_id = UnicodeAttribute()


class PriceToldRecord(Record, discriminator="PRICE_TOLD"):
    """`CUSTOMER#<customer>` / `PRICE_TOLD#<announcement>`: the customer was told about it."""


class DynamoPrices:
    """`PriceRecords` in one partition, read with one query."""

    def sheet(self) -> PriceSheet:
        """Return all prices; see `Prices.sheet`."""
        found = PriceRecord.query(_PARTITION, consistent_read=True)
        return PriceSheet({record.sk: _history(record.history) for record in found})

    def keep(self, name: str, before: PriceHistory | None, after: PriceHistory) -> Write:
        """Replace a history; see `PriceRecords.keep`."""
        record = PriceRecord(_PARTITION, name, history=_text(after))
        if before is None:
            return insert(record, PRICES_UNCHANGED)
        return put(record, PriceRecord.history == _text(before), PRICES_UNCHANGED)


class DynamoAnnouncements:
    """`AnnouncementRecords` on the single table."""

    def insert(self, announcement: Announcement) -> Write:
        """Add an announcement; see `AnnouncementRecords.insert`."""
        return insert(_record(announcement, under_way=True), ANNOUNCEMENT_UNCHANGED)

    def under_way(self) -> Sequence[Announcement]:
        """Return announcements in progress; see `AnnouncementRecords.under_way`."""
        return [_announcement(found) for found in AnnouncementRecord.query(_UNDER_WAY, index_name="gsi2")]

    def move(self, before: Announcement, after: Announcement | None) -> Write:
        """Store the position of an announcement; see `AnnouncementRecords.move`."""
        unchanged = (
            (AnnouncementRecord.shard == before.shard)
            & (AnnouncementRecord.after_customer_id == before.after_customer_id)
            & AnnouncementRecord.gsi2pk.exists()
        )
        record = _record(after or before, under_way=after is not None)
        return put(record, unchanged, ANNOUNCEMENT_UNCHANGED)

    def told(self, customer_id: str, announcement: Announcement) -> Write:
        """Record that a customer was told; see `AnnouncementRecords.told`."""
        record = PriceToldRecord(f"CUSTOMER#{customer_id}", f"PRICE_TOLD#{announcement.id}")
        return insert(record, NOT_TOLD_BEFORE)


def _text(history: PriceHistory) -> str:
    return json.dumps([[change.at, change.micros_per_hour] for change in history])


def _history(text: str) -> PriceHistory:
    return tuple(PriceChange(at, micros) for at, micros in json.loads(text))


def _announcement(record: AnnouncementRecord) -> Announcement:
    return Announcement(
        record.pk.removeprefix("PRICE_ANNOUNCEMENT#"),
        frozenset(record.names),
        record.shard,
        record.after_customer_id,
    )


def _record(announcement: Announcement, *, under_way: bool) -> AnnouncementRecord:
    return AnnouncementRecord(
        f"PRICE_ANNOUNCEMENT#{announcement.id}",
        "PRICE_ANNOUNCEMENT",
        gsi2pk=_UNDER_WAY if under_way else None,
        gsi2sk=announcement.id if under_way else None,
        names=sorted(announcement.names),
        shard=announcement.shard,
        after_customer_id=announcement.after_customer_id,
    )
