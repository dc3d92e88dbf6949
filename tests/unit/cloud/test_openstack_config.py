"""The provider's configuration: valid values, and errors that reveal no secret."""

import json
from typing import Any

import pytest

from chalicelib.adapters.providers.openstack.config import OpenStackConfig
from chalicelib.adapters.shared.configuration import ConfigurationError
from chalicelib.domain.cloud.providers.errors import ProviderDenied

BY_PASSWORD = {"name": "hearth-1", "username": "hearth", "password": "open-sesame"}
BY_APPLICATION = {
    "name": "hearth-2",
    "application_credential_id": "4b8901b4",
    "application_credential_secret": "open-sesame",
}


def document(**region: Any) -> str:
    montreal = {
        "auth_url": "https://identity.example.net/v3",
        "region_name": "YUL1",
        "network": "tenant",
        "projects": [BY_PASSWORD, BY_APPLICATION],
    }
    part = {"installation": "hearth-test", "regions": {"montreal": montreal | region}}
    return json.dumps({"openstack": part})


def test_both_kinds_of_credential_are_read() -> None:
    region = OpenStackConfig.from_secret(document()).region("montreal")

    assert [project.uses_application_credential for project in region.projects] == [False, True]
    assert (region.stacks_per_project, region.interface, region.public_network) == (512, "public", "")


@pytest.mark.guarantee("G46")
@pytest.mark.parametrize(
    ("region", "told"),
    [
        ({"projects": [BY_PASSWORD | BY_APPLICATION]}, "regions.montreal.projects.0: .*needs either username"),
        ({"projects": [{"name": "x", "password": "open-sesame"}]}, "regions.montreal.projects.0: .*needs either"),
        ({"projects": [BY_PASSWORD, BY_PASSWORD]}, "regions.montreal: .*different names"),
        ({"projects": []}, "regions.montreal.projects: "),
        ({"projects": [BY_PASSWORD | {"pasword": "open-sesame"}]}, "regions.montreal.projects.0.pasword: "),
        ({"auth_url": "open-sesame"}, "regions.montreal.auth_url: "),
        ({"interface": "open-sesame"}, "regions.montreal.interface: "),
        ({"stacks_per_project": 0}, "regions.montreal.stacks_per_project: "),
    ],
)
def test_g46_a_mistake_is_told_by_its_field_and_without_a_secret(region: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        OpenStackConfig.from_secret(document(**region))

    assert "open-sesame" not in str(caught.value)


@pytest.mark.guarantee("G46")
@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("{open-sesame}", "not JSON at line 1, column 2"),
        ('{"linode": "open-sesame"}', "no part openstack"),
        ('["open-sesame"]', "no part openstack"),
        ('{"openstack": "open-sesame"}', "part openstack: "),
    ],
)
def test_g46_a_secret_of_another_shape_is_told_without_its_text(secret: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        OpenStackConfig.from_secret(secret)

    assert "open-sesame" not in str(caught.value)


@pytest.mark.guarantee("G46")
def test_g46_a_configuration_does_not_show_its_secrets() -> None:
    assert "open-sesame" not in repr(OpenStackConfig.from_secret(document()))


def test_what_is_not_configured_is_staffs_business() -> None:
    config = OpenStackConfig.from_secret(document())

    with pytest.raises(ProviderDenied, match="oslo"):
        config.region("oslo")
    with pytest.raises(ProviderDenied, match="hearth-9"):
        config.region("montreal").project("hearth-9")
