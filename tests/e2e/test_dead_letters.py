"""Webhooks that could not be processed: staff see and replay them, on the queues of the local AWS."""

import json
from decimal import Decimal

import boto3
import pytest

from dev.demo import bill
from dev.demo.checks import await_value
from dev.demo.client import Client, ask
from dev.demo.payers import Payers
from dev.localcloud.awsclient import ACCOUNT, REGION, SECRET
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")

PATH = "/v1/admin/webhooks/dead-letters"


@pytest.mark.guarantee("G01", "G40")
def test_a_dead_notice_is_shown_and_replayed_into_one_credit(cloud: LocalCloud, owner: Client) -> None:
    visitor = cloud.visitor()
    customer = cloud.registered().sign_in(visitor)
    top_up = customer.post("/billing/topups/card", {"amount": "20.00"}).data
    payers = Payers(cloud.endpoints["simulators"])
    intent = top_up["checkout"]["clientSecret"].partition("_secret")[0]
    faults = f"{cloud.endpoints['simulators']['stripe']['control']}/faults"
    ask("POST", faults, json={"kind": "webhook_lost", "times": 10})
    try:
        payers.pay_by_card(top_up["checkout"])
    finally:
        ask("DELETE", faults)
    bury(cloud, {"gateway": "stripe", "providerId": intent, "reference": top_up["id"]})
    assert customer.get("/billing/balance").data["posted"]["amount"] == "0.00"

    shown = owner.get(PATH).data
    assert shown["count"] >= 1
    assert {"gateway": "stripe", "providerId": intent, "reference": top_up["id"]} in shown["some"]
    assert owner.post(f"{PATH}/replay").data["replayed"] >= 1

    def credited() -> bool | None:
        posted = bill.amount(customer.get("/billing/balance").data["posted"])
        return True if posted == Decimal("20.00") else None

    await_value("the replayed notice to be booked", credited, deadline_seconds=30, pause_seconds=1)
    assert owner.get(PATH).data == {"count": 0, "some": []}


def bury(cloud: LocalCloud, notice: dict[str, str]) -> None:
    """Put a notice into the dead-letter queue, as after five failed attempts."""
    endpoint = cloud.endpoints["aws"]["endpoint"]
    session = boto3.session.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key=SECRET, region_name=REGION)
    sqs = session.client("sqs", endpoint_url=endpoint)
    (url,) = (url for url in sqs.list_queues()["QueueUrls"] if "NoticeDeadLetters" in url)
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(notice))
