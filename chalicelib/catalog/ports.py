"""What the catalogue needs from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.catalog.models import Catalog


class CatalogRecords(Protocol):
    """Where the catalogue is kept."""

    def load(self) -> Catalog:
        """The whole catalogue; an empty one where none was loaded yet."""
        ...

    def replace(self, catalog: Catalog) -> int:
        """Make `catalog` the whole catalogue; what it does not list is removed.

        Returns:
            How many entries were written or removed; 0 where nothing differed.
        """
        ...


class Capacity(Protocol):
    """Knows how much room a region has."""

    def free_units(self, region: str) -> Mapping[str, int]:
        """Free units by resource class; may raise any error, and may take long."""
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
