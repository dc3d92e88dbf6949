"""Updates an installation of the release before areas, which has users, money and machines.

The old release's tools deploy its single stack. This release is then deployed beside it and takes over. The old
stack is removed; the data stack stays.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from dev.demo.checks import await_value
from dev.demo.client import Client, ask
from dev.demo.payers import Payers
from dev.demo.people import Person, new_public_key
from dev.localcloud.awsclient import LocalAws
from dev.localcloud.home import Home, read_json
from tests.support.cloud import SPEED, WAIT_SCALE, LocalCloud, localcloud, take_any_ports
from tests.support.packages import give_package, product_package
from tests.support.previous_release import PreviousRelease

pytestmark = [pytest.mark.xdist_group("upgrade"), pytest.mark.timeout(900)]

MACHINE = {"region": "montreal", "instanceType": "cpu-2x4", "imageId": "ubuntu-22.04"}
SLOW_POLLS, SLOW_POLL_SECONDS = 8, 4.0
"""The build time of a machine during the update; it is longer than the update."""

LIVING = {"ACCOUNT", "COUNTER", "DEPLOYMENT", "HOLD", "METER", "OPERATION", "RATE", "WATCH"}
"""Kinds of items that keep changing; all others are records and must stay equal."""
RECORDS = {
    "ACTIVITY",
    "API_KEY",
    "CUSTOMER",
    "EMAIL",
    "ENTRY",
    "MEMBERSHIP",
    "SESSION",
    "SSH_KEY",
    "TOP_UP",
    "USER",
}
"""Kinds of records that must exist, so that the test proves something."""
GONE_WHEN_DONE = {"LETTER"}

Items = Mapping[tuple[str, str], Mapping[str, Any]]


@dataclass
class Installation:
    """The state before the update, and clients to check it afterwards."""

    cloud: LocalCloud
    person: Person
    session: Client
    """The session, refreshed with its refresh token after its access token was refused."""
    refresh_token: str
    old_session: Client
    """A client with an access token of the previous release."""
    api_key: str
    running: str
    being_built: str
    me: Mapping[str, Any]
    entries: list[Any]
    subjects: list[str]
    before: Items
    after: Items = field(default_factory=dict)

    @property
    def aws(self) -> LocalAws:
        """The installation's AWS."""
        return LocalAws(self.cloud.endpoints["aws"]["endpoint"])


def _items(cloud: LocalCloud) -> Items:
    """Every item of the table, by its keys."""
    client = LocalAws(cloud.endpoints["aws"]["endpoint"]).client("dynamodb")
    pages = client.get_paginator("scan").paginate(TableName="hearth-data", ConsistentRead=True)
    return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}


def _await_status(customer: Client, deployment_id: str, status: str) -> None:
    def reached() -> bool | None:
        return customer.get(f"/deployments/{deployment_id}").data["status"] == status or None

    await_value(f"{deployment_id} to be {status}", reached, deadline_seconds=120)


def _subjects(cloud: LocalCloud, person: Person) -> list[str]:
    """The subjects of the mails to a person."""
    return [mail["subject"] for mail in ask("GET", f"{cloud.endpoints['mailbox']}/messages?to={person.email}")]


def _top_up(cloud: LocalCloud, session: Client) -> None:
    """Pay by card, and wait until the gateway's webhook has led to the credit."""
    asked = session.post("/billing/topups/card", {"amount": "25.00"}, idempotency_key=secrets.token_hex(8)).data
    Payers(cloud.endpoints["simulators"]).pay_by_card(asked["checkout"])

    def settled() -> bool | None:
        return session.get(f"/billing/topups/{asked['id']}").data["status"] == "SETTLED" or None

    await_value("the top-up to be settled", settled, deadline_seconds=60)


def _with_data(home: Home) -> Installation:
    """A customer of the previous release with a session, money, an API key, a machine, and one being built."""
    cloud = LocalCloud(home, read_json(home.endpoints))
    person, visitor = cloud.registered(), cloud.visitor()
    login = visitor.post("/auth/login", {"email": person.email, "password": person.password}).data
    session = visitor.signed_in(login["accessToken"])
    _top_up(cloud, session)
    key = session.post("/ssh-keys", {"name": "laptop", "publicKey": new_public_key("test")}).data
    wish = {**MACHINE, "sshKeyId": key["id"]}
    api_key = session.post("/api-keys", {"name": "ci", "scopes": ["deployments:read"]}).data["key"]
    running = session.post("/deployments", wish).data["deploymentId"]
    _await_status(session, running, "ACTIVE")
    being_built = session.post("/deployments", wish).data["deploymentId"]
    slow = {"kind": "slow", "times": SLOW_POLLS, "contains": being_built, "delay_seconds": SLOW_POLL_SECONDS}
    ask("POST", f"{cloud.endpoints['control']}/faults", json={"function": "poll_machine", **slow})
    return Installation(
        cloud=cloud,
        person=person,
        session=session,
        refresh_token=login["refreshToken"],
        old_session=session,
        api_key=api_key,
        running=running,
        being_built=being_built,
        me=session.get("/me").data,
        entries=list(session.pages("/billing/ledger")),
        subjects=_subjects(cloud, person),
        before=_items(cloud),
    )


