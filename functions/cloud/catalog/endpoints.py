"""Endpoints of the catalogue: regions, instance types, images, storage and free GPUs.

The answers are public and the same for everyone, so that visitors can compare prices before registering. Requests
are limited per address, as at every public endpoint. Clients may cache an answer for a minute, as each process
here does. Free GPUs must not be cached: the answer gives their age, and a region is asked at most once in fifteen
seconds.
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
    """List the free GPUs of each variant in each open region, as the regions report them now.

    For a region that does not answer, the last figures stay for ten minutes, with their age; then it is unknown.
    """
    catalog = app().cloud.catalog.current()
    if query.region is not None:
        check_region(catalog, query.region)
    stock = app().cloud.gpu_availability.stock(catalog, query.region)
    return Listing([GpuAvailabilityView.of(entry) for entry in stock])
