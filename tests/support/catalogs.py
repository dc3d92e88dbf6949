"""Small catalogue entries for tests, with a value for every required field."""

from typing import Any

from chalicelib.domain.cloud.catalog.models import (
    Catalog,
    Gpu,
    GpuLink,
    Hardware,
    Image,
    ImageKind,
    InstanceType,
    OsFamily,
    Region,
    StoragePlan,
)
from chalicelib.domain.cloud.providers.models import StorageKind


def region(region_id: str, **changes: Any) -> Region:
    """A region of OpenStack."""
    return Region(
        **{"id": region_id, "name": region_id.title(), "country": "CA", "provider": "openstack"} | changes
    )


def instance_type(type_id: str, *, gpus: int = 0, **changes: Any) -> InstanceType:
    """A type with 100 GB of disk, sold in montreal and oslo for 0.10 an hour; its GPUs are PCIe H100s."""
    fields: dict[str, Any] = {
        "id": type_id,
        "name": type_id.upper(),
        "vcpus": 4,
        "memory_gb": 8,
        "local_disk_gb": 100,
        "gpu": Gpu("H100", GpuLink.PCIE, gpus, 80, "CUSTOM_GPU_H100_PCIE") if gpus else None,
        "regions": ("montreal", "oslo"),
        "price_micros_per_hour": 100_000,
        "flavor": f"flavor-{type_id}",
        "template": "gpu_instance/v1" if gpus else "cpu_instance/v1",
    }
    return InstanceType(**fields | changes)


def image(image_id: str, **changes: Any) -> Image:
    """A Linux image that fits everything, in montreal and oslo."""
    fields: dict[str, Any] = {
        "id": image_id,
        "name": image_id.title(),
        "kind": ImageKind.MACHINE,
        "os_family": OsFamily.LINUX,
        "min_disk_gb": 10,
        "min_memory_gb": 1,
        "fits": frozenset(Hardware),
        "provider_images": {"montreal": f"{image_id}-yul", "oslo": f"{image_id}-osl"},
    }
    return Image(**fields | changes)


def storage_plan(kind: StorageKind, **changes: Any) -> StoragePlan:
    """A plan from 10 to 1000 GB, in montreal and oslo; network storage costs 100 micro-dollars a GB and hour."""
    fields: dict[str, Any] = {
        "id": kind.value,
        "name": kind.value.title(),
        "kind": kind,
        "min_gb": 10,
        "max_gb": 1000,
        "price_micros_per_gb_hour": 100 if kind is StorageKind.NETWORK else 0,
        "regions": ("montreal", "oslo"),
    }
    return StoragePlan(**fields | changes)


def small_catalog() -> Catalog:
    """Two open regions and a closed one, a type with GPUs and two without, and images of each kind."""
    return Catalog(
        regions=(
            region("montreal", network="tenant-yul", public_network="public-yul"),
            region("oslo"),
            region("texas", is_open=False),
        ),
        instance_types=(
            instance_type("cpu-4x8"),
            instance_type("cpu-1x1", memory_gb=1, local_disk_gb=20, regions=("montreal",)),
            instance_type("h100-pcie-2", gpus=2, memory_gb=360, price_micros_per_hour=4_000_000),
        ),
        images=(
            image("ubuntu"),
            image("cuda", fits=frozenset({Hardware.GPU}), min_memory_gb=16),
            image(
                "windows",
                os_family=OsFamily.WINDOWS,
                fits=frozenset({Hardware.CPU}),
                min_disk_gb=40,
                min_memory_gb=4,
                surcharge_micros_per_hour=40_000,
                template="windows_instance/v1",
                provider_images={"montreal": "win"},
            ),
        ),
        storage_plans=(
            storage_plan(StorageKind.LOCAL),
            storage_plan(StorageKind.NETWORK, regions=("montreal",)),
        ),
    )