def _carry_on(installation: Installation) -> None:
    """Refresh the session that began before the update."""
    visitor = installation.cloud.visitor()
    fresh = visitor.post("/auth/refresh", {"refreshToken": installation.refresh_token}).data
    installation.session = visitor.signed_in(fresh["accessToken"])
    installation.refresh_token = fresh["refreshToken"]


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of the previous release with data in it, after the update."""
    home = Home(tmp_path_factory.mktemp("upgrade") / "home")
    release = PreviousRelease.packaged(tmp_path_factory.mktemp("previous"))
    give_package(home, product_package(tmp_path_factory))
    take_any_ports(home)
    try:
        localcloud(home, "up", "--bare", "--speed", str(SPEED), "--wait-scale", str(WAIT_SCALE))
        release.deploy_into(home)
        installation = _with_data(home)
        localcloud(home, "up")
        installation.after = _items(installation.cloud)
        _carry_on(installation)
        yield installation
    finally:
        localcloud(home, "down")


def test_every_item_is_kept(updated: Installation) -> None:
    """Records are equal; items that keep changing (meters, accounts, machines) exist."""
    before, after = updated.before, updated.after
    kinds = {item["kind"]["S"] for item in before.values()}
    assert kinds >= RECORDS
    assert {item["kind"]["S"] for key, item in before.items() if key not in after} <= GONE_WHEN_DONE
    changed = {item["kind"]["S"] for key, item in before.items() if key in after and item != after[key]}
    assert changed <= LIVING


def test_every_login_is_kept(updated: Installation) -> None:
    """Sessions by their refresh tokens, API keys, and passwords still work.

    An access token of the previous release, which lasts a quarter of an hour, is refused like an expired one, and
    clients then refresh.
    """
    visitor = updated.cloud.visitor()
    assert updated.old_session.get("/me").code == "UNAUTHORIZED"
    assert updated.session.get("/me").data == updated.me
    key = visitor.signed_in(updated.api_key)
    assert {found["id"] for found in key.pages("/deployments")} == {updated.running, updated.being_built}
    fresh = visitor.post("/auth/refresh", {"refreshToken": updated.refresh_token}).data
    assert visitor.signed_in(fresh["accessToken"]).get("/me").data == updated.me
    assert updated.person.sign_in(visitor).get("/me").data == updated.me


def test_the_balance_and_its_ledger_are_kept(updated: Installation) -> None:
    """Every entry is equal, and nothing was credited twice."""
    entries = list(updated.session.pages("/billing/ledger"))
    kept = {entry["id"]: entry for entry in entries}
    assert [kept[entry["id"]] for entry in updated.entries] == updated.entries
    tops_up = [entry for entry in entries if entry["type"] == "top_up"]
    assert len({entry["id"] for entry in tops_up}) == len(list(updated.session.pages("/billing/topups")))


def test_a_machine_that_was_being_built_is_finished_once(updated: Installation) -> None:
    """Its execution began in the old stack, whose removal waited for it."""
    _await_status(updated.session, updated.being_built, "ACTIVE")
    (operation,) = [
        item
        for key, item in _items(updated.cloud).items()
        if item["kind"]["S"] == "OPERATION" and updated.being_built in key[0]
    ]
    assert (operation["status"]["S"], operation["attempt"]["N"]) == ("SUCCEEDED", "1")
    polled = ask(
        "GET",
        f"{updated.cloud.endpoints['control']}/invocations?function=poll_machine&contains={updated.being_built}",
    )
    assert "hearth-poll_machine" in {found["deployed_as"] for found in polled}
    timeline = list(updated.session.pages(f"/deployments/{updated.being_built}/events"))
    assert len([event for event in timeline if event["type"] == "ACTIVE"]) <= 1


def test_what_the_stream_tells_again_is_done_once(updated: Installation) -> None:
    """The new stacks read the stream from its oldest record; no mail is sent twice."""
    told = f"{updated.cloud.endpoints['control']}/invocations?contains=LETTER%23"

    def told_again() -> Any:
        return [one for one in ask("GET", told) if one["deployed_as"].count("-") > 1 and one["answer"]] or None

    await_value("the new stacks to be told of old letters", told_again, deadline_seconds=60)
    subjects = _subjects(updated.cloud, updated.person)
    assert updated.subjects
    assert [subject for subject in subjects if subject in updated.subjects] == updated.subjects


def test_the_old_stack_is_gone_and_the_new_ones_do_its_work(updated: Installation) -> None:
    """A gateway's webhook is processed at the same address, and a machine of the old release is deleted."""
    stacks = updated.aws.client("cloudformation").describe_stacks()["Stacks"]
    names = {stack["StackName"] for stack in stacks}
    assert "hearth" not in names
    assert {"hearth-data", "hearth-core", "hearth-front"} <= names
    functions = ask("GET", f"{updated.cloud.endpoints['control']}/functions")
    assert len({function["name"] for function in functions}) == len(functions)
    _top_up(replace(updated.cloud, endpoints=read_json(updated.cloud.home.endpoints)), updated.session)
    _ = updated.session.delete(f"/deployments/{updated.running}").data
    _await_status(updated.session, updated.running, "DELETED")
