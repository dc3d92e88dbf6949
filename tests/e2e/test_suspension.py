"""Suspension on the local cloud: packaged functions, real state machines, and real time."""

import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from chalicelib.kernel.clock import parse_isoformat
from dev.demo.checks import await_value
from dev.demo.client import Client
from dev.demo.people import new_public_key
from tests.support.cloud import LocalCloud
from tools.package import ROOT

pytestmark = pytest.mark.xdist_group("cloud")

LASTS_SECONDS = 25


def _spend(cloud: LocalCloud, customer_id: str) -> datetime:
    """Leave money for a short while; return the time at which it will be used up."""
    command = [sys.executable, "-m", "tests.e2e.spend", str(cloud.home.endpoints), customer_id, str(LASTS_SECONDS)]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name != "TABLE_NAME"
    }
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return parse_isoformat(done.stdout.strip())


def _event(customer: Client, deployment_id: str, type_: str) -> datetime:
    """Wait until the timeline has the event, and return its time."""

    def told() -> datetime | None:
        events = customer.pages(f"/deployments/{deployment_id}/events")
        return next((parse_isoformat(event["at"]) for event in events if event["type"] == type_), None)

    return await_value(f"{deployment_id} to be told {type_}", told, deadline_seconds=LASTS_SECONDS + 120)


@pytest.mark.guarantee("G13")
def test_g13_machines_are_stopped_within_a_minute_of_zero_and_run_again_after_a_payment(
    cloud: LocalCloud, owner: Client
) -> None:
    customer = cloud.registered().sign_in(cloud.visitor())
    customer_id = str(customer.get("/me").data["currentCustomerId"])
    credits_path = f"/v1/admin/customers/{customer_id}/credits"
    _ = owner.post(credits_path, {"amount": "5.00", "reason": "for the test"}).data
    key = customer.post("/ssh-keys", {"name": "laptop", "publicKey": new_public_key("test")}).data
    wanted = {"region": "montreal", "instanceType": "cpu-2x4", "imageId": "ubuntu-22.04", "sshKeyId": key["id"]}
    deployment_id = str(customer.post("/deployments", wanted).data["deploymentId"])
    _event(customer, deployment_id, "active")

    zero = _spend(cloud, customer_id)
    suspending = _event(customer, deployment_id, "suspending")
    suspended = _event(customer, deployment_id, "suspended")
    print(f"zero {zero:%T}, issued {suspending - zero} later, off {suspended - zero} later")
    assert timedelta(seconds=-1) <= suspending - zero <= timedelta(seconds=60)
    balance = customer.get("/billing/balance").data
    assert balance["suspension"]["status"] == "SUSPENDED"
    assert balance["burnPerHour"]["amount"] == "0.00"
    refused = customer.post("/deployments", wanted)
    assert (refused.status, refused.code) == (402, "ACCOUNT_SUSPENDED")

    _ = owner.post(credits_path, {"amount": "5.00", "reason": "a payment"}).data
    _event(customer, deployment_id, "resumed")
    assert customer.get(f"/deployments/{deployment_id}").data["status"] == "ACTIVE"

    def in_good_standing() -> bool | None:
        return customer.get("/billing/balance").data["suspension"] is None or None

    await_value("the suspension to be over", in_good_standing, deadline_seconds=60)
    _ = customer.delete(f"/deployments/{deployment_id}").data
    _event(customer, deployment_id, "deleted")
