"""A small world: Ann with everything that a customer can have, Bob who is a stranger to her, and staff."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest

from chalicelib.adapters.dynamodb.people.device_sign_in import DynamoDeviceSignIns
from chalicelib.adapters.dynamodb.people.staff import DynamoStaff
from chalicelib.domain.foundation.access.models import Scope, StaffRole, StaffStatus
from chalicelib.domain.foundation.access.rate_limits import RateLimiter
from chalicelib.domain.foundation.access.scopes import SENTENCES, wildcards
from chalicelib.domain.foundation.changes.service import DeadLetterDesk
from chalicelib.domain.money.top_ups.models import InvalidSignature, Notice
from chalicelib.domain.people.sign_in.device_sign_in import DEVICE_SIGN_IN_LIFE
from chalicelib.domain.people.sign_in.models import DeviceSignIn
from chalicelib.domain.people.staff.models import StaffMembership
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.wiring.app import app
from tests.fakes.access import NoCounters
from tests.fakes.changes import MemoryDeadLetters
from tests.fakes.identity import People
from tests.fakes.payments import FakeGateway
from tests.support import billed
from tests.support.api import DEFAULT_IP, Api
from tests.support.clock import START, SettableClock
from tests.support.engine import Change, Engine, Snapshot
from tests.support.parts import give
from tools.catalog_data import read_catalog

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF/dBdkpu05uTJROrCBcxP9qagmuaM1aHkLy+Hcp5l4r ann@laptop"

NETWORK = "203.0.113.0/24"
"""The IP address of all callers."""


@dataclass(frozen=True)
class Person:
    """A signed-in person, with the ids of their things, by kind."""

    api: Api
    ids: Mapping[Kind, str]


@dataclass(frozen=True)
class World:
    """The people of the world, without rate limits."""

    ann: Person
    bob: Person
    staff: Person
    visitor: Api
    strangers: Mapping[str, Api]
    """Callers without access to Ann's things: Bob, an API key of his with all scopes of keys, and a supporter."""
    anns_key: Api
    """An API key of Ann with all scopes of keys, from everywhere."""
    keys: Mapping[Scope, Api]
    """For each scope of keys, a key with only that scope."""
    snapshot: Snapshot

    def unknown(self, kind: Kind) -> str:
        """An id of this kind that does not exist."""
        return new_id(kind, START)

    def changes(self) -> list[Change]:
        """The changed items, except those that even a refusal writes: counters, log, measurements."""
        passing = {"COUNTER", "ACTIVITY", "CAPACITY"}
        return [change for change in self.snapshot.changes() if change.item["kind"]["S"] not in passing]

    def logged(self) -> list[Change]:
        """The new lines of Ann's activity log, and of the staff's."""
        logs = {f"ACTIVITY#{self.ann.ids[Kind.CUSTOMER]}", "ACTIVITY#STAFF"}
        return [change for change in self.snapshot.changes() if change.item["pk"]["S"] in logs]

    def sender(self, scope: Scope | None, *, public: bool) -> Person:
        """A caller for an endpoint with this scope: Ann, unless it is for staff."""
        if public:
            return Person(self.visitor, self.ann.ids)
        return self.staff if scope is not None and scope.startswith("staff.") else self.ann


class SilentGateway(FakeGateway):
    """A gateway that accepts every top-up and never sends a webhook; it knows no webhook that arrives."""

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        raise InvalidSignature("not signed")

    @property
    def accounts(self) -> frozenset[str]:
        """We have no accounts there."""
        return frozenset()


