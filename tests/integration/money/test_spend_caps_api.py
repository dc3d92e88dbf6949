"""Spend caps in the API, for customers and API keys."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords
from chalicelib.adapters.dynamodb.cloud.suspension import DynamoWatchRecords
from chalicelib.domain.cloud.suspension.models import SuspensionReason, SuspensionStatus, Watch
from chalicelib.domain.money.ledger.models import HoldPurpose
from chalicelib.domain.money.metering.models import Meter
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.money import format_amount, parse_amount
from chalicelib.wiring.app import app
from tests.fakes.identity import PASSWORD, People
from tests.support.api import Api
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine
from tests.support.world import PUBLIC_KEY
from tools.catalog_data import read_catalog

DOLLAR = 1_000_000
HOUR = 3_600
WANTED = {"region": "montreal", "instanceType": "cpu-2x4", "imageId": "ubuntu-22.04"}
NONE = {"dailyCap": None, "monthlyCap": None}


@pytest.fixture
def customer(api: Api, table: Engine, monkeypatch: pytest.MonkeyPatch) -> Api:
    DynamoCatalogRecords(app().core.transactor).replace(read_catalog())
    return People(api, table, monkeypatch).newcomer("ann@example.com")


def _id(customer: Api) -> str:
    return str(customer.get("/me").data["currentCustomerId"])


def _fund(customer: Api, micros: int = 100 * DOLLAR) -> None:
    app().money.ledger.credit(_id(customer), micros, reason="a test", actor_user_id="usr_x", key="funds")


def _run(customer: Api, micros_per_hour: int) -> None:
    """Open the meter of a machine with this price."""
    now = app().core.clock.now()
    meter = Meter.opening(_id(customer), "dep_a", 1, micros_per_hour, epoch_seconds(now))
    change = app().money.ledger.change(_id(customer), now)
    app().core.transactor.commit([*app().money.metering.open(change, meter), *change.writes()])


def _wanted(customer: Api) -> dict[str, Any]:
    key = customer.post("/ssh-keys", {"name": "laptop", "publicKey": PUBLIC_KEY}).data["id"]
    return {**WANTED, "sshKeyId": key}


def _price(customer: Api) -> int:
    return parse_amount(customer.post("/deployments/quote", WANTED).data["pricePerHour"]["amount"])


def test_at_first_there_are_no_caps_and_nothing_is_spent(customer: Api) -> None:
    shown = customer.get("/billing/spend-caps").data
    assert (shown["daily"]["cap"], shown["monthly"]["cap"]) == (None, None)
    assert shown["daily"]["spent"]["amount"] == "0.00"
    assert (shown["daily"]["startsAt"], shown["daily"]["endsAt"]) == (
        "2031-05-04T00:00:00Z",
        "2031-05-05T00:00:00Z",
    )
    assert (shown["monthly"]["startsAt"], shown["monthly"]["endsAt"]) == (
        "2031-05-01T00:00:00Z",
        "2031-06-01T00:00:00Z",
    )


def test_what_is_spent_and_when_a_cap_is_reached_is_known_at_any_second(
    customer: Api, clock: SettableClock
) -> None:
    _fund(customer)
    _run(customer, 3_600 * DOLLAR // 1_000)  # a thousandth of a dollar a second
    clock.advance(800)
    shown = customer.put("/billing/spend-caps", {"dailyCap": "1.5", "monthlyCap": "0.80"}).data
    daily, monthly = shown["daily"], shown["monthly"]
    assert (daily["cap"]["amount"], daily["spent"]["amount"], daily["isReached"]) == ("1.50", "0.80", False)
    assert daily["reachedAt"] == "2031-05-04T12:25:30Z"
    assert (monthly["isReached"], monthly["reachedAt"]) == (True, None)
    assert customer.get("/billing/spend-caps").data == shown

    clock.advance(24 * HOUR)
    login = {"email": "ann@example.com", "password": PASSWORD}
    later = customer.as_bearer(customer.post("/auth/login", login).data["accessToken"])
    shown = later.get("/billing/spend-caps").data
    assert shown["daily"]["startsAt"] == "2031-05-05T00:00:00Z"
    assert shown["daily"]["spent"]["amount"] == format_amount((12 * HOUR + 830) * 1_000)
    assert shown["monthly"]["spent"]["amount"] == format_amount((24 * HOUR + 800) * 1_000)


def test_a_cap_that_today_does_not_reach_has_no_moment(customer: Api) -> None:
    _fund(customer)
    _run(customer, DOLLAR)
    shown = customer.put("/billing/spend-caps", {"dailyCap": "12.00", "monthlyCap": "660.00"}).data
    assert (shown["daily"]["reachedAt"], shown["monthly"]["reachedAt"]) == (None, None)
    shown = customer.put("/billing/spend-caps", {"dailyCap": "11.90", "monthlyCap": "650.00"}).data
    assert shown["daily"]["reachedAt"] == "2031-05-04T23:54:30Z"
    assert shown["monthly"]["reachedAt"] == "2031-05-31T14:00:30Z"
    shown = customer.put("/billing/spend-caps", NONE).data
    assert (shown["daily"]["cap"], shown["daily"]["reachedAt"]) == (None, None)


@pytest.mark.guarantee("G47")
@pytest.mark.parametrize(
    "changes",
    [
        {"dailyCap": "-0.01"},
        {"dailyCap": "1.0000001"},
        {"dailyCap": "10000000.01"},
        {"monthlyCap": 5},
        {"monthlyCap": "five"},
        {"monthlyCap": ""},
        {"weeklyCap": "5.00"},
    ],
)
def test_g47_what_is_no_cap_is_refused_and_changes_nothing(customer: Api, changes: dict[str, Any]) -> None:
    customer.put("/billing/spend-caps", {"dailyCap": "7.00", "monthlyCap": None})
    refused = customer.put("/billing/spend-caps", {**NONE, **changes})
    assert (refused.status, refused.error["code"]) == (400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in refused.error["details"]] == list(changes)
    assert customer.get("/billing/spend-caps").data["daily"]["cap"]["amount"] == "7.00"


@pytest.mark.parametrize("missing", ["dailyCap", "monthlyCap"])
def test_a_cap_is_never_removed_by_being_forgotten(customer: Api, missing: str) -> None:
    body = {name: value for name, value in NONE.items() if name != missing}
    assert customer.put("/billing/spend-caps", body).status == 400


def test_a_machine_whose_first_hour_does_not_fit_is_refused_and_leaves_nothing(customer: Api) -> None:
    _fund(customer)
    wanted, price = _wanted(customer), _price(customer)
    customer.put("/billing/spend-caps", {**NONE, "dailyCap": format_amount(2 * price - 1)})
    assert customer.post("/deployments", wanted).status == 202
    held = customer.get("/billing/balance").data["held"]
    quote = customer.post("/deployments/quote", WANTED)
    refused = customer.post("/deployments", wanted)
    assert (refused.status, refused.error["code"]) == (402, "SPEND_CAP_REACHED")
    assert "Your daily spend cap" in refused.error["message"]
    assert refused.error["message"] in quote.data["warnings"]
    assert len(customer.get("/deployments").data) == 1
    assert customer.get("/billing/balance").data["held"] == held
    customer.put("/billing/spend-caps", {**NONE, "dailyCap": format_amount(2 * price)})
    assert customer.post("/deployments", wanted).status == 202


@pytest.mark.parametrize("cap", ["dailySpendCap", "monthlySpendCap"])
def test_an_api_keys_own_cap_refuses_what_the_customers_would_allow(customer: Api, cap: str) -> None:
    _fund(customer)
    wanted, price = _wanted(customer), _price(customer)
    body = {"name": "ci", "scopes": ["deployments:*"], cap: format_amount(price)}
    key = customer.as_bearer(customer.post("/api-keys", body).data["key"])
    assert key.post("/deployments", wanted).status == 202
    quote, refused = key.post("/deployments/quote", WANTED), key.post("/deployments", wanted)
    assert (refused.status, refused.error["code"]) == (402, "SPEND_CAP_REACHED")
    assert refused.error["message"] in quote.data["warnings"]
    assert customer.post("/deployments/quote", WANTED).data["warnings"] == []
    assert customer.post("/deployments", wanted).status == 202
    assert key.get("/deployments").status == 200


@pytest.mark.parametrize("status", [SuspensionStatus.SUSPENDED, SuspensionStatus.RESUMING])
def test_a_stop_for_a_cap_is_shown_apart_from_a_suspension(customer: Api, status: SuspensionStatus) -> None:
    assert customer.get("/billing/balance").data["spendCapStop"] is None
    customer_id = _id(customer)
    stopped = Watch(customer_id, status=status, reason=SuspensionReason.SPEND_CAP, since=START, version=1)
    app().core.transactor.commit([DynamoWatchRecords().replace_watch(Watch(customer_id), stopped)])
    for path in ("/billing/balance", "/me"):
        shown = customer.get(path).data
        assert shown["suspension"] is None
        assert shown["spendCapStop"] == {"status": status, "since": "2031-05-04T12:00:30Z"}


@pytest.mark.guarantee("G09", "G13")
def test_g13_frozen_money_is_no_runway(customer: Api, clock: SettableClock) -> None:
    _fund(customer, 10 * DOLLAR)
    _run(customer, DOLLAR)
    assert customer.get("/billing/balance").data["runwaySeconds"] == 10 * HOUR
    change = app().money.ledger.change(_id(customer), clock.now())
    change.freeze("dp_1", 4 * DOLLAR, HoldPurpose.DISPUTE)
    change.place_hold("rfd_1", DOLLAR, HoldPurpose.REFUND)
    change.place_hold("dep_a", DOLLAR, HoldPurpose.RUNNING)
    app().core.transactor.commit(change.writes())
    assert customer.get("/billing/balance").data["runwaySeconds"] == 5 * HOUR
    customer_id = _id(customer)
    clock.set(START + timedelta(hours=5))
    balance = app().money.ledger.balance(customer_id)
    assert (balance.runway_seconds, balance.available_micros, balance.debt_micros) == (0, 0, 0)
