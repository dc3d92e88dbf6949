"""Staff on the local cloud: the directory follows changes through the stream, and blocking takes effect."""

import pytest

from dev.demo.checks import await_value
from dev.demo.client import Client
from dev.demo.people import Person, mailed_token
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")

CUSTOMERS = "/v1/admin/customers"


def test_a_new_customer_is_found_within_moments_and_can_be_blocked(cloud: LocalCloud, owner: Client) -> None:
    ada = cloud.registered("Ada Lovelace")
    customer = ada.sign_in(cloud.visitor())

    def found() -> str | None:
        listed = owner.get(CUSTOMERS, search=ada.email).data
        return str(listed[0]["id"]) if listed else None

    customer_id = await_value("the directory", found, deadline_seconds=30)
    assert customer_id == customer.get("/me").data["currentCustomerId"]
    path = f"{CUSTOMERS}/{customer_id}"
    assert owner.call("PATCH", path, body={"status": "BLOCKED", "reason": "For the test"}).status == 200
    refused = customer.post("/projects", {"name": "Blocked"})
    assert (refused.status, refused.code) == (403, "CUSTOMER_BLOCKED")
    assert customer.get("/billing/balance").status == 200
    seen = customer.get("/activity/recent").data
    assert any(one["action"] == "change_customer" and one["byStaff"] for one in seen)


def test_a_colleague_comes_in_by_mail(cloud: LocalCloud, owner: Client) -> None:
    colleague, visitor = Person.made_up("Grace Hopper"), cloud.visitor()
    body = {"email": colleague.email, "role": "SUPPORT", "reason": "For the test"}
    assert owner.post("/v1/admin/staff/invite", body).status == 201
    _, token = mailed_token(cloud.endpoints["mailbox"], colleague.email)
    assert visitor.get(f"/v1/auth/invite/{token}").data["role"] == "SUPPORT"
    accepted = {"token": token, "name": colleague.name, "password": colleague.password}
    assert visitor.post("/v1/auth/accept-invite", accepted).status == 200
    session = colleague.sign_in(visitor)
    assert session.get("/v1/profile").data["role"] == "SUPPORT"
    assert session.get(CUSTOMERS).code == "TWO_FACTOR_REQUIRED"
