"""The catalogue on the real table, through its endpoints and commands."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords, DynamoMeasurements
from chalicelib.adapters.dynamodb.transactor import DynamoTransactor
from chalicelib.adapters.providers.openstack.config import OpenStackConfig
from chalicelib.adapters.providers.openstack.connections import Connections
from chalicelib.adapters.providers.openstack.provider import OpenStackProvider
from chalicelib.domain.cloud.catalog.availability import GpuAvailability
from chalicelib.domain.cloud.catalog.models import Catalog
from chalicelib.domain.cloud.catalog.ports import Measurement
from chalicelib.domain.money.metering.models import PriceChange
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds
from chalicelib.wiring.app import app
from dev.simulators.openstack.simulator import OpenStackSimulator
from tests.support.api import Api
from tests.support.catalogs import instance_type, region, small_catalog
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tools import check_catalog, load_catalog
from tools.catalog_data import read_catalog

_OVERLAY = "dev/targets/openstack.yaml"


def records() -> DynamoCatalogRecords:
    return DynamoCatalogRecords(DynamoTransactor())


@pytest.fixture
def sold(table: Engine) -> Catalog:
    """Load the small catalogue into the table."""
    catalog = small_catalog()
    records().replace(catalog)
    return catalog


def test_what_was_loaded_is_read_as_it_was(sold: Catalog) -> None:
    assert records().load() == sold


def test_an_empty_table_has_an_empty_catalogue(api: Api) -> None:
    assert records().load() == Catalog()
    assert api.get("/regions").data == []


def test_loading_again_changes_nothing(sold: Catalog, table: Engine) -> None:
    before = table.items()
    assert records().replace(sold) == 0
    assert table.items() == before


def test_what_is_no_longer_listed_is_removed_and_order_is_kept(sold: Catalog) -> None:
    shown = Catalog(regions=tuple(reversed(sold.regions[:2])), instance_types=sold.instance_types[1:])
    records().replace(shown)
    assert records().load() == shown


def test_a_catalogue_larger_than_a_transaction_is_loaded_whole(table: Engine) -> None:
    large = Catalog((region("montreal"),), tuple(instance_type(f"type-{number}") for number in range(150)))
    assert records().replace(large) == 151
    assert records().load() == large


def test_the_command_loads_the_data_of_the_repository(table: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_catalog.main([]) == 0
    assert records().load() == read_catalog()
    assert load_catalog.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("; 0 entries changed")
    assert load_catalog.main(["--overlay", _OVERLAY]) == 0
    assert records().load() == read_catalog(overlay=Path(_OVERLAY))


def test_the_command_refuses_data_that_cannot_be_used(
    sold: Catalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("regions: {oslo: {country: Norway}}")
    assert load_catalog.main(["--overlay", str(overlay)]) == 1
    assert "regions.oslo.country" in capsys.readouterr().err
    assert records().load() == sold


def test_visitors_read_the_regions_and_may_keep_them_for_a_minute(sold: Catalog, api: Api) -> None:
    answer = api.get("/regions")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert answer.data[0] == {"id": "montreal", "name": "Montreal", "country": "CA", "open": True}
    assert [(entry["id"], entry["open"]) for entry in answer.data[1:]] == [("oslo", True), ("texas", False)]


def test_visitors_read_types_with_their_prices_and_nothing_of_the_provider(sold: Catalog, api: Api) -> None:
    (gpu,) = api.get("/catalog/instance-types", query={"region": "oslo", "gpu": "h100-pcie"}).data
    assert gpu == {
        "id": "h100-pcie-2",
        "name": "H100-PCIE-2",
        "vcpus": 4,
        "memoryGb": 360,
        "localDiskGb": 100,
        "gpu": {"model": "H100", "link": "PCIe", "count": 2, "memoryGb": 80},
        "regions": ["montreal", "oslo"],
        "pricePerHour": {"amount": "4.00", "currency": "USD"},
        "priceChanges": [],
    }
    everything = [api.get(f"/catalog/{what}").text for what in ("instance-types", "images", "storage-plans")]
    assert not any(secret in text for text in everything for secret in ("flavor-", "CUSTOM_", "-yul", "/v1"))


def test_visitors_read_which_prices_are_announced(sold: Catalog, api: Api, clock: SettableClock) -> None:
    at = epoch_seconds(clock.now()) + 3600
    changes = (PriceChange(at, 5_000_000), PriceChange(at + 60, 3_000_000))
    types = tuple(replace(entry, price_changes=changes) for entry in sold.instance_types)
    app().cloud.catalog_loader.load(replace(sold, instance_types=types))
    clock.advance(61)

    def shown() -> tuple[str, list[str]]:
        (gpu,) = api.get("/catalog/instance-types", query={"region": "oslo", "gpu": "h100-pcie"}).data
        return gpu["pricePerHour"]["amount"], [change["price"]["amount"] for change in gpu["priceChanges"]]

    assert shown() == ("4.00", ["5.00", "3.00"])
    clock.set(from_epoch_seconds(at - 1))
    assert shown() == ("4.00", ["5.00", "3.00"])
    clock.advance(1)
    assert shown() == ("5.00", ["3.00"])
    clock.advance(60)
    assert shown() == ("3.00", [])


def test_visitors_read_images_and_storage_plans(sold: Catalog, api: Api) -> None:
    images = {image["id"]: image for image in api.get("/catalog/images").data}
    assert images["windows"]["surchargePerHour"] == {"amount": "0.04", "currency": "USD"}
    assert (images["windows"]["fits"], images["windows"]["regions"]) == (["cpu"], ["montreal"])
    assert len(api.get("/catalog/images", query={"kind": "machine"}).data) == 3
    assert api.get("/catalog/images", query={"kind": "container"}).data == []
    plans = {plan["kind"]: plan for plan in api.get("/catalog/storage-plans").data}
    assert plans["network"]["pricePerGbHour"] == {"amount": "0.0001", "currency": "USD"}
    assert (plans["local"]["minGb"], plans["local"]["maxGb"]) == (10, 1000)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/catalog/instance-types", {"region": "mars"}, "region"),
        ("/catalog/instance-types", {"region": "../.."}, "region"),
        ("/catalog/instance-types", {"gpu": "b200"}, "gpu"),
        ("/catalog/instance-types", {"colour": "red"}, "colour"),
        ("/catalog/images", {"kind": "floppy"}, "kind"),
        ("/catalog/gpu-availability", {"region": "mars"}, "region"),
    ],
)
def test_wrong_filters_are_refused_by_name(
    sold: Catalog, api: Api, path: str, query: dict[str, str], field: str
) -> None:
    answer = api.get(path, query=query)
    assert (answer.status, answer.code, answer.fields) == (400, "VALIDATION_ERROR", {field})


class Counted:
    """`SupportsCapacity` that counts its calls."""

    def __init__(self) -> None:
        self.looks = 0

    def free_units(self, region: str) -> Mapping[str, int]:
        self.looks += 1
        return {"CUSTOM_GPU_H100_PCIE": 3}


def test_free_gpus_are_measured_once_for_all_processes(
    sold: Catalog, api: Api, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    capacity = Counted()
    give(cloud={"provider": lambda _: capacity})
    for _ in range(3):
        (montreal,) = api.get("/catalog/gpu-availability", query={"region": "montreal"}).data
        clock.advance(4)
    assert montreal == {
        "region": "montreal",
        "model": "H100",
        "link": "PCIe",
        "status": "live",
        "available": 3,
        "measuredAt": START.isoformat().replace("+00:00", "Z"),
        "ageSeconds": 8,
        "instanceTypes": [{"id": "h100-pcie-2", "available": True}],
    }
    assert capacity.looks == 1


def test_a_region_that_cannot_be_measured_is_unknown_and_no_error(sold: Catalog, api: Api) -> None:
    answer = api.get("/catalog/gpu-availability")  # tests cannot read the providers' secret
    assert answer.status == 200
    assert {(entry["status"], entry["available"]) for entry in answer.data} == {("unknown", None)}


def test_one_of_many_may_measure_until_the_claim_ends(table: Engine) -> None:
    measurements = DynamoMeasurements()
    assert measurements.claim("montreal", START, 15)
    assert not measurements.claim("montreal", START + timedelta(seconds=14), 15)
    assert measurements.claim("oslo", START, 15)
    assert measurements.claim("montreal", START + timedelta(seconds=15), 15)


def test_a_measurement_is_kept_as_it_was_made_and_removes_itself(table: Engine) -> None:
    measurements = DynamoMeasurements()
    assert measurements.last("montreal") is None
    measurements.claim("montreal", START, 15)
    assert measurements.last("montreal") is None
    made = Measurement(START + timedelta(microseconds=5), {"CUSTOM_A": 3, "CUSTOM_B": 0})
    measurements.keep("montreal", made)
    assert measurements.last("montreal") == made
    assert all("expires_at" in item for item in table.items())


@pytest.fixture(scope="module")
def region_simulator() -> Iterator[OpenStackSimulator]:
    with OpenStackSimulator(speed=50) as simulator:
        yield simulator


def provider_config(simulator: OpenStackSimulator) -> dict[str, object]:
    regions = {
        name: {
            "auth_url": simulator.auth_url,
            "region_name": name,
            "network": "tenant",
            "public_network": "public",
            "projects": [{"name": "hearth-1", "username": "hearth", "password": "hearthpass"}],
        }
        for name in ("montreal", "oslo", "texas")
    }
    return {"installation": "tests", "regions": regions}


def test_the_catalogue_agrees_with_the_simulated_cloud(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_catalog.main(["--target", "simulator"]) == 0
    assert "The catalogue and the clouds agree." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("patch", "complaint"),
    [
        ("instance_types: {cpu-2x4: {flavor: none}}", "cpu-2x4: there is no such flavor"),
        ("instance_types: {cpu-2x4: {vcpus: 3}}", "has 2 vCPUs, the catalogue says 3"),
        ("instance_types: {cpu-2x4: {required_traits: [CUSTOM_X]}}", "has trait:CUSTOM_X=None"),
        ("images: {ubuntu-22.04: {provider_images: {oslo: none}}}", "ubuntu-22.04: there is no such image"),
        ("images: {windows-server-2022: {min_disk_gb: 10}}", "needs 40 GB of disk, the catalogue says 10"),
        ("regions: {oslo: {network: none}}", "there is no such network (project hearth-1)"),
        ("regions: {oslo: {public_network: tenant}}", "gives no public addresses"),
        (
            "regions: {paris: {name: Paris, country: FR, provider: openstack}}",
            "paris is not in the provider's configuration",
        ),
        (
            "instance_types: {a100-pcie-1: {gpu: {model: A200, resource_class: CUSTOM_X}}}",
            "does not exist",
        ),
    ],
)
def test_every_difference_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], patch: str, complaint: str
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(patch)
    assert check_catalog.main(["--target", "simulator", "--overlay", str(overlay)]) == 1
    assert complaint in " ".join(capsys.readouterr().out.split())


def test_a_cloud_that_does_not_answer_is_a_difference(clock: SettableClock) -> None:
    with OpenStackSimulator() as gone:
        config = OpenStackConfig.model_validate(provider_config(gone))
    findings = list(check_catalog.check(read_catalog(), config, Connections(1, clock)))
    assert findings
    assert all("cannot be looked into" in finding.problem for finding in findings)


def test_a_target_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OS_CLOUD", "nowhere")
    monkeypatch.delenv("PROVIDER_SECRET_ID")
    assert check_catalog.main(["--target", "openstack"]) == 1
    assert check_catalog.main([]) == 1
    said = capsys.readouterr().err
    assert "OS_CLOUD is 'nowhere'" in said
    assert "Set PROVIDER_SECRET_ID" in said


def test_free_gpus_of_the_simulated_cloud_are_told(
    region_simulator: OpenStackSimulator, table: Engine, clock: SettableClock
) -> None:
    provider = OpenStackProvider(OpenStackConfig.model_validate(provider_config(region_simulator)), clock)
    availability = GpuAvailability(lambda _: provider, DynamoMeasurements(), clock)
    stock = availability.stock(read_catalog())
    assert len(stock) == 12
    assert {(entry.model, entry.link.value): entry.free_gpus for entry in stock} == {
        ("H100", "NVLink"): 16,
        ("H100", "PCIe"): 8,
        ("A100", "NVLink"): 16,
        ("A100", "PCIe"): 8,
    }
    provider.close()
