"""Reaching a spend cap on the local cloud: packaged functions, real state machines, and real time."""

from datetime import datetime, timedelta
from math import ceil

import pytest

from chalicelib.kernel.clock import parse_isoformat
from chalicelib.kernel.money import format_amount, parse_amount
from dev.demo.checks import await_value
from dev.demo.client import Client
from dev.demo.people import new_public_key
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")

LASTS_SECONDS = 20
"""Long enough for the stream and the watch to see the cap before it is reached."""


def _event(customer: Client, deployment_id: str, type_: str) -> datetime:
    """Wait until the timeline has the event, and return its time."""

    def told() -> datetime | None:
        events = customer.pages(f"/deployments/{deployment_id}/events")
        return next((parse_isoformat(event["at"]) for event in events if event["type"] == type_), None)

    return await_value(f"{deployment_id} to be told {type_}", told, deadline_seconds=LASTS_SECONDS + 120)


def test_machines_are_stopped_at_the_very_moment_of_the_cap_and_run_again_without_it(
    cloud: LocalCloud, owner: Client
) -> None:
    customer = cloud.registered().sign_in(cloud.visitor())
    customer_id = str(customer.get("/me").data["currentCustomerId"])
    credit = {"amount": "5.00", "reason": "for the test"}
    _ = owner.post(f"/v1/admin/customers/{customer_id}/credits", credit).data
    key = customer.post("/ssh-keys", {"name": "laptop", "publicKey": new_public_key("test")}).data
    wanted = {"region": "montreal", "instanceType": "cpu-2x4", "imageId": "ubuntu-22.04", "sshKeyId": key["id"]}
    deployment = customer.post("/deployments", wanted).data
    deployment_id = str(deployment["deploymentId"])
    _event(customer, deployment_id, "active")

    month = customer.get("/billing/spend-caps").data["monthly"]
    burn = customer.get("/billing/balance").data["burnPerHour"]
    more = ceil(parse_amount(burn["amount"]) * LASTS_SECONDS / 3_600)
    cap = format_amount(parse_amount(month["spent"]["amount"]) + more)
    shown = customer.call("PUT", "/billing/spend-caps", body={"dailyCap": None, "monthlyCap": cap}).data
    reached = parse_isoformat(shown["monthly"]["reachedAt"])

    suspending = _event(customer, deployment_id, "suspending")
    suspended = _event(customer, deployment_id, "suspended")
    print(f"cap {reached:%T}, issued {suspending - reached} later, off {suspended - reached} later")
    assert timedelta(0) <= suspending - reached <= timedelta(seconds=5)
    balance = customer.get("/billing/balance").data
    assert (balance["suspension"], balance["spendCapStop"]["status"]) == (None, "SUSPENDED")
    refused = customer.post("/deployments", wanted)
    assert (refused.status, refused.code) == (402, "SPEND_CAP_REACHED")

    _ = customer.call("PUT", "/billing/spend-caps", body={"dailyCap": None, "monthlyCap": None}).data
    _event(customer, deployment_id, "resumed")
    assert customer.get(f"/deployments/{deployment_id}").data["status"] == "ACTIVE"
    _ = customer.delete(f"/deployments/{deployment_id}").data
    _event(customer, deployment_id, "deleted")
