"""Loads the catalogue."""

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
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import with_fresh_reads


@dataclass(frozen=True)
class LoadResult:
    """The result of loading."""

    entries: int
    prices: frozenset[str]
    """The names of prices with newly announced changes."""


class CatalogLoader:
    """Replaces the catalogue; prices change only from a time in the future."""

    def __init__(
        self, records: CatalogRecords, prices: PriceRecords, announcements: AnnouncementRecords, clock: Clock
    ) -> None:
        self._records = records
        self._prices = prices
        self._announcements = announcements
        self._clock = clock

    def load(self, wanted: Catalog) -> LoadResult:
        """Replace the whole catalogue, and announce price changes for running machines.

        Loading the same catalogue again changes nothing.

        Raises:
            PricesRefused: a price in force would change, or a change begins too soon; nothing was changed.
        """

        def load() -> LoadResult:
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
            return LoadResult(self._records.replace(settled.catalog, writes), settled.changed)

        return with_fresh_reads(load, stale=frozenset({PRICES_UNCHANGED}))
