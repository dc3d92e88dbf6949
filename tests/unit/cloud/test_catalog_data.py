"""The catalogue's data is consistent, and matches the simulated cloud, which is the default target."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.domain.cloud.catalog.models import Catalog, Hardware
from chalicelib.domain.cloud.catalog.prices import priced_entries
from chalicelib.domain.money.metering.models import PriceChange
from tools.catalog_data import CATALOG, CatalogError, merge_patch, read_catalog

_ROOT = Path(__file__).parents[3]
_OVERLAY = _ROOT / "dev/targets/openstack.yaml"


@pytest.fixture(scope="module", params=[None, _OVERLAY], ids=["as it is", "on the development cloud"])
def catalog(request: pytest.FixtureRequest) -> Catalog:
    return read_catalog(overlay=request.param)


@pytest.fixture(scope="module")
def simulated() -> Any:
    return yaml.safe_load((_ROOT / "dev/simulators/openstack/region.yaml").read_text())


def test_what_the_product_must_sell_is_sold() -> None:
    catalog = read_catalog()
    assert {region.name for region in catalog.regions} == {"Montreal", "Oslo", "Texas"}
    assert {entry.gpu.variant for entry in catalog.instance_types if entry.gpu} == {
        "h100-nvlink",
        "h100-pcie",
        "a100-nvlink",
        "a100-pcie",
    }
    assert any(entry.gpu is None for entry in catalog.instance_types)
    assert {image.id for image in catalog.images} == {
        "ubuntu-22.04",
        "ubuntu-20.04",
        "oblivus-ai",
        "windows-server-2022",
    }
    assert {plan.kind for plan in catalog.storage_plans} == {"local", "network"}


def test_every_type_has_a_price_and_is_sold_where_it_can_be_built(catalog: Catalog) -> None:
    open_regions = {region.id for region in catalog.regions if region.is_open}
    for entry in catalog.instance_types:
        assert entry.price_micros_per_hour > 0, entry.id
        assert open_regions.intersection(entry.regions), entry.id
        assert entry.template == ("gpu_instance/v1" if entry.gpu else "cpu_instance/v1"), entry.id


def test_every_image_fits_something_and_every_type_has_an_image(catalog: Catalog) -> None:
    fitting = {
        (image.id, entry.id)
        for image in catalog.images
        for entry in catalog.instance_types
        if (Hardware.GPU if entry.gpu else Hardware.CPU) in image.fits
        and image.min_disk_gb <= entry.local_disk_gb
        and image.min_memory_gb <= entry.memory_gb
        and set(image.provider_images).intersection(entry.regions)
    }
    assert {image_id for image_id, _ in fitting} == {image.id for image in catalog.images}
    assert {type_id for _, type_id in fitting} == {entry.id for entry in catalog.instance_types}


def test_local_storage_plans_cover_every_disk(catalog: Catalog) -> None:
    largest = max(entry.local_disk_gb for entry in catalog.instance_types)
    assert all(plan.max_gb >= largest for plan in catalog.storage_plans if plan.kind == "local")


def test_more_gpus_of_a_variant_cost_proportionally(catalog: Catalog) -> None:
    per_gpu = {
        (entry.gpu.variant, entry.price_micros_per_hour // entry.gpu.count)
        for entry in catalog.instance_types
        if entry.gpu
    }
    assert len(per_gpu) == len({variant for variant, _ in per_gpu})


def test_flavors_are_what_the_simulated_cloud_has(simulated: Any) -> None:
    flavors = {flavor["name"]: flavor for flavor in simulated["flavors"]}
    for entry in read_catalog().instance_types:
        flavor = flavors[entry.flavor]
        sizes = (flavor["vcpus"], flavor["ram_mb"], flavor["disk_gb"])
        assert sizes == (entry.vcpus, entry.memory_gb * 1024, entry.local_disk_gb), entry.id
        wanted = {f"trait:{trait}": "required" for trait in entry.required_traits}
        if entry.gpu:
            wanted[f"resources:{entry.gpu.resource_class}"] = str(entry.gpu.count)
        assert flavor.get("extra_specs", {}) == wanted, entry.id


def test_images_are_what_the_simulated_cloud_has(simulated: Any) -> None:
    images = {image["name"]: image for image in simulated["images"]}
    for image in read_catalog().images:
        for name in image.provider_images.values():
            assert images[name].get("min_disk_gb", 0) <= image.min_disk_gb, image.id


def test_every_region_is_simulated_with_the_gpus_that_it_sells(simulated: Any) -> None:
    counted = {
        region["id"]: {name for host in region["hosts"] for name in host["inventory"]}
        for region in simulated["regions"]
    }
    for entry in read_catalog().instance_types:
        for region in entry.regions:
            assert entry.gpu is None or entry.gpu.resource_class in counted[region], (entry.id, region)


def test_the_overlay_keeps_the_ids_that_the_demonstration_uses() -> None:
    overlaid = read_catalog(overlay=_OVERLAY)
    cpu, gpu = overlaid.instance_type("cpu-2x4"), overlaid.instance_type("h100-pcie-1")
    assert cpu is not None
    assert cpu.flavor == "cpu-small"
    assert gpu is not None
    assert gpu.gpu is not None
    assert (gpu.flavor, gpu.gpu.resource_class) == ("gpu-h100", "CUSTOM_GPU_H100")
    assert [region.id for region in overlaid.regions if region.is_open] == ["montreal"]


@pytest.mark.parametrize(
    ("patch", "complaint"),
    [
        ("instance_types: {cpu-2x4: {price_per_hour: '0.0000001'}}", "instance_types.cpu-2x4.price_per_hour"),
        ("instance_types: {cpu-2x4: {price_per_hour: 0.1}}", "instance_types.cpu-2x4.price_per_hour"),
        ("instance_types: {cpu-2x4: {price_per_hour: '-1'}}", "a price is not negative"),
        ("instance_types: {cpu-2x4: {template: cpu_instance/v99}}", "heat_templates/cpu_instance/v99.yaml"),
        ("instance_types: {cpu-2x4: {regions: [mars]}}", "names unknown regions: mars"),
        ("instance_types: {cpu-2x4: {regions: []}}", "instance_types.cpu-2x4.regions"),
        ("instance_types: {cpu-2x4: {colour: red}}", "instance_types.cpu-2x4.colour"),
        ("instance_types: {CPU: {}}", "instance_types.CPU"),
        ("instance_types: {h100-pcie-1: {gpu: {resource_class: CUSTOM_OTHER}}}", "counted as CUSTOM_OTHER"),
        ("images: {ubuntu-22.04: {provider_images: {mars: x}}}", "names unknown regions: mars"),
        ("images: {ubuntu-22.04: {fits: []}}", "images.ubuntu-22.04.fits"),
        ("storage_plans: {network: {min_gb: 20000}}", "min_gb is more than max_gb"),
        ("storage_plans: {network: {kind: local}}", "another plan of kind local"),
        *(
            (f"instance_types: {{cpu-2x4: {{price_changes: [{changes}]}}}}", complaint)
            for changes, complaint in {
                "{effective_from: 2031-01-01T00:00:00, price: '1'}": "timezone",
                "{effective_from: 2031-01-01, price: '1'}": "timezone",
                "{effective_from: 1924992000, price: '1'}": "give a moment",
                "{effective_from: 2031-01-01T00:00:00.5Z, price: '1'}": "at a whole second",
                "{effective_from: 2031-01-01T00:00:00Z, price: '-1'}": "a price is not negative",
                "{effective_from: 2031-01-01T00:00:00Z}": "cpu-2x4.price_changes.0.price",
                ", ".join(
                    ["{effective_from: 2031-01-01T00:00:00Z, price: '1'}"] * 2
                ): "in the order of their moments",
            }.items()
        ),
        ("storage_plans: null", "storage_plans"),
        ("regions: {oslo: {country: Norway}}", "regions.oslo.country"),
        ("regions: {oslo: {}, oslo: {}}", "given twice: oslo"),
        ("regions: [", "while parsing"),
    ],
)
def test_data_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, patch: str, complaint: str) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(patch)
    with pytest.raises(CatalogError) as refused:
        read_catalog(overlay=overlay)
    assert complaint in str(refused.value)


def test_changes_of_prices_are_read_with_their_seconds(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    change = "price_changes: [{effective_from: 2031-01-01T01:00:00+01:00, price: '0.5'}]"
    overlay.write_text(
        f"{{instance_types: {{cpu-2x4: {{{change}}}}}, images: {{ubuntu-22.04: {{{change}}}}}, "
        f"storage_plans: {{network: {{{change}}}}}}}"
    )
    catalog = read_catalog(overlay=overlay)
    expected = (PriceChange(1_924_992_000, 500_000),)
    changed = [entry for entry in priced_entries(catalog) if entry.price_changes]
    assert [entry.id for entry in changed] == ["cpu-2x4", "ubuntu-22.04", "network"]
    assert {entry.price_changes for entry in changed} == {expected}


def test_a_key_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    for file in CATALOG.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    with (tmp_path / "images.yaml").open("a") as images:
        images.write("ubuntu-22.04: {}\n")
    with pytest.raises(CatalogError, match=r"given twice: ubuntu-22\.04"):
        read_catalog(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"regions\.yaml: No such file"):
        read_catalog(tmp_path)


@pytest.mark.parametrize(  # RFC 7396, appendix A
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_an_overlay_is_a_json_merge_patch(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result
