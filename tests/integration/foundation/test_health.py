"""`GET /health` with dependencies that answer, refuse, or never answer."""

import json
import socket
from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Any

import boto3
import pytest

from chalicelib.adapters.aws import machines
from chalicelib.adapters.dynamodb.table import Record
from chalicelib.domain.foundation.health.service import DEADLINE_SECONDS
from chalicelib.wiring.app import app
from tests.support.api import Api, answer_of, find, proxy_event
from tests.support.aws import PlayedAws
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.settings import ACCOUNT, value_of

BUSY_MACHINE_SECONDS = 2.0
"""The delay that scheduling may add; silent dependencies take far longer."""
AWS_DEPENDENCIES = {"mail", "provider-configuration", "signing-key", "state-machines"}


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A URL that accepts every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def timely_report() -> tuple[dict[str, str], str]:
    """Get the report, assert that it is in time, and return the statuses of the dependencies and the whole."""
    assert app().foundation.health is not None  # built before the time is measured
    function, _, _ = find("GET", "/health")
    started = perf_counter()
    answer = answer_of(function.handler(proxy_event("GET", "/health"), None))
    assert perf_counter() - started < DEADLINE_SECONDS + BUSY_MACHINE_SECONDS
    assert answer.status == 200
    dependencies = {entry["name"]: entry["status"] for entry in answer.data["dependencies"]}
    return dependencies, answer.data["status"]


def test_the_answer_is_waited_for_less_than_a_second() -> None:
    assert DEADLINE_SECONDS < 1


def test_everything_silent_is_unknown_in_time(
    monkeypatch: pytest.MonkeyPatch, clock: SettableClock, black_hole: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", black_hole)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", black_hole)
    monkeypatch.setattr(Record, "_connection", None)
    dependencies, whole = timely_report()
    assert dependencies == dict.fromkeys({*AWS_DEPENDENCIES, "table"}, "unknown")
    assert whole == "degraded"


def test_the_table_is_asked_and_what_refuses_is_degraded(table: Engine, clock: SettableClock) -> None:
    """Every AWS service except DynamoDB is a closed port here."""
    dependencies, whole = timely_report()
    assert dependencies == {"table": "ok", **dict.fromkeys(AWS_DEPENDENCIES, "degraded")}
    assert whole == "degraded"


def configure_providers(regions: Mapping[str, Any]) -> None:
    """Store the providers' secret where the product reads it."""
    text = json.dumps({"openstack": {"installation": "test", "regions": regions}})
    boto3.client("secretsmanager").create_secret(Name=value_of("PROVIDER_SECRET_ID"), SecretString=text)


def test_what_is_there_is_well(table: Engine, clock: SettableClock, aws: PlayedAws) -> None:
    project = {"name": "p", "username": "u", "password": "s"}
    region = {"auth_url": table.url, "region_name": "R", "network": "n", "projects": [project]}
    configure_providers({"well": region})
    boto3.client("secretsmanager").create_secret(Name=value_of("SIGNING_KEY_SECRET_ID"), SecretString="{}")
    boto3.client("stepfunctions").create_state_machine(
        name=f"{value_of('STATE_MACHINE_ARN_PREFIX').rpartition(':')[2]}{machines.PROVISION}",
        definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/machines",
    )
    dependencies, whole = timely_report()
    assert dependencies == dict.fromkeys({*AWS_DEPENDENCIES, "table", "region-well"}, "ok")
    assert whole == "ok"


def test_each_region_is_asked_on_its_own(
    table: Engine, clock: SettableClock, aws: PlayedAws, black_hole: str
) -> None:
    """Three plain servers stand for Keystone: the check needs only an answer."""
    project = {"name": "p", "username": "u", "password": "s"}
    urls = {"silent": black_hole, "well": table.url, "closed": "http://127.0.0.1:9"}
    regions = {
        name: {"auth_url": url, "region_name": "R", "network": "n", "projects": [project]}
        for name, url in urls.items()
    }
    configure_providers(regions)
    dependencies, _ = timely_report()
    found = {name: status for name, status in dependencies.items() if name.startswith("region-")}
    assert found == {"region-silent": "unknown", "region-well": "ok", "region-closed": "degraded"}


def test_frequent_requests_reach_no_dependency(table: Engine, clock: SettableClock) -> None:
    answers = [Api().get("/health") for _ in range(100)]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.data["checkedAt"] for answer in answers}) == 1
    assert table.items() == []


def test_nothing_about_the_inside_is_told(table: Engine, clock: SettableClock) -> None:
    text = Api().get("/health").text
    assert "127.0.0.1" not in text
    assert "arn:" not in text
