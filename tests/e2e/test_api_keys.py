"""API keys at the API's real address: only the gateway determines the IP address of a call."""

import pytest

from dev.demo.client import Client
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")

INSIDE, OUTSIDE = "192.0.2.7", "198.51.100.7"


@pytest.fixture(scope="module")
def key(cloud: LocalCloud) -> str:
    """A key that may be used from one network."""
    session = cloud.registered().sign_in(cloud.visitor())
    body = {"name": "ci", "scopes": ["deployments:read"], "cidrs": ["192.0.2.0/24"]}
    made: str = session.post("/api-keys", body).data["key"]
    return made


def _from(cloud: LocalCloud, key: str, address: str) -> Client:
    return Client(cloud.endpoints["api"], key, {"X-Local-Source-Ip": address})


def test_a_key_of_a_developers_own_cloud_says_so_and_opens_it(cloud: LocalCloud, key: str) -> None:
    assert key.startswith("hk_test_")
    assert _from(cloud, key, INSIDE).get("/deployments").data == []


@pytest.mark.guarantee("G43")
@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP"])
def test_g43_a_forged_header_lets_nobody_in(cloud: LocalCloud, key: str, name: str) -> None:
    value = f"for={INSIDE}" if name == "Forwarded" else INSIDE
    refused = _from(cloud, key, OUTSIDE).call("GET", "/deployments", headers={name: value})
    assert (refused.status, refused.code) == (403, "ADDRESS_NOT_ALLOWED")
    assert OUTSIDE in refused.refusal()


@pytest.mark.guarantee("G43")
def test_g43_from_nowhere_in_particular_it_is_the_connection_that_counts(cloud: LocalCloud, key: str) -> None:
    refused = Client(cloud.endpoints["api"], key).call("GET", "/deployments", headers={"X-Forwarded-For": INSIDE})
    assert (refused.status, refused.code) == (403, "ADDRESS_NOT_ALLOWED")


def test_a_missing_scope_is_named(cloud: LocalCloud, key: str) -> None:
    refused = _from(cloud, key, INSIDE).get("/billing/balance")
    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    assert "billing:read" in refused.refusal()
