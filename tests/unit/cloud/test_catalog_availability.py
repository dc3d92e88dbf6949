"""The answers about free GPUs while regions answer, fail, hang and recover."""

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import pytest

from chalicelib.domain.cloud.catalog.availability import LIVE_SECONDS, WORTH_TELLING_SECONDS, GpuAvailability
from chalicelib.domain.cloud.catalog.models import Freshness, GpuStock
from chalicelib.domain.cloud.catalog.offers import resolve
from chalicelib.domain.cloud.catalog.ports import Measurement
from chalicelib.domain.cloud.providers.errors import ProviderUnreachable
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.domain.cloud.providers.ports import SupportsCapacity
from tests.support.catalogs import small_catalog
from tests.support.clock import SettableClock

_H100 = "CUSTOM_GPU_H100_PCIE"


class MemoryMeasurements:
    """`Measurements` in memory."""

    def __init__(self) -> None:
        self._last: dict[str, Measurement] = {}
        self._claimed: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def last(self, region_id: str) -> Measurement | None:
        return self._last.get(region_id)

    def claim(self, region_id: str, now: datetime, seconds: int) -> bool:
        with self._lock:
            claimed = self._claimed.get(region_id)
            if claimed is not None and (now - claimed).total_seconds() < seconds:
                return False
            self._claimed[region_id] = now
            return True

    def keep(self, region_id: str, measurement: Measurement) -> None:
        self._last[region_id] = measurement


class Regions:
    """`SupportsCapacity` of regions that tests control; it counts the calls for each."""

    def __init__(self) -> None:
        self.free: dict[str, Mapping[str, int] | Exception] = {"montreal": {_H100: 3}, "oslo": {_H100: 1}}
        self.hanging: dict[str, threading.Event] = {}
        self.looks: list[str] = []

    def free_units(self, region: str) -> Mapping[str, int]:
        self.looks.append(region)
        if region in self.hanging:
            self.hanging[region].wait(timeout=30)
        free = self.free[region]
        if isinstance(free, Exception):
            raise free
        return free


@pytest.fixture
def regions() -> Iterator[Regions]:
    regions = Regions()
    yield regions
    for event in regions.hanging.values():
        event.set()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def availability(regions: Regions, clock: SettableClock) -> GpuAvailability:
    return GpuAvailability(lambda _: regions, MemoryMeasurements(), clock, look_timeout_seconds=0.5)


def stock(availability: GpuAvailability, region_id: str) -> GpuStock:
    """The only GPU variant of a region."""
    (found,) = availability.stock(small_catalog(), region_id)
    return found


def told(found: GpuStock) -> tuple[Freshness, int | None, int | None]:
    return found.capacity.freshness, found.free_gpus, found.capacity.age_seconds


def test_every_open_region_tells_what_is_free_of_each_variant(availability: GpuAvailability) -> None:
    found = availability.stock(small_catalog())
    assert [(s.capacity.region_id, s.free_gpus, s.has_room) for s in found] == [
        ("montreal", 3, {"h100-pcie-2": True}),
        ("oslo", 1, {"h100-pcie-2": False}),
    ]
    assert {s.capacity.freshness for s in found} == {Freshness.LIVE}


def test_many_answers_cost_one_measurement(
    availability: GpuAvailability, regions: Regions, clock: SettableClock
) -> None:
    for _ in range(LIVE_SECONDS):
        assert told(stock(availability, "montreal"))[:2] == (Freshness.LIVE, 3)
        clock.advance(1)
    assert regions.looks == ["montreal"]
    stock(availability, "montreal")
    assert regions.looks == ["montreal", "montreal"]


def test_an_answer_carries_its_age(availability: GpuAvailability, clock: SettableClock) -> None:
    stock(availability, "montreal")
    measured_at = clock.now()
    clock.advance(7.9)
    found = stock(availability, "montreal")
    assert told(found) == (Freshness.LIVE, 3, 7)
    assert found.capacity.measured_at == measured_at


