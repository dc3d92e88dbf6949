"""Requests and responses of the catalogue endpoints."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.cloud.catalog import models
from chalicelib.domain.cloud.catalog.models import Freshness, GpuLink, GpuStock, Hardware, ImageKind, OsFamily
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.domain.money.metering.models import PriceChange
from chalicelib.http import ApiModel, Money
from chalicelib.kernel.clock import from_epoch_seconds

CatalogId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
"""An id of the catalogue, chosen by people: `montreal`, `h100-pcie-2`."""


class InstanceTypeQuery(ApiModel):
    """Selects instance types."""

    region: CatalogId | None = Field(default=None, description="Sold in this region", examples=["montreal"])
    gpu: CatalogId | None = Field(
        default=None,
        description="With this GPU, in any variant or in this one; `none` for machines without a GPU",
        examples=["h100", "a100-pcie", "none"],
    )


class ImageQuery(ApiModel):
    """Selects images."""

    kind: ImageKind | None = Field(default=None, description="What the image starts")


class GpuAvailabilityQuery(ApiModel):
    """Selects regions and GPUs."""

    region: CatalogId | None = Field(default=None, examples=["montreal"])


class RegionView(ApiModel):
    """A place where machines run."""

    id: str = Field(examples=["montreal"])
    name: str = Field(examples=["Montreal"])
    country: str = Field(description="ISO 3166-1 alpha-2", examples=["CA"])
    open: bool = Field(description="Whether new machines can be made here now")

    @classmethod
    def of(cls, region: models.Region) -> Self:
        """The view of `region`."""
        return cls(id=region.id, name=region.name, country=region.country, open=region.is_open)


class GpuView(ApiModel):
    """The GPUs of an instance type."""

    model: str = Field(examples=["H100"])
    link: GpuLink = Field(description="How they are connected")
    count: int = Field(examples=[2])
    memory_gb: int = Field(description="Of one GPU", examples=[80])

    @classmethod
    def of(cls, gpu: models.Gpu) -> Self:
        """The view of `gpu`."""
        return cls(model=gpu.model, link=gpu.link, count=gpu.count, memory_gb=gpu.memory_gb)


class PriceChangeView(ApiModel):
    """An announced price. Machines that are running then cost it from that moment on."""

    effective_from: datetime
    price: Money = Field(description="replaces the current price")

    @classmethod
    def of(cls, change: PriceChange) -> Self:
        """The view of `change`."""
        return cls(effective_from=from_epoch_seconds(change.at), price=Money.of(change.micros_per_hour))

    @classmethod
    def all_of(cls, changes: Iterable[PriceChange]) -> list[Self]:
        """The views of `changes`."""
        return [cls.of(change) for change in changes]


class InstanceTypeView(ApiModel):
    """A size of machine."""

    id: str = Field(examples=["h100-pcie-2"])
    name: str = Field(examples=["2 x H100 PCIe"])
    vcpus: int = Field(examples=[56])
    memory_gb: int = Field(examples=[360])
    local_disk_gb: int = Field(description="The disk that comes with it", examples=[1500])
    gpu: GpuView | None
    regions: list[str] = Field(description="Where it is sold", examples=[["montreal", "oslo"]])
    price_per_hour: Money
    price_changes: list[PriceChangeView] = Field(description="Those that are announced, soonest first")

    @classmethod
    def of(cls, entry: models.InstanceType) -> Self:
        """The view of `entry`."""
        return cls(
            id=entry.id,
            name=entry.name,
            vcpus=entry.vcpus,
            memory_gb=entry.memory_gb,
            local_disk_gb=entry.local_disk_gb,
            gpu=GpuView.of(entry.gpu) if entry.gpu else None,
            regions=list(entry.regions),
            price_per_hour=Money.of(entry.price_micros_per_hour),
            price_changes=PriceChangeView.all_of(entry.price_changes),
        )


class CatalogImageView(ApiModel):
    """An image that a machine starts from."""

    id: str = Field(examples=["ubuntu-22.04"])
    name: str = Field(examples=["Ubuntu 22.04 LTS"])
    kind: ImageKind
    os_family: OsFamily
    min_disk_gb: int = Field(description="Least local disk of the instance type", examples=[10])
    min_memory_gb: int = Field(description="Least memory of the instance type", examples=[1])
    fits: list[Hardware] = Field(description="Which instance types: with GPUs, without, or both")
    regions: list[str] = Field(description="Where it is offered", examples=[["montreal", "oslo"]])
    surcharge_per_hour: Money = Field(description="What its licence costs besides the instance type")
    price_changes: list[PriceChangeView] = Field(description="Surcharges that are announced, soonest first")

    @classmethod
    def of(cls, image: models.Image) -> Self:
        """The view of `image`."""
        return cls(
            id=image.id,
            name=image.name,
            kind=image.kind,
            os_family=image.os_family,
            min_disk_gb=image.min_disk_gb,
            min_memory_gb=image.min_memory_gb,
            fits=sorted(image.fits),
            regions=list(image.provider_images),
            surcharge_per_hour=Money.of(image.surcharge_micros_per_hour),
            price_changes=PriceChangeView.all_of(image.price_changes),
        )


class StoragePlanView(ApiModel):
    """A kind of storage. Local storage is also limited by the instance type's disk, and part of its price."""

    id: str = Field(examples=["network"])
    name: str = Field(examples=["Network SSD"])
    kind: StorageKind
    min_gb: int = Field(examples=[10])
    max_gb: int = Field(examples=[10000])
    regions: list[str] = Field(description="Where it is offered", examples=[["montreal", "oslo"]])
    price_per_gb_hour: Money = Field(description="For each GB and hour, besides the instance type")
    price_changes: list[PriceChangeView] = Field(description="Those that are announced, soonest first")

    @classmethod
    def of(cls, plan: models.StoragePlan) -> Self:
        """The view of `plan`."""
        return cls(
            id=plan.id,
            name=plan.name,
            kind=plan.kind,
            min_gb=plan.min_gb,
            max_gb=plan.max_gb,
            regions=list(plan.regions),
            price_per_gb_hour=Money.of(plan.price_micros_per_gb_hour),
            price_changes=PriceChangeView.all_of(plan.price_changes),
        )


class TypeAvailabilityView(ApiModel):
    """Whether one more machine of a type can be built."""

    id: str = Field(examples=["h100-pcie-2"])
    available: bool | None = Field(description="null if unknown")


class GpuAvailabilityView(ApiModel):
    """Free GPUs of one variant in one region."""

    region: str = Field(examples=["montreal"])
    model: str = Field(examples=["H100"])
    link: GpuLink
    status: Freshness = Field(
        description="live: measured just now; stale: the last known figures, see their age; unknown: no figures"
    )
    available: int | None = Field(description="Free GPUs; null if unknown", examples=[6])
    measured_at: datetime | None
    age_seconds: int | None = Field(examples=[4])
    instance_types: list[TypeAvailabilityView]

    @classmethod
    def of(cls, stock: GpuStock) -> Self:
        """The view of `stock`."""
        return cls(
            region=stock.capacity.region_id,
            model=stock.model,
            link=stock.link,
            status=stock.capacity.freshness,
            available=stock.free_gpus,
            measured_at=stock.capacity.measured_at,
            age_seconds=stock.capacity.age_seconds,
            instance_types=[TypeAvailabilityView(id=key, available=room) for key, room in stock.has_room.items()],
        )
