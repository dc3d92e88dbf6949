"""The number of free GPUs, by region and variant.

Measuring a region costs it several requests. So all processes together measure it at most once in 15 s: the
process that takes the claim measures, the others answer with the last measurement. A region that fails or hangs is
therefore asked no more often than a healthy one.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from chalicelib.domain.cloud.catalog.models import (
    Catalog,
    Freshness,
    Gpu,
    GpuStock,
    InstanceType,
    Offer,
    Region,
    RegionCapacity,
)
from chalicelib.domain.cloud.catalog.ports import Measurement, Measurements
from chalicelib.domain.cloud.providers.errors import ProviderError, ProviderUnreachable
from chalicelib.domain.cloud.providers.ports import SupportsCapacity
from chalicelib.kernel.clock import Clock

_log = logging.getLogger(__name__)

LIVE_SECONDS = 15
WORTH_TELLING_SECONDS = 600
LOOK_TIMEOUT_SECONDS = 6.0
_MAX_LOOKS_AT_ONCE = 8


class GpuAvailability:
    """Returns the free capacity; a region that does not answer never affects the answer for others."""

    def __init__(
        self,
        capacity_of: Callable[[str], SupportsCapacity | None],
        measurements: Measurements,
        clock: Clock,
        *,
        look_timeout_seconds: float = LOOK_TIMEOUT_SECONDS,
    ) -> None:
        """Create the service.

        Args:
            capacity_of: returns the provider by its id; None if it cannot measure capacity.
            measurements: the last measurements, shared by all processes.
            clock: the clock.
            look_timeout_seconds: how long an answer waits for a region; a later measurement is stored for the next
                answer.
        """
        self._capacity_of = capacity_of
        self._measurements = measurements
        self._clock = clock
        self._look_timeout_seconds = look_timeout_seconds
        self._pool: ThreadPoolExecutor | None = None
        self._troubles: dict[str, ProviderError] = {}
        """By region: why the last look of this process failed."""

    def stock(self, catalog: Catalog, region_id: str | None = None) -> Sequence[GpuStock]:
        """Return the free GPUs of each variant on sale, in each open region or in `region_id`."""
        regions = [r for r in catalog.regions if r.is_open and region_id in (None, r.id)]
        capacities = self.capacities(regions)
        return [
            _stock(gpu, types, capacities[region.id])
            for region in regions
            for gpu, types in _variants(catalog, region)
        ]

    def available(self, offer: Offer) -> bool | None:
        """Whether there is capacity for one more machine; None if unknown or not counted.

        Raises:
            ProviderError: the region could not be measured, and its last measurement is too old.
        """
        if offer.resource_class is None:
            return None
        capacity = self.capacities([offer.region])[offer.region.id]
        trouble = self._troubles.get(offer.region.id)
        if capacity.freshness is Freshness.UNKNOWN and trouble is not None:
            raise trouble.with_traceback(None)
        return capacity.has_room(offer.resource_class, offer.resource_units)

    def capacities(self, regions: Sequence[Region]) -> Mapping[str, RegionCapacity]:
        """Return the capacity of each of `regions` by id; measures all that are due at the same time."""
        known = {region.id: self._measurements.last(region.id) for region in regions}
        looks: dict[str, Future[Measurement | ProviderError | None]] = {}
        for region in regions:
            last = known[region.id]
            if self._age_seconds(last) < LIVE_SECONDS:
                continue
            if self._measurements.claim(region.id, self._clock.now(), LIVE_SECONDS):
                looks[region.id] = self._executor().submit(self._look, region)
        done = wait(looks.values(), timeout=self._look_timeout_seconds).done
        for region_id, look in looks.items():
            seen = look.result() if look in done else ProviderUnreachable(f"region {region_id} is slow to measure")
            self._troubles.pop(region_id, None)
            if isinstance(seen, ProviderError):
                self._troubles[region_id] = seen
            elif seen is not None:
                known[region_id] = seen
        return {region.id: self._capacity(region.id, known[region.id]) for region in regions}

    def _look(self, region: Region) -> Measurement | ProviderError | None:
        """Measure `region` and store the result, or return the error; None if it cannot be measured."""
        try:
            capacity = self._capacity_of(region.provider)
            if capacity is None:
                return None
            free_units = capacity.free_units(region.id)
            measurement = Measurement(self._clock.now(), dict(free_units))
            self._measurements.keep(region.id, measurement)
        except Exception as error:  # an error of one region must not affect the others
            _log.warning("region %s cannot be measured: %r", region.id, error)
            return error if isinstance(error, ProviderError) else ProviderUnreachable(repr(error))
        return measurement

    def _capacity(self, region_id: str, last: Measurement | None) -> RegionCapacity:
        age_seconds = self._age_seconds(last)
        if last is None or age_seconds > WORTH_TELLING_SECONDS:
            return RegionCapacity(region_id, Freshness.UNKNOWN)
        freshness = Freshness.LIVE if age_seconds <= LIVE_SECONDS else Freshness.STALE
        return RegionCapacity(region_id, freshness, last.free_units, last.at, int(age_seconds))

    def _age_seconds(self, measurement: Measurement | None) -> float:
        if measurement is None:
            return float("inf")
        return max(0.0, (self._clock.now() - measurement.at).total_seconds())

    def _executor(self) -> ThreadPoolExecutor:
        self._pool = self._pool or ThreadPoolExecutor(_MAX_LOOKS_AT_ONCE, thread_name_prefix="capacity")
        return self._pool


def _variants(catalog: Catalog, region: Region) -> Sequence[tuple[Gpu, Sequence[InstanceType]]]:
    """Return each variant on sale in `region` with its instance types, in the catalogue's order."""
    by_variant: dict[str, tuple[Gpu, list[InstanceType]]] = {}
    for entry in catalog.instance_types:
        if entry.gpu and region.id in entry.regions:
            by_variant.setdefault(entry.gpu.variant, (entry.gpu, []))[1].append(entry)
    return list(by_variant.values())


def _stock(gpu: Gpu, types: Sequence[InstanceType], capacity: RegionCapacity) -> GpuStock:
    return GpuStock(
        capacity=capacity,
        model=gpu.model,
        link=gpu.link,
        free_gpus=capacity.units(gpu.resource_class),
        has_room={t.id: capacity.has_room(t.gpu.resource_class, t.gpu.count) for t in types if t.gpu},
    )
