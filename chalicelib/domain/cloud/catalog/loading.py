"""Loading the catalogue."""

from dataclasses import dataclass

from chalicelib.domain.cloud.catalog.models import Catalog
from chalicelib.domain.cloud.catalog.ports import (
    PRICES_UNCHANGED,
    Announcement,
    AnnouncementRecords,
    CatalogRecords,
    PriceRecords,
)
from chalicelib.domain.cloud.catalog.prices import settle, sheet
from chalicelib.kernel.clock import Clock, epoch_seconds
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import with_fresh_reads


@dataclass(frozen=True)
class Loaded:
    """What loading has changed."""

    entries: int
    prices: frozenset[str]
    """The names of those that are going to change otherwise than was known."""


class CatalogLoader:
    """Replaces the catalogue; prices only ever from a moment on that lies ahead."""

    def __init__(
        self, records: CatalogRecords, prices: PriceRecords, announcements: AnnouncementRecords, clock: Clock
    ) -> None:
        self._records = records
        self._prices = prices
        self._announcements = announcements
        self._clock = clock

    def load(self, wanted: Catalog) -> Loaded:
        """Make `wanted` the whole catalogue, and announce what changes for machines that run.

        Loading again changes nothing.

        Raises:
            PricesRefused: a price that is in force is another, or a change comes too soon; nothing was changed.
        """

        def load() -> Loaded:
            now = self._clock.now()
            known = self._prices.sheet()
            settled = settle(known, wanted, epoch_seconds(now))
            writes = [
                self._prices.keep(name, before, after)
                for name, after in sheet(settled.catalog).histories.items()
                if (before := known.histories.get(name)) != after
            ]
            if settled.changed:
                writes.append(
                    self._announcements.insert(Announcement(new_id(Kind.ANNOUNCEMENT, now), settled.changed))
                )
            return Loaded(self._records.replace(settled.catalog, writes), settled.changed)

        return with_fresh_reads(load, stale=frozenset({PRICES_UNCHANGED}))
