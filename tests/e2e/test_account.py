"""Leaving, on the local cloud: a data export made by its schedule, and the closing of an account."""

from io import BytesIO
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from dev.demo.checks import await_value
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")


def test_a_user_exports_data_and_closes_the_account(cloud: LocalCloud) -> None:
    person = cloud.registered("Ada Lovelace")
    customer = person.sign_in(cloud.visitor())
    export_id = customer.post("/account/export").data["id"]

    def ready() -> Any:
        _run(cloud, "make_data_exports")
        found = customer.get(f"/account/exports/{export_id}").data
        return found if found["status"] == "READY" else None

    download = httpx.get(await_value("the archive", ready, deadline_seconds=60)["url"])
    assert (download.status_code, download.headers["Content-Type"]) == (200, "application/zip")
    archive = ZipFile(BytesIO(download.content))
    assert archive.testzip() is None
    assert person.email.encode() in archive.read("profile.json")
    assert {"sessions.json", "ledger.csv", "activity.json"} <= set(archive.namelist())

    assert customer.post("/account/close", {"password": person.password}).data["erasesYou"] is True
    assert customer.get("/me").status == 401
    credentials = {"email": person.email, "password": person.password}
    assert cloud.visitor().post("/auth/login", credentials).status == 401
    assert _run(cloud, "erase_closed_customers").keys() == {"erased"}


def _run(cloud: LocalCloud, schedule: str) -> Any:
    """Run a scheduled function now; return its result."""
    run = httpx.post(f"{cloud.endpoints['control']}/schedules/{schedule}/run", timeout=60)
    return run.raise_for_status().json()["result"]


def test_a_device_is_signed_in_from_a_session(cloud: LocalCloud) -> None:
    customer, device = cloud.registered().sign_in(cloud.visitor()), cloud.visitor()
    codes = device.post("/auth/device", {"clientName": "hearth-cli"}).data
    assert customer.get(f"/auth/device/{codes['userCode']}").data["clientName"] == "hearth-cli"
    assert customer.post("/auth/device/approve", {"userCode": codes["userCode"]}).status == 200
    tokens = device.post("/auth/device/token", {"deviceCode": codes["deviceCode"]}).data
    signed_in = device.signed_in(tokens["accessToken"])
    assert signed_in.get("/me").data["user"] == customer.get("/me").data["user"]
