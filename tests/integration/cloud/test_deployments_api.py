"""Deployments through the API: requests, refusals and answers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords
from chalicelib.domain.cloud.deployments.models import DEFAULT_DEPLOYMENT_LIMIT
from chalicelib.domain.foundation.access.rate_limits import RateLimiter
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.domain.money.metering.models import PriceChange
from chalicelib.kernel.clock import epoch_seconds, isoformat
from chalicelib.kernel.errors import error_classes
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import parse_amount
from chalicelib.wiring.app import app
from tests.fakes.access import NoCounters
from tests.fakes.identity import People
from tests.fakes.lifecycle import PUBLIC_KEY, REGION, Installation, Region
from tests.support import billed
from tests.support.api import Answer, Api
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine, Item
from tests.support.parts import give
from tools.catalog_data import read_catalog

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGm0Zb4yqk7m1jv8v0yP2b8S0yqkq3Wb0Qb0cJ1m2p3L bob@laptop"
FUNDS = "100.00"


@dataclass
class Shop:
    """Ann, who has money and an SSH key; Bob, who has neither; and staff."""

    house: Installation
    ann: Api
    bob: Api
    staff: Api
    ssh_key_id: str

    def body(self, **changes: Any) -> dict[str, Any]:
        """A valid request for a machine."""
        wanted = {
            "region": REGION,
            "instanceType": "cpu-2x4",
            "imageId": "ubuntu-22.04",
            "sshKeyId": self.ssh_key_id,
        }
        return wanted | changes

    def order(self, key: str | None = None, **changes: Any) -> Answer:
        """Order a machine as Ann."""
        headers = {"Idempotency-Key": key} if key else None
        return self.ann.post("/deployments", self.body(**changes), headers=headers)

    def ordered(self, **changes: Any) -> str:
        """Order a machine as Ann; return its id."""
        answer = self.order(**changes)
        assert answer.status == 202, answer.text
        return str(answer.data["deploymentId"])

    def belongings(self) -> list[Item]:
        """The stored items of deployments and money."""
        kinds = {
            "DEPLOYMENT",
            "DEPLOYMENT_KEY",
            "OPERATION",
            "EVENT",
            "HOLD",
            "ACCOUNT",
            "SLOTS",
            "ENTRY",
            "METER",
        }
        return [item for item in self.house.table.items() if item["kind"]["S"] in kinds]

    def last_activity(self) -> dict[str, Any]:
        """The newest line of Ann's activity log."""
        found: dict[str, Any] = self.ann.get("/activity/recent").data[0]
        return found


@pytest.fixture
def shop(table: Engine, clock: SettableClock, region: Region, monkeypatch: pytest.MonkeyPatch) -> Shop:
    house = Installation(table, clock, region, monkeypatch)
    limiter = RateLimiter(NoCounters(), clock)
    give(foundation={"rate_limiter": limiter})
    people = People(Api(), table, monkeypatch)
    staff, ann, bob = people.owner_of_the_house(), people.newcomer("ann@example.com"), people.newcomer("bob@x.org")
    house.customer_id = ann.get("/me").data["currentCustomerId"]
    credit = {"amount": FUNDS, "reason": "For the test"}
    assert staff.post(f"/v1/admin/customers/{house.customer_id}/credits", credit).status == 201
    key = ann.post("/ssh-keys", {"name": "laptop", "publicKey": PUBLIC_KEY}).data
    return Shop(house, ann, bob, staff, key["id"])


