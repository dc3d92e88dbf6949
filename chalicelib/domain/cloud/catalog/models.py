"""The catalogue's entries. Prices are micro-dollars per hour; names of the provider's are marked as such."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from chalicelib.domain.cloud.providers.machines import StorageKind
from chalicelib.domain.money.metering.models import PriceHistory


@dataclass(frozen=True)
class Region:
    """A place where machines run. Its `id` is also the name by which its provider's adapter knows it."""

    id: str
    name: str
    country: str
    """ISO 3166-1 alpha-2."""
    provider: str
    """Which upstream account: `openstack`."""
    network: str = ""
    """The provider's private network; empty means the one in the provider's own configuration."""
    public_network: str = ""
    """Where public addresses come from, likewise."""
    is_open: bool = True
    """Whether new machines may be made here; those that run stay."""


class GpuLink(StrEnum):
    """How the GPUs of a machine are connected."""

    NVLINK = "NVLink"
    PCIE = "PCIe"


@dataclass(frozen=True)
class Gpu:
    """The GPUs of an instance type."""

    model: str
    """`H100`, `A100`."""
    link: GpuLink
    count: int
    memory_gb: int
    """Of one GPU."""
    resource_class: str
    """The provider's name of one unit of them, such as `CUSTOM_GPU_H100_PCIE`."""

    @property
    def variant(self) -> str:
        """The kind of GPU, whatever the count: `h100-nvlink`."""
        return f"{self.model}-{self.link}".lower()


@dataclass(frozen=True)
class InstanceType:
    """A size of machine."""

    id: str
    name: str
    vcpus: int
    memory_gb: int
    local_disk_gb: int
    """The disk that comes with it, and that it boots from."""
    gpu: Gpu | None
    regions: tuple[str, ...]
    """Where it is sold."""
    price_micros_per_hour: int
    flavor: str
    """The provider's name."""
    template: str
    """The shape that its machines are built by, such as `gpu_instance/v1`."""
    required_traits: tuple[str, ...] = ()
    """What the flavor must ask of a host."""
    price_changes: PriceHistory = ()
    """The prices that follow on `price_micros_per_hour`, each with the second from which it applies."""


class ImageKind(StrEnum):
    """What is started from an image."""

    MACHINE = "machine"
    CONTAINER = "container"


class OsFamily(StrEnum):
    """Decides how a machine is prepared at its first boot."""

    LINUX = "linux"
    WINDOWS = "windows"


class Hardware(StrEnum):
    """What an image has drivers for."""

    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True)
class Image:
    """What a machine starts from."""

    id: str
    name: str
    kind: ImageKind
    os_family: OsFamily
    min_disk_gb: int
    min_memory_gb: int
    fits: frozenset[Hardware]
    provider_images: Mapping[str, str]
    """The provider's name in each region that has it."""
    surcharge_micros_per_hour: int = 0
    """What its licence costs."""
    template: str = ""
    """The shape that its machines need; empty means the instance type's."""
    price_changes: PriceHistory = ()
    """The surcharges that follow, each with the second from which it applies."""


@dataclass(frozen=True)
class StoragePlan:
    """A kind of storage, and how much of it a machine may have."""

    id: str
    name: str
    kind: StorageKind
    min_gb: int
    max_gb: int
    price_micros_per_gb_hour: int
    regions: tuple[str, ...]
    price_changes: PriceHistory = ()
    """The prices that follow, each with the second from which it applies."""


class _Entry(Protocol):
    @property
    def id(self) -> str: ...


E = TypeVar("E", bound=_Entry)


@dataclass(frozen=True)
class Catalog:
    """Everything that is sold, at one moment, in the order in which it is shown."""

    regions: tuple[Region, ...] = ()
    instance_types: tuple[InstanceType, ...] = ()
    images: tuple[Image, ...] = ()
    storage_plans: tuple[StoragePlan, ...] = ()

    def region(self, region_id: str) -> Region | None:
        """The region called `region_id`."""
        return _find(self.regions, region_id)

    def instance_type(self, instance_type_id: str) -> InstanceType | None:
        """The instance type called `instance_type_id`."""
        return _find(self.instance_types, instance_type_id)

    def image(self, image_id: str) -> Image | None:
        """The image called `image_id`."""
        return _find(self.images, image_id)

    def storage_plan(self, kind: StorageKind, region_id: str) -> StoragePlan | None:
        """The plan for storage of `kind` in `region_id`."""
        return next((plan for plan in self.storage_plans if plan.kind == kind and region_id in plan.regions), None)


def _find(entries: Iterable[E], entry_id: str) -> E | None:
    return next((entry for entry in entries if entry.id == entry_id), None)


class Freshness(StrEnum):
    """How much a figure of free capacity is worth."""

    LIVE = "live"
    """Measured just now."""
    STALE = "stale"
    """The last known: the region does not answer, or is being asked."""
    UNKNOWN = "unknown"
    """Nobody can say."""


@dataclass(frozen=True)
class RegionCapacity:
    """What is free in one region; the last three are None where `freshness` is UNKNOWN."""

    region_id: str
    freshness: Freshness
    free_units: Mapping[str, int] | None = None
    """By resource class."""
    measured_at: datetime | None = None
    age_seconds: int | None = None

    def units(self, resource_class: str) -> int | None:
        """Free units of `resource_class`; None where nobody can say."""
        return None if self.free_units is None else self.free_units.get(resource_class, 0)

    def has_room(self, resource_class: str, units: int) -> bool | None:
        """Whether `units` are free, on whatever hosts; None where nobody can say."""
        free = self.units(resource_class)
        return None if free is None else free >= units


@dataclass(frozen=True)
class GpuStock:
    """Free GPUs of one variant in one region."""

    capacity: RegionCapacity
    model: str
    link: GpuLink
    free_gpus: int | None
    """None where nobody can say."""
    has_room: Mapping[str, bool | None]
    """For one more machine of each instance type of the variant that is sold here; None likewise."""
