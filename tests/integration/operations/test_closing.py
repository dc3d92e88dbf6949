"""Closing and erasing a customer, through the API and the schedule that finishes it."""

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.money.auto_top_up import DynamoAutoTopUpRecords
from chalicelib.adapters.dynamodb.operations import departure
from chalicelib.adapters.dynamodb.operations.departure import KEPT_KINDS, DynamoRemainingData
from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
from chalicelib.adapters.dynamodb.table import Record
from chalicelib.adapters.shared.configuration import ConfigurationError
from chalicelib.domain.money.auto_top_up.models import AutoTopUpRule, AutoTopUpSettings
from chalicelib.domain.money.ledger.models import HoldPurpose
from chalicelib.kernel.pages import PageRequest
from chalicelib.wiring.app import app
from functions.operations.departure.workers import erase_closed_customers
from tests.contract.stripe_lab import StripeLab
from tests.fakes.identity import PASSWORD, People, deliver_letters
from tests.fakes.payments import FakeGateway
from tests.support import billed
from tests.support.api import Answer, Api
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.world import PUBLIC_KEY, World, WorldBuilder

ADA = "ada@example.com"
BOB = "bob@example.com"
PROFILE = {
    "kind": "individual",
    "name": "Ada King",
    "addressLines": ["12 St James's Square"],
    "city": "London",
    "country": "GB",
}
ERASED_KINDS = {
    "API_KEY",
    "AUTO_TOP_UP",
    "BILLING_PROFILE",
    "DEPLOYMENT_KEY",
    "INVITATION",
    "KEYRING",
    "PREFERRED_METHOD",
    "PRICE_TOLD",
    "PROJECT",
    "PROJECT_COUNT",
    "PROJECT_GUARD",
    "REFUND_KEY",
    "ROSTER",
    "SPEND_CAPS",
    "SSH_KEY",
    "SSH_KEY_COUNT",
    "SSH_KEY_GUARD",
    "STAFF_NOTES",
    "TOP_UP_KEY",
    "TRANSFER_KEY",
    "WATCH",
}
"""Kinds of items that are erased with a customer; each new kind belongs here or into KEPT_KINDS."""


@pytest.fixture
def people(api: Api, table: Engine, monkeypatch: pytest.MonkeyPatch) -> People:
    """People on an empty table."""
    gateway = FakeGateway()
    give(money={"gateway": lambda name: gateway})
    give(money={"gateway_names": ("stripe",)})
    return People(api, table, monkeypatch)