def test_a_create_is_accepted_and_can_be_followed_from_its_request_to_its_last_charge(shop: Shop) -> None:
    accepted = shop.order(name="web 1")
    assert accepted.status == 202
    assert accepted.data["status"] == "PROVISIONING"
    path = f"/deployments/{accepted.data['deploymentId']}"
    shown = shop.ann.get(path).data
    assert (shown["status"], shown["name"], shown["operationId"]) == (
        "REQUESTED",
        "web 1",
        accepted.data["operationId"],
    )
    assert shop.ann.get("/billing/balance").data["held"]["amount"] == "0.032"
    assert [event["type"] for event in shop.ann.get(f"{path}/events").data] == ["requested"]
    assert shop.ann.get(f"{path}/usage").data["intervals"] == []

    shop.house.settle()
    shown = shop.ann.get(path).data
    assert shown["status"] == "ACTIVE"
    assert shown["addresses"]["publicIpv4"]
    shop.house.clock.advance(100)
    for shard in range(16):
        app().money.metering.meter_shard(shard)
    shop.house.clock.advance(100)
    balance = shop.ann.get("/billing/balance").data
    assert balance["burnPerHour"]["amount"] == "0.032"
    assert balance["runwaySeconds"] > 0
    deleted = shop.ann.delete(path)
    assert (deleted.status, deleted.data["status"]) == (202, "DELETING")
    shop.house.settle()
    usage = shop.ann.get(f"{path}/usage").data
    assert usage["closed"] is True
    assert usage["proof"]["tiles"]
    assert usage["proof"]["sums"]
    assert len(usage["intervals"]) == 2
    entries = shop.ann.get("/billing/ledger", query={"type": "usage"}).data
    assert [entry["amount"]["amount"] for entry in reversed(entries)] == [
        f"-{interval['amount']['amount']}" for interval in usage["intervals"]
    ]
    assert shop.ann.get(path).data["status"] == "DELETED"
    shop.house.assert_nothing_left()


@pytest.mark.guarantee("G47")
@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"region": "atlantis"}, "region", "There is no such region; choose montreal, oslo or texas."),
        ({"instanceType": "cpu-1024x1"}, "instanceType", "There is no such instance type"),
        ({"imageId": "beos"}, "imageId", "There is no such image"),
        ({"imageId": "oblivus-ai"}, "imageId", "choose a type with GPUs"),
        ({"imageId": "windows-server-2022", "instanceType": "h100-pcie-1"}, "imageId", "without GPUs"),
        ({"storage": {"kind": "local", "sizeGb": 41}}, "storage.sizeGb", "is from 10 to 40 GB."),
        ({"storage": {"kind": "network"}}, "storage.sizeGb", "Say how many GB, from 10 to 10000."),
        ({"storage": {"kind": "network", "sizeGb": 9}}, "storage.sizeGb", "is from 10 to 10000 GB."),
        ({"storage": {"kind": "network", "sizeGb": 10_001}}, "storage.sizeGb", "is from 10 to 10000 GB."),
        ({"storage": {"kind": "tape"}}, "storage.kind", ""),
        ({"imageId": "windows-server-2022"}, "sshKeyId", "RSA"),
        ({"sshKeyId": "mine"}, "sshKeyId", ""),
        ({"name": "<script>"}, "name", ""),
        ({"count": 2}, "count", ""),
    ],
)
def test_g47_what_cannot_be_had_is_refused_by_field_and_changes_nothing(
    shop: Shop, changes: dict[str, Any], field: str, sentence: str
) -> None:
    before = shop.belongings()
    answer = shop.order(**changes)
    assert (answer.status, answer.code, answer.fields) == (400, "VALIDATION_ERROR", {field})
    assert sentence in answer.error["details"][0]["message"]
    assert shop.belongings() == before


def test_a_type_that_is_not_sold_in_a_region_names_where_it_is(shop: Shop) -> None:
    catalog = read_catalog()
    types = tuple(replace(each, regions=("oslo", "texas")) for each in catalog.instance_types)
    DynamoCatalogRecords(shop.house.transactor).replace(replace(catalog, instance_types=types))
    answer = shop.order()
    assert (answer.status, answer.fields) == (400, {"instanceType"})
    assert "is not sold in Montreal; it is sold in oslo or texas." in answer.error["message"]


def test_all_that_is_wrong_is_told_at_once(shop: Shop) -> None:
    answer = shop.order(region="atlantis", instanceType="abacus", imageId="beos")
    assert answer.fields == {"region", "instanceType", "imageId"}


