"""The API for a suspended customer: what it shows, and what it refuses."""

from datetime import timedelta

import pytest

from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords
from chalicelib.adapters.dynamodb.cloud.suspension import DynamoWatchRecords
from chalicelib.domain.cloud.suspension.models import SuspensionStatus, Watch
from chalicelib.wiring.app import app
from tests.fakes.identity import People
from tests.support.api import Api
from tests.support.clock import START
from tests.support.engine import Engine
from tests.support.world import PUBLIC_KEY
from tools.catalog_data import read_catalog

SHOWN = {"status": "SUSPENDED", "since": "2031-05-04T12:00:30Z", "deletesAt": "2031-05-07T12:00:30Z"}


@pytest.fixture
def customer(api: Api, table: Engine, monkeypatch: pytest.MonkeyPatch) -> Api:
    DynamoCatalogRecords(app().core.transactor).replace(read_catalog())
    return People(api, table, monkeypatch).newcomer("ann@example.com")


def _suspend(customer: Api) -> None:
    customer_id = str(customer.get("/me").data["currentCustomerId"])
    suspended = Watch(
        customer_id,
        status=SuspensionStatus.SUSPENDED,
        since=START,
        deletes_at=START + timedelta(hours=72),
        version=1,
    )
    app().core.transactor.commit([DynamoWatchRecords().replace_watch(Watch(customer_id), suspended)])


def test_g13_a_suspension_is_shown_with_its_end(customer: Api) -> None:
    assert customer.get("/billing/balance").data["suspension"] is None
    assert customer.get("/me").data["suspension"] is None
    _suspend(customer)
    assert customer.get("/billing/balance").data["suspension"] == SHOWN
    assert customer.get("/me").data["suspension"] == SHOWN


def test_g13_a_suspended_customer_gets_no_new_machines(customer: Api) -> None:
    _suspend(customer)
    key = customer.post("/ssh-keys", {"name": "laptop", "publicKey": PUBLIC_KEY}).data["id"]
    wanted = {"region": "montreal", "instanceType": "cpu-2x4", "imageId": "ubuntu-22.04"}
    refused = customer.post("/deployments", {**wanted, "sshKeyId": key})
    assert (refused.status, refused.error["code"]) == (402, "ACCOUNT_SUSPENDED")
    assert customer.get("/deployments").data == []
    quote = customer.post("/deployments/quote", wanted)
    assert refused.error["message"] in quote.data["warnings"]
