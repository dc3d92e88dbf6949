"""Data exports, through the API and the schedule that writes the archive."""

import csv
import json
from datetime import datetime, timedelta
from io import BytesIO, StringIO
from random import Random
from typing import Any
from zipfile import ZipFile

import pytest

from chalicelib.adapters.aws.archives import S3Archives, zipped
from chalicelib.domain.operations.departure.models import Member
from chalicelib.wiring.app import app
from functions.operations.departure.workers import make_data_exports
from tests.fakes.identity import PASSWORD, People, deliver_letters
from tests.fakes.payments import FakeGateway
from tests.support import billed
from tests.support.api import Api
from tests.support.aws import PlayedAws
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.world import PUBLIC_KEY, World, WorldBuilder

ADA = "ada@example.com"
BOB = "bob@example.com"
DAY = 24 * 3600


@pytest.fixture
def ada(people: People, aws: PlayedAws) -> Api:
    """Ada, signed in."""
    return people.newcomer(ADA)


def make() -> Any:
    return make_data_exports({}, None)


def asked_for(person: Api) -> str:
    answer = person.post("/account/export")
    assert (answer.status, answer.data["status"]) == (202, "REQUESTED"), answer.text
    return str(answer.data["id"])


def exported(person: Api, aws: PlayedAws, **options: Any) -> ZipFile:
    """Request an export; return the archive."""
    answer = person.post("/account/export", **options)
    assert make() == {"made": 1}
    found = person.get(f"/account/exports/{answer.data['id']}").data
    assert found["status"] == "READY"
    return opened(aws, found["url"])


def opened(aws: PlayedAws, link: str) -> ZipFile:
    """Download the archive from its link."""
    return ZipFile(BytesIO(aws.download(link).content))


def document(archive: ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))