@pytest.mark.guarantee("G41")
@pytest.mark.parametrize("whose", ["nobody", "bob"])
def test_g41_an_ssh_key_that_is_not_ones_own_does_not_exist(shop: Shop, whose: str) -> None:
    before = shop.belongings()
    foreign = shop.bob.post("/ssh-keys", {"name": "laptop", "publicKey": OTHER_KEY}).data["id"]
    answer = shop.order(sshKeyId=foreign if whose == "bob" else new_id(Kind.SSH_KEY, START))
    assert (answer.status, answer.code, answer.fields) == (404, "NOT_FOUND", {"sshKeyId"})
    assert answer.error["message"] == "You have no such SSH key; add one first."
    assert shop.belongings() == before


@pytest.mark.guarantee("G07", "G08")
def test_g08_without_enough_money_nothing_begins_and_the_refusal_is_in_the_activity_log(shop: Shop) -> None:
    before = shop.belongings()
    poor = shop.bob.post("/ssh-keys", {"name": "laptop", "publicKey": OTHER_KEY}).data["id"]
    answer = shop.bob.post("/deployments", shop.body(sshKeyId=poor))
    assert (answer.status, answer.code) == (402, "INSUFFICIENT_BALANCE")
    assert answer.error["message"] == "This needs 0.032 USD available; you have 0.00 USD. Add funds first."
    denied = shop.bob.get("/activity/recent").data[0]
    assert (denied["action"], denied["outcome"], denied["code"]) == (
        "create_deployment",
        "denied",
        "INSUFFICIENT_BALANCE",
    )
    assert shop.bob.get("/deployments").data == []
    assert shop.belongings() == before
    shop.house.assert_proven()


def test_over_the_limit_is_refused_and_logged_even_when_many_ask_at_once(shop: Shop) -> None:
    for _ in range(DEFAULT_DEPLOYMENT_LIMIT - 2):
        shop.ordered()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: shop.order(), range(6)))
    assert sorted(answer.status for answer in answers) == [202, 202, 409, 409, 409, 409]
    assert {answer.code for answer in answers if answer.status == 409} == {"LIMIT_EXCEEDED"}
    assert len(shop.ann.get("/deployments", query={"limit": "100"}).data) == DEFAULT_DEPLOYMENT_LIMIT
    outcomes = [
        line["outcome"] for line in shop.ann.get("/activity/recent").data if line["action"] == "create_deployment"
    ]
    assert outcomes.count("denied") == 4
    shop.house.assert_proven()


@pytest.mark.guarantee("G27")
def test_g27_a_full_region_is_refused_before_anything_is_reserved(shop: Shop) -> None:
    shop.house.region.simulator.cloud.state.regions[REGION].capacities["CUSTOM_GPU_H100_PCIE"] = 0
    before = shop.belongings()
    answer = shop.order(instanceType="h100-pcie-1")
    assert (answer.status, answer.code) == (409, "CAPACITY_UNAVAILABLE")
    assert shop.belongings() == before
    denied = shop.last_activity()
    assert (denied["outcome"], denied["code"]) == ("denied", "CAPACITY_UNAVAILABLE")
    quote = shop.ann.post(
        "/deployments/quote", {key: shop.body(instanceType="h100-pcie-1")[key] for key in _QUOTED}
    )
    assert quote.data["available"] is False
    assert len(quote.data["warnings"]) == 1


_QUOTED = ("region", "instanceType", "imageId")


def test_a_region_that_cannot_say_what_is_free_does_not_refuse(shop: Shop) -> None:
    shop.house.region.simulator.inject("error_before_effect", times=None)
    assert shop.order(instanceType="h100-pcie-1").status == 202


def test_a_quote_reserves_nothing_and_tells_what_stands_in_the_way(shop: Shop) -> None:
    before = shop.belongings()
    wanted = {"region": REGION, "instanceType": "cpu-2x4", "imageId": "ubuntu-22.04"}
    quote = shop.ann.post("/deployments/quote", wanted).data
    assert (quote["pricePerHour"]["amount"], quote["hold"]["amount"], quote["warnings"]) == ("0.032", "0.032", [])
    assert (quote["deploymentsUsed"], quote["deploymentsLimit"]) == (0, DEFAULT_DEPLOYMENT_LIMIT)
    assert shop.bob.post("/deployments/quote", wanted).data["warnings"] == [
        "The available balance does not cover this; add funds first."
    ]
    assert shop.belongings() == before


