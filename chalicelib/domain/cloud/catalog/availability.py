"""How many GPUs are free, by region and variant.

A look at a region costs it several requests, so that all processes together look at most once in 15 s: whoever
takes the claim looks, the others answer with what was measured last. A region that fails or hangs is therefore
asked no more often than a healthy one.
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
    """Tells what is free; a region that does not answer never spoils the answer for the others."""

    def __init__(
        self,
        capacity_of: Callable[[str], SupportsCapacity | None],
        measurements: Measurements,
        clock: Clock,
        *,
        look_timeout_seconds: float = LOOK_TIMEOUT_SECONDS,
    ) -> None:
        """Tell what is free.

        Args:
            capacity_of: the provider by its id; None for one that cannot say what is free.
            look_timeout_seconds: how long an answer waits for a region; a late measurement is kept for the next.
        """
        self._capacity_of = capacity_of
        self._measurements = measurements
        self._clock = clock
        self._look_timeout_seconds = look_timeout_seconds
        self._pool: ThreadPoolExecutor | None = None
        self._troubles: dict[str, ProviderError] = {}
        """By region: why the last look of this process failed."""

    def stock(self, catalog: Catalog, region_id: str | None = None) -> Sequence[GpuStock]:
        """Free GPUs of each variant that is sold, in each open region or in `region_id`."""
        regions = [r for r in catalog.regions if r.is_open and region_id in (None, r.id)]
        capacities = self.capacities(regions)
        return [
            _stock(gpu, types, capacities[region.id])
            for region in regions
            for gpu, types in _variants(catalog, region)
        ]

    def available(self, offer: Offer) -> bool | None:
        """Whether there is room for one more machine; None where nobody can say, or nothing is counted.

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
        """What is free in each of `regions`, by its id; looks at all that are due at the same time."""
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
        """Measure `region` and keep the measurement, or say what went wrong; None where nobody can measure it."""
        try:
            capacity = self._capacity_of(region.provider)
            if capacity is None:
                return None
            free_units = capacity.free_units(region.id)
            measurement = Measurement(self._clock.now(), dict(free_units))
            self._measurements.keep(region.id, measurement)
        except Exception as error:  # whatever one region does, the others are told of
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
    """Each variant that is sold in `region`, with its types, in the catalogue's order."""
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