class WorldBuilder:
    """Builds the world once, through the API, and later restores it."""

    def __init__(self) -> None:
        self._built: World | None = None

    def build(self, engine: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> World:
        """Return the world; the table contains nothing else."""
        limiter = RateLimiter(NoCounters(), clock)
        give(foundation={"rate_limiter": limiter})
        gateways: Mapping[str, SilentGateway] = defaultdict(SilentGateway)
        desk = DeadLetterDesk(MemoryDeadLetters("book_notice", "update_directory"))
        give(foundation={"dead_letters": desk})
        give(money={"gateway": gateways.__getitem__})
        give(money={"crypto_gateway_name": "btcpay"})
        people = People(Api(), engine, monkeypatch)
        if self._built is None:
            engine.fresh_table()
            self._built = _build(people, engine)
        self._built.snapshot.restore()
        return self._built


def _build(people: People, engine: Engine) -> World:
    app().cloud.catalog_loader.load(read_catalog())
    staff = Person(people.owner_of_the_house(), {})
    ann = people.newcomer("ann@example.com")
    _fund(staff.api, _customer_of(ann))
    _let_a_device_wait()
    bob, kim = people.newcomer("bob@example.com"), people.newcomer("kim@example.com")
    everything = [name for name, _ in wildcards()]
    return World(
        ann=Person(ann, {kind: build(ann) for kind, build in OWNED.items()}),
        bob=Person(bob, {}),
        staff=staff,
        visitor=Api(),
        strangers={"session": bob, "key": _key_of(bob, everything), "staff": _support(people)},
        anns_key=_key_of(ann, everything),
        keys={scope: _key_of(kim, [scope]) for scope in SENTENCES},
        snapshot=Snapshot(engine),
    )


def _key_of(person: Api, scopes: Sequence[str]) -> Api:
    """A client with a key that was used today, because the first use of a day is recorded."""
    key = person.as_bearer(person.post("/api-keys", {"name": "test", "scopes": scopes}).data["key"])
    key.get("/me")
    return key


def _support(people: People) -> Api:
    """A supporter with a second factor, who has a customer of their own."""
    person = people.newcomer("sue@hearth.example")
    user_id = str(person.get("/me").data["user"]["id"])
    place = StaffMembership(user_id, StaffRole.SUPPORT, StaffStatus.ACTIVE, START)
    app().core.transactor.commit(DynamoStaff().insert(place))
    people.enrolled(person)
    return person


def _let_a_device_wait() -> None:
    """Let a device wait that shows the code in the schemas' example."""
    waiting = DeviceSignIn("hash", "WDJBMJHT", "hearth-cli", DEFAULT_IP, START, START + DEVICE_SIGN_IN_LIFE)
    app().core.transactor.commit(DynamoDeviceSignIns().insert(waiting))


def _customer_of(person: Api) -> str:
    return str(person.get("/me").data["currentCustomerId"])


def _fund(staff: Api, customer_id: str) -> None:
    body = {"amount": "1000.00", "reason": "For the test"}
    assert staff.post(f"/v1/admin/customers/{customer_id}/credits", body).status == 201


def _ssh_key_of(person: Api) -> str:
    found = person.get("/ssh-keys").data
    if not found:
        found = [person.post("/ssh-keys", {"name": "laptop", "publicKey": PUBLIC_KEY}).data]
    return str(found[0]["id"])


def _api_key_of(person: Api) -> str:
    found = person.get("/api-keys").data
    if not found:
        body = {"name": "everything", "scopes": [name for name, _ in wildcards()], "cidrs": [NETWORK]}
        found = [person.post("/api-keys", body).data]
    return str(found[0]["id"])


def _ip_rule_of(person: Api) -> str:
    found = person.get(f"/api-keys/{_api_key_of(person)}/ip-whitelist").data
    return str(found[0]["id"])


def _session_of(person: Api) -> str:
    return str(person.get("/sessions").data[0]["id"])


def _deployment_of(person: Api) -> str:
    body = {"region": "montreal", "instanceType": "cpu-4x8", "imageId": "ubuntu-22.04"}
    return str(person.post("/deployments", {**body, "sshKeyId": _ssh_key_of(person)}).data["deploymentId"])


def _invoice_of(person: Api) -> str:
    found = person.get("/billing/invoices").data
    return str(found[0]["id"]) if found else billed.invoice(_customer_of(person)).id


def _credit_note_of(person: Api) -> str:
    note = app().money.credit_notes.issue(
        _customer_of(person),
        _invoice_of(person),
        5 * billed.DOLLAR,
        reason="For the test",
        actor_user_id="",
        key="test",
    )
    return note.id


def _top_up_of(person: Api) -> str:
    return str(person.post("/billing/topups/card", {"amount": "50.00"}).data["id"])


def _user_of(person: Api) -> str:
    return str(person.get("/me").data["user"]["id"])


def _invitation_of(person: Api) -> str:
    body = {"email": "somebody@example.com", "role": "viewer"}
    return str(person.post("/members/invitations", body).data["id"])


def _project_of(person: Api) -> str:
    found = person.get("/projects").data
    return str(found[0]["id"] if found else person.post("/projects", {"name": "Staging"}).data["id"])


def _data_export_of(person: Api) -> str:
    return str(person.post("/account/export").data["id"])


def _approval_of(person: Api) -> str:
    asked = app().money.four_eyes.credit(
        _customer_of(person), 5_000 * billed.DOLLAR, reason="For the test", asked_by="", key="test"
    )
    assert asked is not None
    return asked.id


OWNED: Mapping[Kind, Callable[[Api], str]] = {
    Kind.ACCOUNT_EXPORT: _data_export_of,
    Kind.API_KEY: _api_key_of,
    Kind.APPROVAL: _approval_of,
    Kind.CREDIT_NOTE: _credit_note_of,
    Kind.CUSTOMER: _customer_of,
    Kind.DEPLOYMENT: _deployment_of,
    Kind.INVITATION: _invitation_of,
    Kind.INVOICE: _invoice_of,
    Kind.IP_RULE: _ip_rule_of,
    Kind.PROJECT: _project_of,
    Kind.SESSION: _session_of,
    Kind.SSH_KEY: _ssh_key_of,
    Kind.TOP_UP: _top_up_of,
    Kind.USER: _user_of,
}
"""For each kind of id in a path or a body: makes or finds a person's thing of this kind."""