def test_a_region_that_fails_keeps_its_last_figures_for_ten_minutes(
    availability: GpuAvailability, regions: Regions, clock: SettableClock
) -> None:
    stock(availability, "montreal")
    regions.free["montreal"] = ProviderUnreachable("GET placement: 503")
    clock.advance(WORTH_TELLING_SECONDS)
    assert told(stock(availability, "montreal")) == (Freshness.STALE, 3, 600)
    clock.advance(1)
    gone = stock(availability, "montreal")
    assert told(gone) == (Freshness.UNKNOWN, None, None)
    assert gone.has_room == {"h100-pcie-2": None}
    assert told(stock(availability, "oslo"))[:2] == (Freshness.LIVE, 1)


def test_a_region_that_fails_is_asked_no_more_often_than_one_that_answers(
    availability: GpuAvailability, regions: Regions, clock: SettableClock
) -> None:
    regions.free["montreal"] = ProviderUnreachable("GET placement: no answer")
    for _ in range(2 * LIVE_SECONDS):
        assert told(stock(availability, "montreal")) == (Freshness.UNKNOWN, None, None)
        clock.advance(1)
    assert len(regions.looks) == 2


def test_a_region_that_hangs_delays_nobody_beyond_the_timeout_and_its_late_figures_are_used(
    availability: GpuAvailability, regions: Regions, clock: SettableClock
) -> None:
    regions.hanging["montreal"] = threading.Event()
    found = {s.capacity.region_id: told(s)[:2] for s in availability.stock(small_catalog())}
    assert found == {"montreal": (Freshness.UNKNOWN, None), "oslo": (Freshness.LIVE, 1)}
    regions.hanging["montreal"].set()
    _until(lambda: told(stock(availability, "montreal"))[:2] == (Freshness.LIVE, 3))
    assert regions.looks.count("montreal") == 1


def test_regions_are_looked_at_at_the_same_time(availability: GpuAvailability, regions: Regions) -> None:
    meeting = threading.Barrier(2, timeout=5)

    class Meeting:
        def free_units(self, region: str) -> Mapping[str, int]:
            meeting.wait()
            return regions.free_units(region)

    both = GpuAvailability(lambda _: Meeting(), MemoryMeasurements(), SettableClock())
    assert {told(s)[0] for s in both.stock(small_catalog())} == {Freshness.LIVE}


def test_a_region_that_lost_a_class_of_gpus_has_none(availability: GpuAvailability, regions: Regions) -> None:
    regions.free["montreal"] = {}
    found = stock(availability, "montreal")
    assert (found.free_gpus, found.has_room) == (0, {"h100-pcie-2": False})


def test_a_provider_that_cannot_tell_is_unknown() -> None:
    def none(provider_id: str) -> SupportsCapacity | None:
        return None

    availability = GpuAvailability(none, MemoryMeasurements(), SettableClock())
    assert told(stock(availability, "montreal")) == (Freshness.UNKNOWN, None, None)


@pytest.mark.parametrize(("free", "room"), [(2, True), (1, False)])
def test_an_offer_has_room_when_its_gpus_are_free(
    availability: GpuAvailability, regions: Regions, free: int, room: bool
) -> None:
    offer = resolve(small_catalog(), "montreal", "h100-pcie-2", "cuda", StorageKind.LOCAL, None)
    regions.free["montreal"] = {_H100: free}
    assert availability.available(offer) is room


def test_nobody_can_say_whether_there_is_room_for_a_machine_without_gpus(
    availability: GpuAvailability, regions: Regions
) -> None:
    offer = resolve(small_catalog(), "montreal", "cpu-4x8", "ubuntu", StorageKind.LOCAL, None)
    assert availability.available(offer) is None
    assert regions.looks == []


def _until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(500):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come true within 5 seconds")