# Idempotency


@pytest.mark.guarantee("G44")
def test_g44_the_same_key_gives_the_same_deployment_and_another_body_is_refused(shop: Shop) -> None:
    first = shop.order(key="once")
    again = shop.order(key="once")
    assert (again.status, again.data) == (202, first.data)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    other = shop.order(key="once", instanceType="cpu-4x8")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_CONFLICT")
    assert len(shop.ann.get("/deployments").data) == 1
    shop.house.assert_proven()


@pytest.mark.guarantee("G03", "G44")
def test_g44_a_create_whose_answer_was_never_stored_is_found_again(shop: Shop) -> None:
    """The function died after it created the deployment and before it stored its answer."""
    first = shop.order(key="once")
    for item in shop.house.table.items():
        if item["kind"]["S"] == "IDEMPOTENCY":
            shop.house.table.client.delete_item(TableName="hearth-test", Key={"pk": item["pk"], "sk": item["sk"]})
    assert shop.order(key="once").data == first.data
    assert len(shop.ann.get("/deployments").data) == 1


@pytest.mark.guarantee("G44")
def test_g44_many_with_one_key_at_once_make_one_deployment(shop: Shop) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.order(key="once"), range(8)))
    assert {answer.status for answer in answers} <= {202, 409}
    assert len({answer.data["deploymentId"] for answer in answers if answer.status == 202}) == 1
    assert {answer.code for answer in answers if answer.status == 409} <= {"IDEMPOTENCY_IN_PROGRESS"}
    assert len(shop.ann.get("/deployments").data) == 1
    shop.house.assert_proven()


@pytest.mark.guarantee("G44")
def test_g44_a_key_is_forgotten_after_a_day(shop: Shop) -> None:
    reach = Reach(shop.house.customer_id)
    wanted = shop.house.wanted(ssh_key_id=shop.ssh_key_id)
    first = app().cloud.ordering.create(reach, wanted, "once")
    shop.house.clock.advance(24 * 3600 - 1)
    assert app().cloud.ordering.create(reach, wanted, "once").deployment.id == first.deployment.id
    shop.house.clock.advance(1)
    second = app().cloud.ordering.create(reach, wanted, "once")
    assert second.deployment.id != first.deployment.id
    assert app().cloud.ordering.create(reach, wanted, "once").deployment.id == second.deployment.id


# Reading


def test_lists_are_filtered_sorted_and_paged(shop: Shop) -> None:
    made = []
    for number in range(5):
        made.append(shop.ordered(region="oslo" if number % 2 else REGION))
        shop.house.clock.advance(1)
    shop.ann.delete(f"/deployments/{made[0]}")

    def ids(**query: str) -> list[str]:
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = shop.ann.get("/deployments", query=query | cursor)
            found += [each["id"] for each in answer.data]
            if answer.next_cursor is None:
                return found
            cursor = {"cursor": answer.next_cursor}

    assert ids() == ids(limit="2") == made[::-1]
    assert ids(sort="createdAt", limit="3") == made
    assert ids(region="oslo") == [made[3], made[1]]
    assert ids(status="REQUESTED", limit="2") == made[:0:-1]
    assert ids(status="DELETING") == [made[0]]
    assert ids(status="REQUESTED", region=REGION, sort="createdAt") == [made[2], made[4]]
    assert ids(status="ACTIVE") == []
    for wrong in ({"status": "SLEEPING"}, {"sort": "price"}, {"limit": "0"}, {"cursor": "x"}, {"colour": "red"}):
        assert shop.ann.get("/deployments", query=wrong).code == "VALIDATION_ERROR"


