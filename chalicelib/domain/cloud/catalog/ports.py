"""What the catalogue needs from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.cloud.catalog.models import Catalog
from chalicelib.domain.money.metering.models import PriceHistory
from chalicelib.domain.money.metering.ports import Prices
from chalicelib.kernel.transactions import Write


class CatalogRecords(Protocol):
    """Where the catalogue is kept."""

    def load(self) -> Catalog:
        """The whole catalogue; an empty one where none was loaded yet."""
        ...

    def replace(self, catalog: Catalog, also: Sequence[Write] = ()) -> int:
        """Make `catalog` the whole catalogue, with `also` first; what it does not list is removed.

        Returns:
            How many entries were written or removed; 0 where nothing differed.
        """
        ...


PRICES_UNCHANGED = "prices_unchanged"
ANNOUNCEMENT_UNCHANGED = "announcement_unchanged"
NOT_TOLD_BEFORE = "not_told_before"


class PriceRecords(Prices, Protocol):
    """Where prices are kept, also of what is no longer sold."""

    def keep(self, name: str, before: PriceHistory | None, after: PriceHistory) -> Write:
        """Keep a history; asserts PRICES_UNCHANGED: it is `before`, or there is none."""
        ...


@dataclass(frozen=True)
class Announcement:
    """Prices whose changes customers are being told of, and how far that has come."""

    id: str
    names: frozenset[str]
    shard: int = 0
    """Of the meters, through which customers with running machines are found; all before it are done."""
    after_customer_id: str = ""
    """Within the shard, all up to this one have been told."""


class AnnouncementRecords(Protocol):
    """Where announcements are kept."""

    def insert(self, announcement: Announcement) -> Write:
        """Begin an announcement; asserts ANNOUNCEMENT_UNCHANGED: there is none of its id."""
        ...

    def under_way(self) -> Sequence[Announcement]:
        """Those that have not ended, oldest first; may lag behind by moments."""
        ...

    def move(self, before: Announcement, after: Announcement | None) -> Write:
        """Note how far it has come, or that it has ended; asserts ANNOUNCEMENT_UNCHANGED since `before`."""
        ...

    def told(self, customer_id: str, announcement: Announcement) -> Write:
        """Note that a customer was told; asserts NOT_TOLD_BEFORE."""
        ...


@dataclass(frozen=True)
class Measurement:
    """Free units by resource class at one moment."""

    at: datetime
    free_units: Mapping[str, int]


class Measurements(Protocol):
    """The last measurement of each region, shared by every process."""

    def last(self, region_id: str) -> Measurement | None:
        """The last measurement, however old; None where there is none."""
        ...

    def claim(self, region_id: str, now: datetime, seconds: int) -> bool:
        """Take the right to measure a region; nobody else gets it for `seconds`."""
        ...

    def keep(self, region_id: str, measurement: Measurement) -> None:
        """Replace the last measurement."""
        ...
