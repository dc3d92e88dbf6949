"""The packaged Heat templates: released ones never change, and all have the same parameters and outputs."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.providers.openstack.templates import TEMPLATES, Value, template
from chalicelib.domain.cloud.providers.errors import SpecRejected

NAMES = sorted(str(path.relative_to(TEMPLATES).with_suffix("")) for path in TEMPLATES.glob("*/*.yaml"))
COMMON: dict[str, Value] = {
    "flavor": "cpu-small",
    "image": "tiny",
    "network": "tenant",
    "storage_kind": "local",
    "storage_gb": 10,
    "installation": "hearth-test",
    "customer": "cus_1",
    "deployment": "dep_1",
}
KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC3 someone@example.net"


def values_of(name: str) -> dict[str, Value]:
    return COMMON | ({"ssh_public_key": KEY} if "windows" in name else {})


def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(template(name).text)
    return loaded


def test_released_templates_are_as_they_were_released() -> None:
    lines = (TEMPLATES / "CHECKSUMS").read_text().splitlines()
    recorded = {path: checksum for checksum, path in map(str.split, lines)}
    found = {f"{name}.yaml": sha256(Path(TEMPLATES, f"{name}.yaml").read_bytes()).hexdigest() for name in NAMES}

    assert found == recorded, "a released template never changes: write the next version, and record its checksum"


@pytest.mark.parametrize("name", NAMES)
def test_every_template_has_the_same_outputs_and_takes_the_same_values(name: str) -> None:
    assert set(document(name)["outputs"]) == {"server_id", "private_ipv4", "public_ipv4", "addresses"}
    template(name).check(values_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_constrained_and_explained(name: str) -> None:
    for parameter in template(name).parameters.values():
        assert parameter["constraints"]
        assert parameter["description"]


@pytest.mark.parametrize("name", NAMES)
def test_only_what_a_shape_needs_is_open(name: str) -> None:
    rules = document(name)["resources"]["security_group"]["properties"]["rules"]
    ports = {rule["port_range_min"] for rule in rules if rule["protocol"] == "tcp"}

    assert ports == ({3389, 5986} if "windows" in name else {22})


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("flavor", ""),
        ("image", "x" * 256),
        ("storage_kind", "tape"),
        ("storage_gb", 0),
        ("storage_gb", 65537),
        ("storage_gb", "10"),
        ("user_data", "x" * 49150),
        ("installation", "Not/Allowed"),
        ("no_such", "x"),
        ("ssh_public_key", "ssh-ed25519 AAAA"),
        ("ssh_public_key", KEY + "\nssh-rsa AAAA"),
    ],
)
def test_a_bad_value_is_rejected_by_the_name_of_its_parameter(parameter: str, value: Value) -> None:
    with pytest.raises(SpecRejected, match=f"^{parameter}: "):
        template("windows_instance/v1").check(values_of("windows") | {parameter: value})


@pytest.mark.parametrize("parameter", sorted(COMMON))
def test_a_missing_value_is_rejected_by_the_name_of_its_parameter(parameter: str) -> None:
    values = {name: value for name, value in COMMON.items() if name != parameter}

    with pytest.raises(SpecRejected, match=f"^{parameter}: is missing"):
        template("cpu_instance/v1").check(values)


@given(st.text())
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(SpecRejected, match=r"^template: "):
        template(f"../{name}")


@pytest.mark.parametrize("name", ["", "cpu_instance", "cpu_instance/v2", "/etc/v1", "cpu_instance/v1.yaml"])
def test_an_unknown_template_is_rejected(name: str) -> None:
    with pytest.raises(SpecRejected, match=r"^template: "):
        template(name)