@pytest.fixture
def ada(people: People) -> Api:
    """Ada, signed in."""
    return people.newcomer(ADA)


Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Runs a function between the check for obstacles and the write."""
    closings = app().operations.closings
    give(operations={"closings": closings})
    seen = closings._books.obstacles

    def set_up(act: Callable[[], object]) -> None:
        def look(*args: Any) -> Any:
            monkeypatch.setattr(closings._books, "obstacles", seen)
            found = list(seen(*args))
            act()
            return found

        monkeypatch.setattr(closings._books, "obstacles", look)

    return set_up


def customer_of(person: Api) -> str:
    return str(person.get("/me").data["currentCustomerId"])


def close(person: Api, **more: Any) -> Answer:
    return person.post("/account/close", {"password": PASSWORD} | more)


def in_the_way(person: Api, **more: Any) -> set[str]:
    """The reasons for which closing is refused; asserts that nothing has changed."""
    answer = close(person, **more)
    assert (answer.status, answer.code) == (409, "CONFLICT"), answer.text
    return answer.fields


def kinds(table: Engine) -> Counter[str]:
    return Counter(item["kind"]["S"] for item in table.items())


def untouched(table: Engine) -> list[Any]:
    """All items except counters and log lines."""
    return [item for item in table.items() if item["kind"]["S"] not in {"TALLY", "COUNTER", "ACTIVITY"}]


def erase() -> Any:
    return erase_closed_customers({}, None)


class TestClosing:
    def test_ends_everything_at_once(self, people: People, ada: Api) -> None:
        other = people.api.as_bearer(people.login(ADA).data["accessToken"])
        key = ada.post("/api-keys", {"name": "ci", "scopes": ["ssh-keys:read"]}).data["key"]
        assert people.api.get("/ssh-keys", token=key).status == 200
        answer = close(ada, reason="I have what I came for")
        assert (answer.status, answer.data["erasesYou"]) == (200, True)
        assert ada.get("/me").status == other.get("/me").status == 401
        assert people.api.get("/ssh-keys", token=key).status == 401
        assert people.login(ADA).code == "INVALID_CREDENTIALS"

    def test_the_owner_gets_a_last_mail(self, people: People, ada: Api) -> None:
        close(ada)
        erase()
        deliver_letters(people.engine)
        assert people.mailbox.of(ADA)[-1] == "account_closed"

    def test_needs_the_password_and_a_code(self, people: People, ada: Api, clock: SettableClock) -> None:
        assert close(ada, password="not the password").code == "FORBIDDEN"
        app = people.enrolled(ada)
        clock.advance(60)
        assert close(ada).code == "INVALID_TWO_FACTOR_CODE"
        assert close(ada, code=app.code()).status == 200

    def test_is_the_owners_alone(self, people: People, ada: Api) -> None:
        bob = people.newcomer(BOB)
        invite(people, ada, bob, "admin")
        headers = {"X-Customer-Id": customer_of(ada)}
        refused = bob.post("/account/close", {"password": PASSWORD}, headers=headers)
        assert (refused.status, refused.code) == (403, "FORBIDDEN")

    def test_a_user_with_other_customers_keeps_their_account(self, people: People, ada: Api) -> None:
        second = ada.post("/customers", {"name": "Analytical Engines"}).data["id"]
        answer = close(ada)
        assert answer.data["erasesYou"] is False
        assert ada.get("/me").status == 401
        erase()
        again = people.api.as_bearer(people.login(ADA).data["accessToken"])
        assert [customer["id"] for customer in again.get("/me").data["customers"]] == [second]

    def test_frees_the_address_at_once(self, people: People, ada: Api) -> None:
        close(ada)
        people.verified(ADA)
        anew = people.api.as_bearer(people.login(ADA).data["accessToken"])
        erase()
        assert anew.get("/me").data["user"]["email"] == ADA

    def test_happens_once_however_often_it_is_asked_for(self, people: People, ada: Api) -> None:
        sessions = [ada, *(people.api.as_bearer(people.login(ADA).data["accessToken"]) for _ in range(3))]
        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(answer.status for answer in pool.map(close, sessions))
        assert statuses[0] == 200
        assert set(statuses[1:]) <= {401, 404, 409}


def invite(people: People, inviter: Api, invited: Api, role: str) -> None:
    """Make a person a member."""
    email = invited.get("/me").data["user"]["email"]
    assert inviter.post("/members/invitations", {"email": email, "role": role}).status == 201
    deliver_letters(people.engine)
    token = people.mailbox.newest("invitation", email).token
    assert invited.post("/invitations/accept", {"token": token}).status == 200


class TestWhatStandsInTheWay:
    def test_is_named_all_at_once(
        self, builder: WorldBuilder, engine: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world: World = builder.build(engine, clock, monkeypatch)
        before = untouched(engine)
        wanted = {"machines", "reserved", "topUps", "forfeitBalance"}
        assert wanted <= in_the_way(world.ann.api)
        assert untouched(engine) == before

    def test_is_debt(self, ada: Api) -> None:
        billed.charge(customer_of(ada), hours=1)
        assert in_the_way(ada) == {"debt"}

    def test_is_money_that_is_neither_refunded_nor_given_up(self, people: People, ada: Api) -> None:
        billed.pay(customer_of(ada), 12_345_678)
        assert in_the_way(ada) == {"forfeitBalance"}
        assert in_the_way(ada, forfeitBalance="12.34") == {"forfeitBalance"}
        answer = close(ada, forfeitBalance="12.345678")
        assert answer.data["forfeited"]["amount"] == "12.345678"

    def test_is_naming_money_that_is_not_there(self, ada: Api) -> None:
        assert in_the_way(ada, forfeitBalance="0.01") == {"forfeitBalance"}

    @pytest.mark.parametrize("purpose", [HoldPurpose.DISPUTE, HoldPurpose.REFUND])
    def test_is_money_that_may_have_to_go_back(self, ada: Api, purpose: HoldPurpose) -> None:
        change = app().money.ledger.change(customer_of(ada), app().core.clock.now())
        change.freeze("dispute", 0, purpose)
        app().core.transactor.commit(change.writes())
        assert in_the_way(ada) == {"reserved"}

    def test_is_a_payment_under_way(self, ada: Api) -> None:
        assert ada.post("/billing/topups/card", {"amount": "50.00"}).status == 201
        assert in_the_way(ada) == {"topUps"}

    def test_is_a_month_without_its_invoice(self, people: People, ada: Api, clock: SettableClock) -> None:
        customer_id = customer_of(ada)
        billed.pay(customer_id, 50 * billed.DOLLAR)
        billed.charge(customer_id, hours=1)
        clock.advance(31 * 24 * 3600)
        ada = people.api.as_bearer(people.login(ADA).data["accessToken"])
        assert in_the_way(ada) == {"invoices"}
        app().money.invoicing.issue_due(customer_id)
        assert close(ada).status == 200

    def test_is_a_saved_card_that_is_being_charged(self, ada: Api) -> None:
        customer_id, records = customer_of(ada), DynamoAutoTopUpRecords()
        wish = AutoTopUpSettings(
            enabled=True,
            low_limit_micros=5 * billed.DOLLAR,
            amount_micros=10 * billed.DOLLAR,
            method_id="pm_1",
            monthly_cap_micros=50 * billed.DOLLAR,
        )
        idle = AutoTopUpRule(customer_id, wish)
        charging = replace(idle, in_flight="top_1", version=1)
        app().core.transactor.commit([records.replace_rule(None, idle)])
        app().core.transactor.commit([records.replace_rule(idle, charging)])
        assert in_the_way(ada) == {"autoTopUp"}
        app().core.transactor.commit([records.replace_rule(charging, replace(idle, version=2))])
        assert close(ada).status == 200
        assert records.rule(customer_id) is None

    def test_is_other_members(self, people: People, ada: Api) -> None:
        bob = people.newcomer(BOB)
        invite(people, ada, bob, "viewer")
        assert in_the_way(ada) == {"members"}
        bob.post("/members/leave", headers={"X-Customer-Id": customer_of(ada)})
        assert close(ada).status == 200

    def test_counts_members_who_join_at_the_last_moment(
        self, people: People, ada: Api, meanwhile: Meanwhile
    ) -> None:
        bob = people.newcomer(BOB)
        meanwhile(lambda: invite(people, ada, bob, "viewer"))
        assert in_the_way(ada) == {"members"}

    def test_counts_members_whom_the_index_does_not_show_yet(
        self, people: People, ada: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bob, customer_id = people.newcomer(BOB), customer_of(ada)
        before = DynamoUsers().members(customer_id)
        invite(people, ada, bob, "viewer")
        monkeypatch.setattr(DynamoUsers, "members", lambda _, customer_id: before)
        assert in_the_way(ada) == {"members"}

    def test_is_money_that_arrives_at_the_last_moment(self, ada: Api, meanwhile: Meanwhile) -> None:
        customer_id = customer_of(ada)
        meanwhile(lambda: billed.pay(customer_id, 50 * billed.DOLLAR))
        assert in_the_way(ada) == {"forfeitBalance"}


class TestAgainstOneself:
    """An owner closes a customer while another session invalidates what the closing has checked."""

    def test_a_new_password_comes_first(self, people: People, ada: Api, meanwhile: Meanwhile) -> None:
        other = people.api.as_bearer(people.login(ADA).data["accessToken"])
        body = {"currentPassword": PASSWORD, "newPassword": "another password of hers"}
        meanwhile(lambda: other.post("/account/change-password", body))
        assert close(ada).status == 401
        assert other.get("/me").data["customers"]

    def test_a_new_address_comes_first(self, people: People, ada: Api, meanwhile: Meanwhile) -> None:
        other, new = people.api.as_bearer(people.login(ADA).data["accessToken"]), "ada@example.org"
        other.post("/account/change-email", {"newEmail": new, "password": PASSWORD})
        deliver_letters(people.engine)
        token = people.mailbox.newest("confirm_email", new).token
        meanwhile(lambda: other.post("/account/change-email/confirm", {"token": token}))
        assert close(ada).status == 401
        assert other.get("/me").data["user"]["email"] == new


class TestAgainstMachines:
    """Closing and ordering a machine at the same time: whichever is first, no closed customer has a machine."""

    @pytest.fixture
    def bob(
        self, builder: WorldBuilder, engine: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
    ) -> Api:
        """A person with money, in a world with a catalogue."""
        world = builder.build(engine, clock, monkeypatch)
        billed.pay(customer_of(world.bob.api), 100 * billed.DOLLAR)
        return world.bob.api

    @staticmethod
    def create(person: Api) -> Answer:
        keys = person.get("/ssh-keys").data
        if not keys:
            keys = [person.post("/ssh-keys", {"name": "laptop", "publicKey": PUBLIC_KEY}).data]
        wanted = {"region": "montreal", "instanceType": "cpu-4x8", "imageId": "ubuntu-22.04"}
        return person.post("/deployments", {**wanted, "sshKeyId": keys[0]["id"]})

    def test_a_machine_that_comes_first_stands_in_the_way(self, bob: Api, meanwhile: Meanwhile) -> None:
        created: list[Answer] = []
        meanwhile(lambda: created.append(self.create(bob)))
        assert {"machines", "reserved"} <= in_the_way(bob, forfeitBalance="100.00")
        assert [answer.status for answer in created] == [202]

    def test_a_machine_that_comes_second_is_not_made(
        self, bob: Api, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ledger = app().money.ledger
        give(cloud={"ordering": app().cloud.ordering})
        bob.post("/ssh-keys", {"name": "laptop", "publicKey": PUBLIC_KEY})
        bobs_id, change = customer_of(bob), ledger.change

        def meanwhile(*args: Any) -> Any:
            read = change(*args)
            monkeypatch.setattr(ledger, "change", change)
            assert close(bob, forfeitBalance="100.00").status == 200
            return read

        monkeypatch.setattr(ledger, "change", meanwhile)
        assert self.create(bob).code in {"INSUFFICIENT_BALANCE", "CUSTOMER_BLOCKED"}
        bobs = f"CUSTOMER#{bobs_id}"
        assert not {"DEPLOYMENT", "HOLD"} & {
            item["kind"]["S"] for item in engine.items() if item["pk"]["S"] == bobs
        }


class TestErasing:
    @pytest.fixture
    def closed(self, people: People, ada: Api, clock: SettableClock) -> str:
        """The id of a closed customer that had every kind of item."""
        customer_id = customer_of(ada)
        ada.post("/ssh-keys", {"name": "laptop", "publicKey": PUBLIC_KEY})
        ada.post("/api-keys", {"name": "ci", "scopes": ["ssh-keys:read"]})
        ada.post("/projects", {"name": "Staging"})
        ada.post("/members/invitations", {"email": BOB, "role": "viewer"})
        assert ada.put("/account/billing-profile", PROFILE).status == 200
        billed.pay(customer_id, 60 * billed.DOLLAR)
        billed.charge(customer_id, hours=1)
        app().operations.directory_keeper.follow(customer_id)
        assert close(ada, forfeitBalance="10.00").status == 200
        deliver_letters(people.engine)
        clock.advance(300)
        return customer_id

    def test_keeps_money_and_what_proves_it_and_nothing_else(self, table: Engine, closed: str) -> None:
        assert erase() == {"erased": 1}
        app().operations.directory_keeper.follow(closed)
        left = kinds(table)
        assert not ERASED_KINDS & left.keys()
        assert not {"USER", "EMAIL", "SESSION", "MEMBERSHIP", "DEVICE", "SECOND_FACTOR"} & left.keys()
        assert left["ENTRY"] == 3
        assert left["DOCUMENT"] == 1
        passing = {"DOCUMENT", "COUNTER"}  # an issued invoice never changes; a counter ends with its hour
        text = str([item for item in table.items() if item["kind"]["S"] not in passing])
        assert ADA not in text
        assert BOB not in text
        assert "203.0.113.7" not in text
        assert "Somebody" not in text

    def test_issues_the_last_invoice_to_whom_it_was_due(self, closed: str) -> None:
        erase()
        [summary] = app().money.billing_documents.invoices(closed, PageRequest()).items
        invoice = app().money.billing_documents.invoice(closed, summary.id)
        assert invoice.buyer.name == PROFILE["name"]
        assert [moved.kind for moved in invoice.movements] == ["payment", "forfeit"]
        assert invoice.summary.closing_micros == 0

    def test_leaves_books_that_prove_themselves(self, ada: Api) -> None:
        billed.pay(customer_of(ada), 10 * billed.DOLLAR)
        assert close(ada, forfeitBalance="10.00").status == 200
        erase()
        assert app().operations.proof.run().holds

    @pytest.mark.parametrize("step", ["erase_members", "erase_customer", "erase_traces", "erase_user", "_removal"])
    def test_goes_on_after_a_crash_at_any_point(
        self, table: Engine, closed: str, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        with monkeypatch.context() as patched:
            if step == "_removal":
                self.crash_in_the_middle(patched)
            else:
                real = getattr(DynamoRemainingData, step)

                def crash(remains: DynamoRemainingData, owner: str) -> int:
                    real(remains, owner)
                    raise ConnectionError("the power is gone")

                patched.setattr(DynamoRemainingData, step, crash)
            with pytest.raises(ExceptionGroup):
                erase()
        self.test_keeps_money_and_what_proves_it_and_nothing_else(table, closed)

    @staticmethod
    def crash_in_the_middle(patched: pytest.MonkeyPatch) -> None:
        through = Record.shared_connection()
        real, calls = through.delete_item, iter(range(3))

        def crash(*args: Any, **options: Any) -> Any:
            if next(calls, None) is None:
                raise ConnectionError("the power is gone")
            return real(*args, **options)

        patched.setattr(through, "delete_item", crash)

    def test_forgets_saved_cards(self, ada: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        with closing(StripeLab()) as lab:
            give(money={"gateway": lambda name: lab.gateway})
            customer_id = customer_of(ada)
            secret = ada.post("/billing/payment-methods").data["clientSecret"]
            lab.save(secret.partition("_secret")[0])
            assert len(lab.gateway.saved_methods(customer_id)) == 1
            assert close(ada).status == 200
            erase()
            assert list(lab.gateway.saved_methods(customer_id)) == []

    def test_is_done_where_no_gateway_keeps_cards(
        self, table: Engine, closed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unknown(name: str) -> FakeGateway:
            raise ConfigurationError(f"there is no {name}")

        give(money={"gateway": unknown})
        give(money={"gateway_names": ("btcpay",)})
        assert erase() == {"erased": 1}

    def test_is_done_once(self, table: Engine, closed: str) -> None:
        erase()
        before = table.items()
        assert erase() == {"erased": 0}
        assert table.items() == before

    def test_leaves_others_alone(self, people: People, table: Engine, closed: str) -> None:
        bob = people.newcomer(BOB)
        bob.post("/ssh-keys", {"name": "laptop", "publicKey": PUBLIC_KEY})
        erase()
        assert bob.get("/me").status == 200
        assert len(bob.get("/ssh-keys").data) == 1

    def test_frees_addresses_that_were_kept(self, people: People, table: Engine, ada: Api) -> None:
        new = "ada@example.org"
        ada.post("/account/change-email", {"newEmail": new, "password": PASSWORD})
        deliver_letters(table)
        token = people.mailbox.newest("confirm_email", new).token
        ada.post("/account/change-email/confirm", {"token": token})
        close(ada)
        erase()
        assert not {"EMAIL", "EMAIL_CHANGE"} & kinds(table).keys()


def test_every_kind_of_a_customers_items_is_kept_or_erased_by_decision() -> None:
    """A new kind of record has to be put on one of the two lists."""
    modules = Path(departure.__file__).parents[1].rglob("*.py")
    declared = re.compile(r'discriminator="(\w+)"\):\s+"""`CUSTOMER#<')
    found = {kind for module in modules for kind in declared.findall(module.read_text())}
    assert found == KEPT_KINDS | (ERASED_KINDS - {"API_KEY"})
    assert not KEPT_KINDS & ERASED_KINDS