def test_events_come_once_each_with_after(shop: Shop) -> None:
    deployment_id = shop.ordered()
    path = f"/deployments/{deployment_id}/events"
    seen: list[int] = []
    while shop.house.step():
        new = shop.ann.get(path, query={"after": str(seen[-1] if seen else 0), "limit": "100"}).data
        seen += [event["sequence"] for event in new]
    assert len(seen) > 5
    assert seen == list(range(1, len(seen) + 1))
    assert shop.ann.get(path, query={"after": str(seen[-1])}).data == []
    assert [event["sequence"] for event in shop.ann.get(path, query={"limit": "2"}).data] == [1, 2]
    assert shop.ann.get(path, query={"after": "-1"}).code == "VALIDATION_ERROR"


@pytest.mark.guarantee("G41")
def test_g41_a_stranger_finds_nothing(shop: Shop) -> None:
    deployment_id = shop.ordered()
    before = shop.belongings()
    path = f"/deployments/{deployment_id}"
    answers = [shop.bob.get(path + part) for part in ("", "/events", "/usage")] + [shop.bob.delete(path)]
    assert {(answer.status, answer.code) for answer in answers} == {(404, "NOT_FOUND")}
    assert shop.bob.get("/deployments").data == []
    assert shop.belongings() == before


def test_deleting_twice_gives_the_same_operation(shop: Shop) -> None:
    path = f"/deployments/{shop.ordered()}"
    first = shop.ann.delete(path).data
    assert shop.ann.delete(path).data == first
    shop.house.settle()
    assert shop.ann.delete(path).data == first | {"status": "DELETED"}
    assert [event["type"] for event in shop.ann.get(f"{path}/events").data].count("deleting") == 1
    shop.house.assert_nothing_left()


def test_many_deletes_at_once_are_one(shop: Shop) -> None:
    path = f"/deployments/{shop.ordered()}"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.ann.delete(path), range(8)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.data["operationId"] for answer in answers}) == 1
    shop.house.settle()
    shop.house.assert_nothing_left()


# Money


def test_the_ledger_is_listed_by_time_and_type(shop: Shop) -> None:
    path = f"/v1/admin/customers/{shop.house.customer_id}/credits"
    times = []
    for number in range(3):
        shop.house.clock.advance(60)
        times.append(shop.house.clock.now())
        assert shop.staff.post(path, {"amount": f"{number + 1}.50", "reason": f"Gift {number}"}).status == 201

    def amounts(**query: str) -> list[str]:
        return [entry["amount"]["amount"] for entry in shop.ann.get("/billing/ledger", query=query).data]

    assert amounts() == ["3.50", "2.50", "1.50", FUNDS]
    assert amounts(**{"from": isoformat(times[1])}) == ["3.50", "2.50"]
    assert amounts(to=isoformat(times[1])) == ["1.50", FUNDS]
    assert amounts(type="credit", **{"from": isoformat(times[0]), "to": isoformat(times[2])}) == ["2.50", "1.50"]
    assert amounts(type="usage") == []
    assert amounts(**{"from": isoformat(times[2] + timedelta(hours=1))}) == []
    newest = shop.ann.get("/billing/ledger", query={"limit": "1"}).data[0]
    assert (newest["reason"], newest["balanceAfter"]["amount"], newest["sequence"]) == ("Gift 2", "107.50", 4)
    assert shop.ann.get("/billing/ledger", query={"from": "yesterday"}).code == "VALIDATION_ERROR"


