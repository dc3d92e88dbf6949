"""Reads the catalogue."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.domain.cloud.catalog.models import Catalog, Image, ImageKind, InstanceType, Offer
from chalicelib.domain.cloud.catalog.offers import resolve
from chalicelib.domain.cloud.catalog.ports import CatalogRecords
from chalicelib.domain.cloud.catalog.prices import in_force
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.kernel.clock import Clock, epoch_seconds
from chalicelib.kernel.errors import InvalidInput

_KEPT = timedelta(seconds=60)
NO_GPU = "none"


class CatalogService:
    """Answers from a copy of the catalogue that is at most one minute old."""

    def __init__(self, records: CatalogRecords, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._copy: tuple[datetime, Catalog] | None = None

    def current(self) -> Catalog:
        """Return the whole catalogue, with the prices in force and later changes."""
        now = self._clock.now()
        if self._copy is None or not timedelta() <= now - self._copy[0] < _KEPT:
            self._copy = (now, self._records.load())
        return in_force(self._copy[1], epoch_seconds(now))

    def offer(
        self, region: str, instance_type: str, image: str, storage_kind: StorageKind, size_gb: int | None
    ) -> Offer:
        """Return the offer for these ids; see `resolve`.

        Raises:
            InvalidInput: with a detail for each invalid field.
        """
        return resolve(self.current(), region, instance_type, image, storage_kind, size_gb)

    def instance_types(self, region: str | None, gpu: str | None) -> Sequence[InstanceType]:
        """Return the types on sale in `region` with `gpu`: a model, a variant, or `none`.

        Raises:
            InvalidInput: there is no such region or GPU.
        """
        catalog = self.current()
        if region is not None:
            check_region(catalog, region)
        if gpu is not None:
            _check_gpu(catalog, gpu)
        return [
            entry
            for entry in catalog.instance_types
            if (region is None or region in entry.regions) and (gpu is None or gpu in _gpu_names(entry))
        ]

    def images(self, kind: ImageKind | None) -> Sequence[Image]:
        """Return the images of `kind`, or all."""
        return [image for image in self.current().images if kind is None or image.kind is kind]


def check_region(catalog: Catalog, region_id: str) -> None:
    """Raise if a region does not exist.

    Raises:
        InvalidInput: names the existing regions.
    """
    if catalog.region(region_id) is None:
        known = ", ".join(region.id for region in catalog.regions)
        raise InvalidInput.of("region", f"There is no such region; there are {known}.")


def _check_gpu(catalog: Catalog, gpu: str) -> None:
    known = sorted({name for entry in catalog.instance_types for name in _gpu_names(entry)})
    if gpu not in known:
        raise InvalidInput.of("gpu", f"There is no such GPU; there are {', '.join(known)}.")


def _gpu_names(entry: InstanceType) -> frozenset[str]:
    """Return the values of `?gpu=` that match `entry`."""
    return frozenset({entry.gpu.model.lower(), entry.gpu.variant} if entry.gpu else {NO_GPU})
