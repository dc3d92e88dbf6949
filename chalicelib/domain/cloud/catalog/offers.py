"""Resolves the ids of a request into an offer with the provider's names and the price."""

from collections.abc import Iterable

from chalicelib.domain.cloud.catalog.models import (
    Catalog,
    Hardware,
    Image,
    InstanceType,
    Offer,
    Region,
    Storage,
    StoragePlan,
)
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.kernel.errors import FieldError, InvalidInput


def resolve(
    catalog: Catalog,
    region: str,
    instance_type: str,
    image: str,
    storage_kind: StorageKind,
    size_gb: int | None,
) -> Offer:
    """Return the offer for these ids.

    Local storage is the instance type's own disk: any size up to it is accepted, or none, and the machine gets the
    whole disk. Network storage is added to it, in the requested size.

    Raises:
        InvalidInput: with a detail for each invalid field.
    """
    wrong: list[FieldError] = []
    found_region = _region(catalog, region, wrong)
    found_type = _instance_type(catalog, instance_type, found_region, wrong)
    found_image = _image(catalog, image, found_region, found_type, wrong)
    storage = _storage(catalog, storage_kind, size_gb, found_region, found_type, wrong)
    if found_region and found_type and found_image and storage and not wrong:
        return Offer(found_region, found_type, found_image, storage)
    raise InvalidInput(wrong[0].message if len(wrong) == 1 else None, details=wrong)


def _region(catalog: Catalog, region_id: str, wrong: list[FieldError]) -> Region | None:
    region = catalog.region(region_id)
    if region is None or not region.is_open:
        open_now = _names(r.id for r in catalog.regions if r.is_open)
        what = "There is no such region" if region is None else f"{region.name} takes no new machines now"
        wrong.append(FieldError("region", f"{what}; choose {open_now}."))
        return None
    return region


def _instance_type(
    catalog: Catalog, type_id: str, region: Region | None, wrong: list[FieldError]
) -> InstanceType | None:
    found = catalog.instance_type(type_id)
    if found is None:
        message = "There is no such instance type; GET /catalog/instance-types lists them."
        wrong.append(FieldError("instanceType", message))
    elif region is not None and region.id not in found.regions:
        message = f"{found.name} is not sold in {region.name}; it is sold in {_names(found.regions)}."
        wrong.append(FieldError("instanceType", message))
    return found


def _image(
    catalog: Catalog,
    image_id: str,
    region: Region | None,
    instance_type: InstanceType | None,
    wrong: list[FieldError],
) -> Image | None:
    image = catalog.image(image_id)
    if image is None:
        wrong.append(FieldError("imageId", "There is no such image; GET /catalog/images lists them."))
        return None
    if region is not None and region.id not in image.provider_images:
        message = f"{image.name} is not offered in {region.name}; it is in {_names(image.provider_images)}."
        wrong.append(FieldError("imageId", message))
    elif instance_type is not None and (reason := _misfit(image, instance_type)):
        wrong.append(FieldError("imageId", reason))
    return image


def _misfit(image: Image, instance_type: InstanceType) -> str | None:
    """Return why `image` cannot run on `instance_type`, or None."""
    hardware = Hardware.GPU if instance_type.gpu else Hardware.CPU
    if hardware not in image.fits:
        with_or_without = "without" if instance_type.gpu else "with"
        return f"{image.name} does not fit {instance_type.name}: choose a type {with_or_without} GPUs."
    if instance_type.local_disk_gb < image.min_disk_gb:
        return (
            f"{image.name} needs a disk of {image.min_disk_gb} GB; "
            f"{instance_type.name} has {instance_type.local_disk_gb} GB."
        )
    if instance_type.memory_gb < image.min_memory_gb:
        return (
            f"{image.name} needs {image.min_memory_gb} GB of memory; "
            f"{instance_type.name} has {instance_type.memory_gb} GB."
        )
    return None


def _storage(
    catalog: Catalog,
    kind: StorageKind,
    size_gb: int | None,
    region: Region | None,
    instance_type: InstanceType | None,
    wrong: list[FieldError],
) -> Storage | None:
    if region is None or instance_type is None:
        return None
    plan = catalog.storage_plan(kind, region.id)
    if plan is None:
        kinds = _names(p.kind for p in catalog.storage_plans if region.id in p.regions)
        wrong.append(FieldError("storage.kind", f"{region.name} has no {kind} storage; choose {kinds}."))
        return None
    low, high = storage_limits_gb(plan, instance_type)
    if size_gb is None and kind is StorageKind.NETWORK:
        wrong.append(FieldError("storage.sizeGb", f"Say how many GB, from {low} to {high}."))
        return None
    if size_gb is not None and not low <= size_gb <= high:
        subject = f"{kind.capitalize()} storage of {instance_type.name}"
        wrong.append(FieldError("storage.sizeGb", f"{subject} is from {low} to {high} GB."))
        return None
    return Storage(plan, size_gb if kind is StorageKind.NETWORK and size_gb else instance_type.local_disk_gb)


def storage_limits_gb(plan: StoragePlan, instance_type: InstanceType) -> tuple[int, int]:
    """Return the minimum and maximum size of `plan` for a machine of `instance_type`."""
    if plan.kind is StorageKind.LOCAL:
        high = min(plan.max_gb, instance_type.local_disk_gb)
        return min(plan.min_gb, high), high
    return plan.min_gb, plan.max_gb


def _names(names: Iterable[str]) -> str:
    """Join names like `montreal, oslo or texas`."""
    *first, last = list(names) or ["none"]
    return f"{', '.join(first)} or {last}" if first else last
