"""Ports of the catalogue."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.cloud.catalog.models import Catalog
from chalicelib.domain.money.metering.models import PriceHistory
from chalicelib.domain.money.metering.ports import Prices
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.transactions import Write


class CatalogRecords(Protocol):
    """The stored catalogue."""

    def load(self) -> Catalog:
        """Return the whole catalogue; empty if none was loaded."""
        ...

    def replace(self, catalog: Catalog, also: Sequence[Write] = ()) -> int:
        """Replace the whole catalogue; `also` is written first. Entries missing in `catalog` are deleted.

        Returns:
            How many entries were written or deleted; 0 if nothing changed.
        """
        ...


PRICES_UNCHANGED = "prices_unchanged"
ANNOUNCEMENT_UNCHANGED = "announcement_unchanged"
NOT_TOLD_BEFORE = "not_told_before"


class PriceRecords(Prices, Protocol):
    """Stored prices, including those of things no longer on sale."""

    def keep(self, name: str, before: PriceHistory | None, after: PriceHistory) -> Write:
        """Replace a history; asserts PRICES_UNCHANGED: the stored one is `before` (None: there is none)."""
        ...


@dataclass(frozen=True)
class Announcement:
    """Prices whose changes are being announced to customers, and the announcement's position."""

    id: str
    names: frozenset[str]
    shard: int = 0
    """The shard of meters in progress (meters lead to customers with running machines); earlier shards are
    done.
    """
    after_customer_id: str = ""
    """All customers of the shard up to this one have been told."""


class AnnouncementRecords(Protocol):
    """Stored announcements."""

    def insert(self, announcement: Announcement) -> Write:
        """Add an announcement; asserts ANNOUNCEMENT_UNCHANGED: none has this id."""
        ...

    def under_way(self) -> Sequence[Announcement]:
        """Return announcements in progress, oldest first. The index is eventually consistent."""
        ...

    def move(self, before: Announcement, after: Announcement | None) -> Write:
        """Store the new position, or the end (None); asserts ANNOUNCEMENT_UNCHANGED since `before` was read."""
        ...

    def told(self, customer_id: str, announcement: Announcement) -> Write:
        """Record that a customer was told; asserts NOT_TOLD_BEFORE."""
        ...


@dataclass(frozen=True)
class Measurement:
    """The free units by resource class at one moment."""

    at: datetime
    free_units: Mapping[str, int]


class Measurements(Protocol):
    """The last measurement of each region, shared by all processes."""

    def last(self, region_id: str) -> Measurement | None:
        """Return the last measurement, however old; None if there is none."""
        ...

    def claim(self, region_id: str, now: datetime, seconds: int) -> bool:
        """Try to claim the measurement of a region; no other process gets the claim for `seconds`."""
        ...

    def keep(self, region_id: str, measurement: Measurement) -> None:
        """Replace the last measurement."""
        ...
