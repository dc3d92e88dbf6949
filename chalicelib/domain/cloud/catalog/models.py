"""The catalogue's entries. Prices are micro-dollars per hour; provider's names are marked as such."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from chalicelib.domain.cloud.providers.models import MachineSpec, StorageKind
from chalicelib.domain.money.metering.models import Parts, PriceChange, PriceHistory, PriceSheet
from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """A location of machines. The provider's adapter knows it by the same `id`."""

    id: str
    name: str
    country: str
    """ISO 3166-1 alpha-2."""
    provider: str
    """The provider's id, such as `openstack`."""
    network: str = ""
    """The provider's name of the private network; empty means the one in the provider's configuration."""
    public_network: str = ""
    """The provider's name of the network with public addresses; empty means the one in the provider's
    configuration.
    """
    is_open: bool = True
    """Whether it accepts new machines; existing ones stay."""


class GpuLink(StrEnum):
    """How the GPUs of a machine are connected."""

    NVLINK = "NVLink"
    PCIE = "PCIe"


@dataclass(frozen=True)
class Gpu:
    """The GPUs of an instance type."""

    model: str
    """Such as `H100`, `A100`."""
    link: GpuLink
    count: int
    memory_gb: int
    """The memory of one GPU."""
    resource_class: str
    """The provider's resource class of one GPU, such as `CUSTOM_GPU_H100_PCIE`."""

    @property
    def variant(self) -> str:
        """The kind of GPU regardless of the count, such as `h100-nvlink`."""
        return f"{self.model}-{self.link}".lower()


@dataclass(frozen=True)
class InstanceType:
    """A size of machine."""

    id: str
    name: str
    vcpus: int
    memory_gb: int
    local_disk_gb: int
    """The disk that is included, and from which it boots."""
    gpu: Gpu | None
    regions: tuple[str, ...]
    """The regions that sell it."""
    price_micros_per_hour: int
    flavor: str
    """The provider's name of the size."""
    template: str
    """The template that builds its machines, such as `gpu_instance/v1`."""
    required_traits: tuple[str, ...] = ()
    """The traits that the flavor must require of a host."""
    price_changes: PriceHistory = ()
    """Later prices after `price_micros_per_hour`, each with the second from which it applies."""


class ImageKind(StrEnum):
    """The kind of software in an image."""

    MACHINE = "machine"
    CONTAINER = "container"


class OsFamily(StrEnum):
    """Determines how a machine is set up at its first boot."""

    LINUX = "linux"
    WINDOWS = "windows"


class Hardware(StrEnum):
    """The hardware that an image has drivers for."""

    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True)
class Image:
    """The disk image that a machine starts from."""

    id: str
    name: str
    kind: ImageKind
    os_family: OsFamily
    min_disk_gb: int
    min_memory_gb: int
    fits: frozenset[Hardware]
    provider_images: Mapping[str, str]
    """The provider's name by region; only regions that have it."""
    surcharge_micros_per_hour: int = 0
    """The price of its licence."""
    template: str = ""
    """The template that its machines need; empty means the instance type's."""
    price_changes: PriceHistory = ()
    """Later surcharges, each with the second from which it applies."""


@dataclass(frozen=True)
class StoragePlan:
    """A kind of storage, and the sizes that a machine may have."""

    id: str
    name: str
    kind: StorageKind
    min_gb: int
    max_gb: int
    price_micros_per_gb_hour: int
    regions: tuple[str, ...]
    price_changes: PriceHistory = ()
    """Later prices, each with the second from which it applies."""


class _Entry(Protocol):
    @property
    def id(self) -> str: ...


E = TypeVar("E", bound=_Entry)


@dataclass(frozen=True)
class Catalog:
    """All entries on sale at one moment, in the order of display."""

    regions: tuple[Region, ...] = ()
    instance_types: tuple[InstanceType, ...] = ()
    images: tuple[Image, ...] = ()
    storage_plans: tuple[StoragePlan, ...] = ()

    def region(self, region_id: str) -> Region | None:
        """Return the region with this id."""
        return _find(self.regions, region_id)

    def instance_type(self, instance_type_id: str) -> InstanceType | None:
        """Return the instance type with this id."""
        return _find(self.instance_types, instance_type_id)

    def image(self, image_id: str) -> Image | None:
        """Return the image with this id."""
        return _find(self.images, image_id)

    def storage_plan(self, kind: StorageKind, region_id: str) -> StoragePlan | None:
        """Return the plan for storage of `kind` in `region_id`."""
        return next((plan for plan in self.storage_plans if plan.kind == kind and region_id in plan.regions), None)


