"""A customer's request becomes an offer, or a list of everything that is wrong with it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cloud.catalog.models import Offer, Storage, price_micros_per_hour
from chalicelib.domain.cloud.catalog.offers import resolve, storage_limits_gb
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.kernel.errors import InvalidInput
from tests.support.catalogs import image, instance_type, small_catalog, storage_plan

LOCAL, NETWORK = StorageKind.LOCAL, StorageKind.NETWORK


def offer(
    region: str = "montreal",
    instance_type: str = "cpu-4x8",
    image: str = "ubuntu",
    kind: StorageKind = LOCAL,
    size_gb: int | None = None,
) -> Offer:
    return resolve(small_catalog(), region, instance_type, image, kind, size_gb)


def refusal(*wanted: Any, **named: Any) -> dict[str, str]:
    """The details of a refusal, by field."""
    with pytest.raises(InvalidInput) as refused:
        offer(*wanted, **named)
    return {detail.field: detail.message for detail in refused.value.details}


def test_the_price_is_the_types_the_licences_and_each_gb() -> None:
    windows = offer(image="windows", kind=NETWORK, size_gb=250)
    assert windows.price_micros_per_hour == 100_000 + 40_000 + 250 * 100


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(1, 10**5))
def test_the_price_is_exact_and_grows_with_every_part(base: int, licence: int, per_gb: int, size_gb: int) -> None:
    price = price_micros_per_hour(
        instance_type("t", price_micros_per_hour=base),
        image("i", surcharge_micros_per_hour=licence),
        Storage(storage_plan(NETWORK, price_micros_per_gb_hour=per_gb), size_gb),
    )
    assert type(price) is int
    assert price - base - licence == per_gb * size_gb


def test_an_offer_translates_into_the_providers_words() -> None:
    spec = offer(kind=NETWORK, size_gb=50).machine_spec(
        ssh_public_key="ssh-ed25519 AAAA", tags={"customer": "cus_1"}, user_data="#!/bin/sh"
    )
    assert (spec.template, spec.flavor, spec.image) == ("cpu_instance/v1", "flavor-cpu-4x8", "ubuntu-yul")
    assert (spec.network, spec.public_network) == ("tenant-yul", "public-yul")
    assert (spec.storage_kind, spec.storage_gb) == (NETWORK, 50)
    assert (spec.ssh_public_key, spec.tags, spec.user_data) == (
        "ssh-ed25519 AAAA",
        {"customer": "cus_1"},
        "#!/bin/sh",
    )


def test_windows_brings_its_own_template_and_needs_an_rsa_key() -> None:
    windows = offer(image="windows")
    assert windows.machine_spec(ssh_public_key="", tags={}).template == "windows_instance/v1"
    assert windows.needs_rsa_key
    assert not offer().needs_rsa_key


def test_only_gpus_are_counted() -> None:
    gpu = offer(instance_type="h100-pcie-2", image="cuda")
    assert (gpu.resource_class, gpu.resource_units) == ("CUSTOM_GPU_H100_PCIE", 2)
    assert (offer().resource_class, offer().resource_units) == (None, 0)


@pytest.mark.parametrize("size_gb", [None, 10, 99, 100])
def test_local_storage_is_the_whole_disk_of_the_type(size_gb: int | None) -> None:
    assert offer(size_gb=size_gb).storage.size_gb == 100


@pytest.mark.parametrize("size_gb", [9, 101, 0, -1])
def test_local_storage_cannot_be_more_than_the_disk(size_gb: int) -> None:
    assert refusal(size_gb=size_gb) == {"storage.sizeGb": "Local storage of CPU-4X8 is from 10 to 100 GB."}


@pytest.mark.parametrize("size_gb", [10, 1000])
def test_network_storage_has_the_size_that_is_asked_for(size_gb: int) -> None:
    assert offer(kind=NETWORK, size_gb=size_gb).storage.size_gb == size_gb


@pytest.mark.parametrize("size_gb", [9, 1001])
def test_network_storage_stays_within_its_plan(size_gb: int) -> None:
    assert refusal(kind=NETWORK, size_gb=size_gb) == {
        "storage.sizeGb": "Network storage of CPU-4X8 is from 10 to 1000 GB."
    }


def test_network_storage_needs_a_size() -> None:
    assert refusal(kind=NETWORK) == {"storage.sizeGb": "Say how many GB, from 10 to 1000."}


def test_a_kind_of_storage_that_a_region_lacks_is_refused_with_what_it_has() -> None:
    message = "Oslo has no network storage; choose local."
    assert refusal("oslo", kind=NETWORK, size_gb=50) == {"storage.kind": message}


def test_a_plan_never_promises_more_than_the_disk_or_less_than_nothing() -> None:
    small = instance_type("small", local_disk_gb=5)
    assert storage_limits_gb(storage_plan(LOCAL), small) == (5, 5)


def test_an_unknown_region_is_refused_with_those_that_are_open() -> None:
    assert refusal("mars") == {"region": "There is no such region; choose montreal or oslo."}


def test_a_closed_region_accepts_no_machine() -> None:
    assert refusal("texas") == {"region": "Texas takes no new machines now; choose montreal or oslo."}


def test_a_type_that_is_not_sold_in_a_region_is_refused_with_where_it_is() -> None:
    message = "CPU-1X1 is not sold in Oslo; it is sold in montreal."
    assert refusal("oslo", "cpu-1x1") == {"instanceType": message}


def test_an_unknown_type_or_image_says_where_to_look() -> None:
    wrong = refusal(instance_type="cpu-9x9", image="beos")
    assert "/catalog/instance-types" in wrong["instanceType"]
    assert "/catalog/images" in wrong["imageId"]


@pytest.mark.parametrize(
    ("type_id", "image_id", "message"),
    [
        ("cpu-4x8", "cuda", "Cuda does not fit CPU-4X8: choose a type with GPUs."),
        ("h100-pcie-2", "windows", "Windows does not fit H100-PCIE-2: choose a type without GPUs."),
        ("cpu-1x1", "windows", "Windows needs a disk of 40 GB; CPU-1X1 has 20 GB."),
    ],
)
def test_an_image_that_does_not_fit_is_refused_with_the_reason(type_id: str, image_id: str, message: str) -> None:
    assert refusal(instance_type=type_id, image=image_id) == {"imageId": message}


def test_an_image_with_too_little_memory_is_refused() -> None:
    catalog = small_catalog()
    hungry = image("hungry", min_memory_gb=64)
    with pytest.raises(InvalidInput, match="needs 64 GB of memory"):
        resolve(
            type(catalog)(catalog.regions, catalog.instance_types, (hungry,), catalog.storage_plans),
            "montreal",
            "cpu-4x8",
            "hungry",
            LOCAL,
            None,
        )


def test_an_image_that_a_region_lacks_is_refused_with_where_it_is() -> None:
    assert refusal("oslo", image="windows") == {"imageId": "Windows is not offered in Oslo; it is in montreal."}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert refusal("oslo", "cpu-1x1", "windows", NETWORK, 5).keys() == {
        "instanceType",
        "imageId",
        "storage.kind",
    }
    assert refusal("mars", "cpu-9x9", "beos", LOCAL, 5).keys() == {"region", "instanceType", "imageId"}