@pytest.mark.guarantee("G03", "G44")
def test_g44_a_credit_with_a_key_is_given_once(shop: Shop) -> None:
    path = f"/v1/admin/customers/{shop.house.customer_id}/credits"
    body = {"amount": "5.00", "reason": "Goodwill"}

    def give(_: int) -> Answer:
        return shop.staff.post(path, body, headers={"Idempotency-Key": "gift"})

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(give, range(6)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert give(0).headers["Idempotency-Replayed"] == "true"
    assert shop.ann.get("/billing/balance").data["posted"]["amount"] == "105.00"
    shop.house.assert_proven()


@pytest.mark.parametrize("amount", ["0", "-1.00", "1.0000001", "100000.01", "1e3", "NaN", ""])
def test_a_credit_of_anything_but_a_proper_amount_is_refused(shop: Shop, amount: str) -> None:
    path = f"/v1/admin/customers/{shop.house.customer_id}/credits"
    answer = shop.staff.post(path, {"amount": amount, "reason": "Goodwill"})
    assert (answer.status, answer.fields) == (400, {"amount"})
    assert shop.ann.post(path, {"amount": "1.00", "reason": "Mine"}).status == 403
    nobody = f"/v1/admin/customers/{new_id(Kind.CUSTOMER, START)}/credits"
    assert shop.staff.post(nobody, {"amount": "1.00", "reason": "Lost"}).code == "NOT_FOUND"


def test_every_refusal_has_a_sentence() -> None:
    assert all(error.sentence.endswith(".") for error in error_classes())


@pytest.mark.guarantee("G05")
def test_g05_usage_is_shown_by_hour_and_by_day_and_adds_up_to_the_ledger(shop: Shop) -> None:
    path = f"/deployments/{shop.ordered()}"
    billed.charge(shop.house.customer_id, 30, path.removeprefix("/deployments/"))
    usage = shop.ann.get(f"{path}/usage").data
    hours = shop.ann.get(f"{path}/usage/hourly", query={"limit": "100"}).data
    days = shop.ann.get(f"{path}/usage/daily").data
    for shown in (hours, days):
        assert sum(parse_amount(each["amount"]["amount"]) for each in shown) == parse_amount(
            usage["total"]["amount"]
        )
        assert sum(each["seconds"] for each in shown) == sum(each["seconds"] for each in usage["intervals"])
    assert len(hours) == 31
    assert [day["day"] for day in days] == ["2031-05-03", "2031-05-04"]
    fifty = {"amount": "50.00", "currency": "USD"}
    assert days[0]["prices"] == [
        {"pricePerHour": fifty, "seconds": days[0]["seconds"], "amount": days[0]["amount"]}
    ]

    some = shop.ann.get(f"{path}/usage/hourly", query={"from": hours[3]["start"], "to": hours[7]["start"]}).data
    assert some == hours[3:7]
    first = shop.ann.get(f"{path}/usage/hourly", query={"limit": "30"})
    rest = shop.ann.get(f"{path}/usage/hourly", query={"limit": "30", "cursor": first.next_cursor})
    assert first.data + rest.data == hours
    assert rest.next_cursor is None
    for cursor in ("x", "-1", "١٢", "9" * 13):
        assert shop.ann.get(f"{path}/usage/hourly", query={"cursor": cursor}).fields == {"cursor"}
    assert shop.ann.get(f"{path}/usage/hourly", query={"cursor": "9" * 12}).data == []

    address = {"addressLines": ["1 Queen Street"], "city": "Auckland", "country": "NZ"}
    profile = {"kind": "individual", "name": "Ann", "timeZone": "Pacific/Auckland", **address}
    assert shop.ann.put("/account/billing-profile", profile).status == 200
    theirs = shop.ann.get(f"{path}/usage/daily", query={"days": "billing"}).data
    assert [day["day"] for day in theirs] == ["2031-05-03", "2031-05-04", "2031-05-05"]
    assert theirs[0]["end"] == "2031-05-03T12:00:00Z"
    assert sum(day["seconds"] for day in theirs) == sum(day["seconds"] for day in days)


def test_a_quote_tells_of_announced_prices(shop: Shop) -> None:
    at = epoch_seconds(START) + 86_400
    catalog = read_catalog()
    types = tuple(replace(each, price_changes=(PriceChange(at, 50_000),)) for each in catalog.instance_types)
    app().cloud.catalog_loader.load(replace(catalog, instance_types=types))
    quote = shop.ann.post(
        "/deployments/quote", {key: value for key, value in shop.body().items() if key != "sshKeyId"}
    )
    assert quote.data["pricePerHour"]["amount"] == "0.032"
    assert [change["price"]["amount"] for change in quote.data["priceChanges"]] == ["0.05"]
