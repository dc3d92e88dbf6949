"""Machines over HTTP: duplicate requests, and schedules run by hand."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from dev.demo.checks import await_value
from dev.demo.client import Answer, Client
from dev.demo.people import new_public_key
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")

DUPLICATES = 6


@pytest.fixture
def customer(cloud: LocalCloud, owner: Client) -> Iterator[Client]:
    """A customer with 20 dollars; its machines are deleted at the end."""
    session = cloud.registered().sign_in(cloud.visitor())
    customer_id = session.get("/me").data["currentCustomerId"]
    credit = {"amount": "20.00", "reason": "for the test"}
    _ = owner.post(f"/v1/admin/customers/{customer_id}/credits", credit).data
    yield session
    for deployment in session.pages("/deployments"):
        if deployment["status"] != "DELETED":
            _ = session.delete(f"/deployments/{deployment['id']}").data
    for deployment in session.pages("/deployments"):
        _await_status(session, deployment["id"], "DELETED")


@pytest.fixture
def machine(customer: Client) -> dict[str, object]:
    """The request for a small machine."""
    key = customer.post("/ssh-keys", {"name": "laptop", "publicKey": new_public_key("test")}).data
    return {
        "region": "montreal",
        "instanceType": "cpu-2x4",
        "imageId": "ubuntu-22.04",
        "sshKeyId": key["id"],
    }


def _await_status(customer: Client, deployment_id: str, status: str) -> None:
    def reached() -> bool | None:
        return customer.get(f"/deployments/{deployment_id}").data["status"] == status or None

    await_value(f"{deployment_id} to be {status}", reached, deadline_seconds=60)


@pytest.mark.guarantee("G44")
def test_concurrent_duplicates_make_one_machine(customer: Client, machine: dict[str, object]) -> None:
    key = secrets.token_hex(8)

    def create(_: int) -> Answer:
        return customer.post("/deployments", machine, idempotency_key=key)

    with ThreadPoolExecutor(DUPLICATES) as threads:
        answers = list(threads.map(create, range(DUPLICATES)))
    made = [answer for answer in answers if answer.status == 202]
    late = [answer for answer in answers if answer.status != 202]
    assert len({answer.data["deploymentId"] for answer in made}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in made) == 1
    assert [answer.refusal() for answer in late if answer.code != "IDEMPOTENCY_IN_PROGRESS"] == []
    assert len(list(customer.pages("/deployments"))) == 1
    quote = customer.post(
        "/deployments/quote", {key: machine[key] for key in ("region", "instanceType", "imageId")}
    )
    assert quote.data["deploymentsUsed"] == 1


@pytest.mark.guarantee("G44")
def test_same_key_with_another_body_is_refused(customer: Client, machine: dict[str, object]) -> None:
    key = secrets.token_hex(8)
    assert customer.post("/deployments", machine, idempotency_key=key).status == 202
    other = customer.post("/deployments", {**machine, "name": "another"}, idempotency_key=key)
    assert (other.status, other.code) == (422, "IDEMPOTENCY_CONFLICT")


def test_control_runs_a_schedule_now(cloud: LocalCloud, customer: Client, machine: dict[str, object]) -> None:
    deployment_id = customer.post("/deployments", machine).data["deploymentId"]
    _await_status(customer, deployment_id, "ACTIVE")

    def charged() -> bool | None:
        """Run metering until at least a second is charged."""
        run = httpx.post(f"{cloud.endpoints['control']}/schedules/meter_usage/run", timeout=60)
        assert run.json()["result"] == {"shards": 16}
        return bool(customer.get(f"/deployments/{deployment_id}/usage").data["intervals"]) or None

    await_value("a metered interval", charged, deadline_seconds=30)


def test_control_knows_no_other_schedules(cloud: LocalCloud) -> None:
    answer = httpx.post(f"{cloud.endpoints['control']}/schedules/no_such_schedule/run", timeout=60)
    assert answer.status_code == 404
