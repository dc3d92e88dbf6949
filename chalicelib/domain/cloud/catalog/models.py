"""The catalogue's entries. Prices are micro-dollars per hour; names of the provider's are marked as such."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from chalicelib.domain.cloud.providers.machines import MachineSpec, StorageKind
from chalicelib.domain.money.metering.models import Parts, PriceChange, PriceHistory, PriceSheet


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


Priced = InstanceType | Image | StoragePlan
PRICE_FIELDS: Mapping[type, tuple[str, str]] = {
    InstanceType: ("INSTANCE_TYPE", "price_micros_per_hour"),
    Image: ("IMAGE", "surcharge_micros_per_hour"),
    StoragePlan: ("STORAGE_PLAN", "price_micros_per_gb_hour"),
}
"""How prices of each kind are called in the price sheet, and the field that holds them."""


def price_name(entry: Priced) -> str:
    """The name of an entry's price in the price sheet, for ever: `INSTANCE_TYPE#cpu-4x8`."""
    return f"{PRICE_FIELDS[type(entry)][0]}#{entry.id}"


def history(entry: Priced) -> PriceHistory:
    """The entry's price from the beginning, and its changes."""
    return (PriceChange(0, getattr(entry, PRICE_FIELDS[type(entry)][1])), *entry.price_changes)


@dataclass(frozen=True)
class Storage:
    """A plan and the size that is wanted of it."""

    plan: StoragePlan
    size_gb: int


@dataclass(frozen=True)
class Offer:
    """A machine that can be built: each part fits the others."""

    region: Region
    instance_type: InstanceType
    image: Image
    storage: Storage

    @property
    def price_micros_per_hour(self) -> int:
        """What an hour of it costs."""
        return price_micros_per_hour(self.instance_type, self.image, self.storage)

    @property
    def price_parts(self) -> Parts:
        """What that price is the sum of: so many units of each, by the names of their prices."""
        return {
            price_name(self.instance_type): 1,
            price_name(self.image): 1,
            price_name(self.storage.plan): self.storage.size_gb,
        }

    @property
    def price_changes(self) -> Sequence[PriceChange]:
        """How that price is going to change, as far as it is known: the seconds, and the prices from then on."""
        parts = (self.instance_type, self.image, self.storage.plan)
        known = PriceSheet({price_name(part): history(part) for part in parts})
        return list(known.changes_of(self.price_parts, 0))

    @property
    def resource_class(self) -> str | None:
        """What it takes of the region's counted capacity; None where nothing is counted."""
        return self.instance_type.gpu.resource_class if self.instance_type.gpu else None

    @property
    def resource_units(self) -> int:
        """How many units of `resource_class` it takes."""
        return self.instance_type.gpu.count if self.instance_type.gpu else 0

    @property
    def needs_rsa_key(self) -> bool:
        """Whether the machine's password is encrypted with the SSH key, which RSA alone can do (Windows)."""
        return self.image.os_family is OsFamily.WINDOWS

    def machine_spec(self, *, ssh_public_key: str, tags: Mapping[str, str], user_data: str = "") -> MachineSpec:
        """What the provider is asked to build.

        Args:
            ssh_public_key: in OpenSSH's format.
            tags: whose it is: `customer` and `deployment`.
            user_data: what runs at the first boot.
        """
        return MachineSpec(
            template=self.image.template or self.instance_type.template,
            flavor=self.instance_type.flavor,
            image=self.image.provider_images[self.region.id],
            storage_kind=self.storage.plan.kind,
            storage_gb=self.storage.size_gb,
            ssh_public_key=ssh_public_key,
            user_data=user_data,
            network=self.region.network,
            public_network=self.region.public_network,
            tags=tags,
        )


def price_micros_per_hour(instance_type: InstanceType, image: Image, storage: Storage) -> int:
    """The price of an hour: the type's, the image's licence, and each GB of storage."""
    return (
        instance_type.price_micros_per_hour
        + image.surcharge_micros_per_hour
        + storage.plan.price_micros_per_gb_hour * storage.size_gb
    )