def _find(entries: Iterable[E], entry_id: str) -> E | None:
    return next((entry for entry in entries if entry.id == entry_id), None)


class Freshness(StrEnum):
    """How current a figure of free capacity is."""

    LIVE = "live"
    """Measured just now."""
    STALE = "stale"
    """The last known figure: the region does not answer, or is being measured."""
    UNKNOWN = "unknown"
    """There is no figure."""


@dataclass(frozen=True)
class RegionCapacity:
    """The free capacity of one region; the last three fields are None if `freshness` is UNKNOWN."""

    region_id: str
    freshness: Freshness
    free_units: Mapping[str, int] | None = None
    """By resource class."""
    measured_at: datetime | None = None
    age_seconds: int | None = None

    def units(self, resource_class: str) -> int | None:
        """Return the free units of `resource_class`; None if unknown."""
        return None if self.free_units is None else self.free_units.get(resource_class, 0)

    def has_room(self, resource_class: str, units: int) -> bool | None:
        """Whether `units` are free, across all hosts; None if unknown."""
        free = self.units(resource_class)
        return None if free is None else free >= units


@dataclass(frozen=True)
class GpuStock:
    """The free GPUs of one variant in one region."""

    capacity: RegionCapacity
    model: str
    link: GpuLink
    free_gpus: int | None
    """None if unknown."""
    has_room: Mapping[str, bool | None]
    """By instance type of the variant on sale here: whether there is capacity for one more machine; None if
    unknown.
    """


Priced = InstanceType | Image | StoragePlan
PRICE_FIELDS: Mapping[type, tuple[str, str]] = {
    InstanceType: ("INSTANCE_TYPE", "price_micros_per_hour"),
    Image: ("IMAGE", "surcharge_micros_per_hour"),
    StoragePlan: ("STORAGE_PLAN", "price_micros_per_gb_hour"),
}
"""For each kind of entry: the prefix of its prices in the price sheet, and the field with the price."""


def price_name(entry: Priced) -> str:
    """Return the permanent name of an entry's price in the price sheet, such as `INSTANCE_TYPE#cpu-4x8`."""
    return f"{PRICE_FIELDS[type(entry)][0]}#{entry.id}"


def history(entry: Priced) -> PriceHistory:
    """Return the entry's first price and its changes."""
    return (PriceChange(0, getattr(entry, PRICE_FIELDS[type(entry)][1])), *entry.price_changes)


@dataclass(frozen=True)
class Storage:
    """A storage plan with the chosen size."""

    plan: StoragePlan
    size_gb: int


@dataclass(frozen=True)
class Offer:
    """An instance type, image, region and storage that go together."""

    region: Region
    instance_type: InstanceType
    image: Image
    storage: Storage

    @property
    def price_micros_per_hour(self) -> int:
        """The price of one hour."""
        return price_micros_per_hour(self.instance_type, self.image, self.storage)

    @property
    def price_parts(self) -> Parts:
        """The units of each price that add up to this price, by price name."""
        return {
            price_name(self.instance_type): 1,
            price_name(self.image): 1,
            price_name(self.storage.plan): self.storage.size_gb,
        }

    @property
    def price_changes(self) -> Sequence[PriceChange]:
        """The announced changes of this price: times in seconds, and the price from then on."""
        parts = (self.instance_type, self.image, self.storage.plan)
        known = PriceSheet({price_name(part): history(part) for part in parts})
        return list(known.changes_of(self.price_parts, 0))

    @property
    def resource_class(self) -> str | None:
        """The resource class that it consumes; None if its capacity is not counted."""
        return self.instance_type.gpu.resource_class if self.instance_type.gpu else None

    @property
    def resource_units(self) -> int:
        """The units of `resource_class` that it consumes."""
        return self.instance_type.gpu.count if self.instance_type.gpu else 0

    @property
    def needs_rsa_key(self) -> bool:
        """Whether it needs an RSA key, because Windows encrypts the machine's password with the SSH key."""
        return self.image.os_family is OsFamily.WINDOWS

    def machine_spec(self, *, ssh_public_key: str, tags: Mapping[str, str], user_data: str = "") -> MachineSpec:
        """Return the specification for the provider.

        Args:
            ssh_public_key: in OpenSSH's format.
            tags: the ids of its owner: `customer` and `deployment`.
            user_data: runs at the first boot.
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
    """Return the price of one hour: of the type, the image's licence, and each GB of storage."""
    return (
        instance_type.price_micros_per_hour
        + image.surcharge_micros_per_hour
        + storage.plan.price_micros_per_gb_hour * storage.size_gb
    )
