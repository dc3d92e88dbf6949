"""What is sold, where and for how much.

These answers are public: a visitor compares prices before registering, and they hold nothing about anybody.
They are limited per address like every public endpoint, and since they are the same for everyone, whoever asks
may keep them for a minute, as each process here does itself. Free GPUs are not to be kept: their age is in the
answer, and however many ask, a region is looked at once in fifteen seconds.
"""

from chalicelib.domain.cloud.catalog.service import check_region
from chalicelib.http import Listing, Reply, endpoint
from chalicelib.wiring.app import app
from functions.cloud.catalog.schemas import (
    CatalogImageView,
    GpuAvailabilityQuery,
    GpuAvailabilityView,
    ImageQuery,
    InstanceTypeQuery,
    InstanceTypeView,
    RegionView,
    StoragePlanView,
)

_CACHEABLE = {"Cache-Control": "public, max-age=60"}


@endpoint("GET", "/regions", public=True)
def list_regions() -> Reply[Listing[RegionView]]:
    """List the regions; only those that are open take new machines."""
    regions = app().cloud.catalog.current().regions
    return Reply(Listing([RegionView.of(region) for region in regions]), headers=_CACHEABLE)


@endpoint("GET", "/catalog/instance-types", public=True)
def list_instance_types(query: InstanceTypeQuery) -> Reply[Listing[InstanceTypeView]]:
    """List the instance types with their prices."""
    found = app().cloud.catalog.instance_types(query.region, query.gpu)
    return Reply(Listing([InstanceTypeView.of(entry) for entry in found]), headers=_CACHEABLE)


@endpoint("GET", "/catalog/images", public=True)
def list_catalog_images(query: ImageQuery) -> Reply[Listing[CatalogImageView]]:
    """List the images that machines can start from."""
    found = app().cloud.catalog.images(query.kind)
    return Reply(Listing([CatalogImageView.of(image) for image in found]), headers=_CACHEABLE)


@endpoint("GET", "/catalog/storage-plans", public=True)
def list_storage_plans() -> Reply[Listing[StoragePlanView]]:
    """List the kinds of storage with their limits and prices."""
    plans = app().cloud.catalog.current().storage_plans
    return Reply(Listing([StoragePlanView.of(plan) for plan in plans]), headers=_CACHEABLE)


@endpoint("GET", "/catalog/gpu-availability", public=True, asks_provider=True, memory_mb=1024)
def list_gpu_availability(query: GpuAvailabilityQuery) -> Listing[GpuAvailabilityView]:
    """List the free GPUs of each variant in each open region, as the regions themselves say now.

    A region that does not answer keeps its last figures for ten minutes, with their age, and is unknown after.
    """
    catalog = app().cloud.catalog.current()
    if query.region is not None:
        check_region(catalog, query.region)
    stock = app().cloud.gpu_availability.stock(catalog, query.region)
    return Listing([GpuAvailabilityView.of(entry) for entry in stock])