class TestAnExport:
    def test_is_made_in_the_background_and_told_by_mail(
        self, people: People, ada: Api, clock: SettableClock
    ) -> None:
        export_id = asked_for(ada)
        waiting = ada.get(f"/account/exports/{export_id}").data
        assert (waiting["status"], waiting["url"]) == ("REQUESTED", None)
        make()
        ready = ada.get(f"/account/exports/{export_id}").data
        assert ready["status"] == "READY"
        assert datetime.fromisoformat(ready["expiresAt"]) == clock.now() + timedelta(days=7)
        assert ready["sizeBytes"] > 0
        deliver_letters(people.engine)
        assert people.mailbox.of(ADA)[-1] == "export_ready"

    def test_has_everything(self, ada: Api, aws: PlayedAws) -> None:
        customer_id = str(ada.get("/me").data["currentCustomerId"])
        ada.post("/ssh-keys", {"name": "laptop", "publicKey": PUBLIC_KEY})
        ada.post("/projects", {"name": "Staging"})
        ada.post("/api-keys", {"name": "ci", "scopes": ["ssh-keys:*"], "dailySpendCap": "5.00"})
        invoice = billed.invoice(customer_id)
        archive = exported(ada, aws)
        assert set(archive.namelist()) == {
            "README.txt",
            "profile.json",
            "memberships.json",
            "sessions.json",
            "activity.json",
            "deployments.json",
            "projects.json",
            "ssh-keys.json",
            "api-keys.json",
            "billing-profile.json",
            "ledger.csv",
            "top-ups.json",
            f"invoices/{invoice.number}.json",
            f"invoices/{invoice.number}.pdf",
        }
        assert archive.testzip() is None
        assert document(archive, "profile.json")["email"] == ADA
        assert document(archive, "memberships.json")[0]["customerId"] == customer_id
        assert document(archive, "sessions.json")[0]["ip"] == "203.0.113.7"
        assert document(archive, "ssh-keys.json")[0]["publicKey"] == PUBLIC_KEY.rpartition(" ")[0]
        assert document(archive, "projects.json")[0]["name"] == "Staging"
        [key] = document(archive, "api-keys.json")
        assert (key["name"], key["scopes"], key["dailySpendCap"]) == ("ci", ["ssh-keys:*"], "5.00")
        assert {event["action"] for event in document(archive, "activity.json")} >= {"login", "create_ssh_key"}
        assert document(archive, f"invoices/{invoice.number}.json")["totals"]["total"] == "1100.00"
        assert archive.read(f"invoices/{invoice.number}.pdf").startswith(b"%PDF")
        rows = list(csv.reader(StringIO(archive.read("ledger.csv").decode())))
        assert len(rows) == 1 + 2

    def test_names_none_of_the_operators_people_nor_where_they_were(
        self, people: People, ada: Api, aws: PlayedAws
    ) -> None:
        customer_id, staff = ada.get("/me").data["currentCustomerId"], people.owner_of_the_house()
        assert staff.get(f"/v1/admin/customers/{customer_id}", ip="198.51.100.9").status == 200
        activity = exported(ada, aws).read("activity.json").decode()
        [looked] = [entry for entry in json.loads(activity) if entry["byStaff"]]
        assert (looked["action"], looked["actorUserId"]) == ("inspect_customer", "support")
        assert staff.get("/me").data["user"]["id"] not in activity
        assert "198.51.100.9" not in activity

    def test_has_no_secrets(self, people: People, ada: Api, aws: PlayedAws) -> None:
        people.enrolled(ada)
        ada.post("/api-keys", {"name": "ci", "scopes": ["ssh-keys:*"]})
        archive = exported(ada, aws)
        text = b"".join(archive.read(name) for name in archive.namelist())
        secrets = [
            value["S"].encode()
            for item in people.engine.items()
            for name, value in item.items()
            if name in {"password_hash", "family_hash", "refresh_hash", "sealed_secret", "secret_hash"}
        ]
        assert len(secrets) >= 5
        assert not [secret for secret in secrets if secret in text]

    def test_has_deployments_and_payments(
        self,
        builder: WorldBuilder,
        engine: Engine,
        clock: SettableClock,
        monkeypatch: pytest.MonkeyPatch,
        aws: PlayedAws,
    ) -> None:
        world: World = builder.build(engine, clock, monkeypatch)
        assert make() == {"made": 1}  # from the world
        archive = exported(world.bob.api, aws)
        assert document(archive, "deployments.json") == []
        archive = exported(world.ann.api, aws)
        [deployment] = document(archive, "deployments.json")
        assert (deployment["instanceType"], deployment["status"]) == ("cpu-4x8", "REQUESTED")
        [top_up] = document(archive, "top-ups.json")
        assert top_up["method"] == "card"
        assert [name for name in archive.namelist() if name.startswith("credit-notes/")]

    def test_has_no_more_than_the_role_may_see(self, people: People, ada: Api, aws: PlayedAws) -> None:
        bob = people.newcomer(BOB)
        customer_id = ada.get("/me").data["currentCustomerId"]
        ada.post("/members/invitations", {"email": BOB, "role": "viewer"})
        deliver_letters(people.engine)
        bob.post("/invitations/accept", {"token": people.mailbox.newest("invitation", BOB).token})
        archive = exported(bob, aws, headers={"X-Customer-Id": customer_id})
        assert "deployments.json" in archive.namelist()
        assert not {"ledger.csv", "api-keys.json", "billing-profile.json", "top-ups.json"} & set(
            archive.namelist()
        )
        assert document(archive, "profile.json")["email"] == BOB

    def test_has_the_role_as_it_is_when_it_is_made(self, people: People, ada: Api, aws: PlayedAws) -> None:
        bob = people.newcomer(BOB)
        headers = {"X-Customer-Id": ada.get("/me").data["currentCustomerId"]}
        ada.post("/members/invitations", {"email": BOB, "role": "admin"})
        deliver_letters(people.engine)
        bob.post("/invitations/accept", {"token": people.mailbox.newest("invitation", BOB).token})
        export_id = bob.post("/account/export", headers=headers).data["id"]
        bob.post("/members/leave", headers=headers)
        make()
        archive = opened(aws, bob.get(f"/account/exports/{export_id}").data["url"])
        assert set(archive.namelist()) == {"README.txt", "profile.json", "memberships.json", "sessions.json"}

    @pytest.mark.guarantee("G41")
    def test_g41_is_its_owners_alone(self, people: People, ada: Api) -> None:
        export_id = asked_for(ada)
        make()
        assert people.newcomer(BOB).get(f"/account/exports/{export_id}").status == 404

    def test_is_made_once_a_day(self, ada: Api, people: People, clock: SettableClock) -> None:
        asked_for(ada)
        refused = ada.post("/account/export")
        assert (refused.status, refused.code) == (429, "RATE_LIMITED")
        clock.advance(int(refused.headers["Retry-After"]))
        asked_for(people.api.as_bearer(people.login(ADA).data["accessToken"]))

    def test_is_gone_after_a_week(self, ada: Api, people: People, clock: SettableClock) -> None:
        export_id = asked_for(ada)
        make()
        clock.advance(7 * DAY)
        ada = people.api.as_bearer(people.login(ADA).data["accessToken"])
        assert ada.get(f"/account/exports/{export_id}").status == 404

    def test_an_export_for_an_erased_user_is_never_made(
        self, ada: Api, aws: PlayedAws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        give(money={"gateway": lambda name: FakeGateway()})
        give(money={"gateway_names": ("stripe",)})
        asked_for(ada)
        assert ada.post("/account/close", {"password": PASSWORD}).status == 200
        app().operations.erasure.run()
        assert make() == {"made": 0}
        assert aws.files == {}


class TestTheWorker:
    @pytest.fixture
    def failing(self, monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
        """The errors of the next attempts."""
        pending: list[Exception] = []
        real = S3Archives.write

        def write(*args: Any) -> int:
            if pending:
                raise pending.pop(0)
            return real(*args)

        monkeypatch.setattr(S3Archives, "write", write)
        return pending

    def test_tries_again_once_the_lease_is_over(
        self, ada: Api, people: People, failing: list[Exception], clock: SettableClock
    ) -> None:
        export_id = asked_for(ada)
        failing.append(ConnectionError("the bucket is away"))
        with pytest.raises(ExceptionGroup):
            make()
        assert make() == {"made": 0}
        clock.advance(16 * 60)
        assert make() == {"made": 1}
        ada = people.api.as_bearer(people.login(ADA).data["accessToken"])
        assert ada.get(f"/account/exports/{export_id}").data["status"] == "READY"

    def test_gives_up_after_five_attempts(
        self, ada: Api, people: People, failing: list[Exception], clock: SettableClock
    ) -> None:
        export_id = asked_for(ada)
        failing += [ConnectionError("the bucket is away")] * 6
        for _ in range(5):
            with pytest.raises(ExceptionGroup):
                make()
            clock.advance(16 * 60)
        assert make() == {"made": 0}
        ada = people.api.as_bearer(people.login(ADA).data["accessToken"])
        assert ada.get(f"/account/exports/{export_id}").data["status"] == "FAILED"
        assert len(failing) == 1

    def test_is_not_disturbed_by_another(self, ada: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        asked_for(ada)
        real = S3Archives.write

        def write(*args: Any) -> int:
            monkeypatch.setattr(S3Archives, "write", real)
            assert make() == {"made": 0}
            return real(*args)

        monkeypatch.setattr(S3Archives, "write", write)
        assert make() == {"made": 1}


def test_zipping_holds_one_part_at_a_time() -> None:
    source = Random(7)
    pieces = [source.randbytes(4096) for _ in range(64)]
    members = (Member(f"{number}.bin", iter(pieces)) for number in range(4))
    parts = list(zipped(members, START, part_bytes=16 * 1024))
    assert len(parts) > 32
    assert all(16 * 1024 <= len(part) < 64 * 1024 for part in parts[:-1])
    archive = ZipFile(BytesIO(b"".join(parts)))
    assert archive.read("3.bin") == b"".join(pieces)
