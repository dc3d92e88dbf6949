"""Staff find, open, change and block customers; what the customer sees of that."""

from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords
from chalicelib.adapters.dynamodb.operations.directory import DynamoDirectory
from chalicelib.adapters.dynamodb.table import Record
from chalicelib.domain.foundation.access.errors import CustomerBlocked
from chalicelib.domain.foundation.access.models import CustomerStatus, Role
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.domain.operations.directory.models import Entry
from chalicelib.domain.operations.directory.words import MAX_WORDS, terms_of, words_of_address
from chalicelib.kernel.errors import LimitExceeded
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.wiring.app import app
from functions.cloud.deployments.schemas import DeploymentBody
from functions.operations.directory.workers import reconcile_directory
from tests.fakes.identity import PASSWORD, People, deliver_letters
from tests.support.api import Answer, Api
from tests.support.changes import deliver_items
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine
from tests.support.world import PUBLIC_KEY
from tools.catalog_data import read_catalog

CUSTOMERS = "/v1/admin/customers"
WHY = "Chargebacks on three cards"
FOLLOWED = {"CUSTOMER", "MEMBERSHIP", "USER"}


@dataclass
class Office:
    """The first owner of the staff, and people who register."""

    people: People
    owner: Api

    def open(self, email: str, name: str, company: str = "") -> str:
        """Open a customer; return its id."""
        body = {"email": email, "name": name, "company": company, "reason": "Asked by phone"}
        answer = self.owner.post(CUSTOMERS, body)
        assert answer.status == 201, answer.text
        self.follow()
        return str(answer.data["id"])

    def follow(self) -> None:
        """Deliver all items as changes to the directory's consumer."""
        changed = [item for item in self.people.engine.items() if item["kind"]["S"] in FOLLOWED]
        deliver_items(changed)

    def find(self, **query: str) -> list[str]:
        """The addresses of the customers that a search finds."""
        return [one["email"] for one in self.owner.get(CUSTOMERS, query=query).data]

    def change(self, customer_id: str, **body: Any) -> Answer:
        """Change a customer."""
        return self.owner.patch(f"{CUSTOMERS}/{customer_id}", {"reason": WHY, **body})

    def colleague(self, role: str, email: str = "sue@hearth.example") -> Api:
        """Another member of the staff."""
        self.owner.post("/v1/admin/staff/invite", {"email": email, "role": role, "reason": WHY})
        deliver_letters(self.people.engine)
        token = self.people.mailbox.newest("staff_invitation", email).token
        Api().post("/v1/auth/accept-invite", {"token": token, "name": "Sue", "password": PASSWORD})
        colleague = Api(self.people.login(email).data["accessToken"])
        self.people.enrolled(colleague)
        return colleague

    def file(self, customer_id: str) -> Any:
        """Everything about a customer."""
        return self.owner.get(f"{CUSTOMERS}/{customer_id}").data


@pytest.fixture
def office(api: Api, table: Engine, monkeypatch: pytest.MonkeyPatch) -> Office:
    people = People(api, table, monkeypatch)
    return Office(people, people.owner_of_the_house())


@pytest.fixture
def ann(office: Office) -> Api:
    return office.people.newcomer("ann@example.com")


def customer_of(person: Api) -> str:
    return str(person.get("/me").data["currentCustomerId"])


class TestFinding:
    @pytest.fixture
    def office(self, office: Office) -> Office:
        office.open("maria@acme.com", "Maria Weber", "Acme Marketing GmbH")
        office.open("jose.garcia@mail.example.org", "José García", "Academia Ñandú")
        office.open("li@example.net", "Li Wei")
        return office

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("acme", ["maria@acme.com"]),
            ("ACME", ["maria@acme.com"]),
            ("marketing", ["maria@acme.com"]),
            ("mark", ["maria@acme.com"]),
            ("gmbh acme", ["maria@acme.com"]),
            ("acme weber", ["maria@acme.com"]),
            ("maria@", ["maria@acme.com"]),
            ("maria@acme.com", ["maria@acme.com"]),
            ("acme.com", ["maria@acme.com"]),
            ("ac", ["jose.garcia@mail.example.org", "maria@acme.com"]),
            ("garcia", ["jose.garcia@mail.example.org"]),
            ("GARCÍA", ["jose.garcia@mail.example.org"]),
            ("nandu", ["jose.garcia@mail.example.org"]),
            ("example.org", ["jose.garcia@mail.example.org"]),
            ("example", ["li@example.net", "jose.garcia@mail.example.org"]),
            ("acme garcia", []),
            ("cme", []),
            ("nobody", []),
            ("!!", []),
        ],
    )
    def test_by_the_beginnings_of_words(self, office: Office, search: str, found: list[str]) -> None:
        assert sorted(office.find(search=search)) == sorted(found)

    def test_by_the_beginning_of_an_id(self, office: Office) -> None:
        wanted = office.owner.get(CUSTOMERS, query={"search": "acme"}).data[0]["id"]
        assert office.find(search=wanted) == ["maria@acme.com"]
        assert office.find(search=wanted[:-1].lower()) != []
        assert office.find(search=new_id(Kind.CUSTOMER, START)) == []

    def test_everybody_newest_first_by_number_and_by_cursor(self, office: Office) -> None:
        everybody = office.find()
        assert everybody == ["li@example.net", "jose.garcia@mail.example.org", "maria@acme.com"]
        page = office.owner.get(CUSTOMERS, query={"page": "2", "pageSize": "2"})
        assert [one["email"] for one in page.data] == everybody[2:]
        assert (page.body["meta"]["total"], page.body["meta"]["isTotalExact"]) == (3, True)
        first = office.owner.get(CUSTOMERS, query={"limit": "2"})
        assert office.find(cursor=first.next_cursor or "") == everybody[2:]

    def test_by_cursor_through_a_search_finds_each_once(self, office: Office) -> None:
        for number in range(5):
            office.open(f"acme{number}@acme.org", "Acme Acmeson", "Acme Acmestone")
        found: list[str] = []
        query = {"search": "acme", "limit": "2"}
        for _ in range(30):
            answer = office.owner.get(CUSTOMERS, query=query)
            found += [one["email"] for one in answer.data]
            if answer.next_cursor is None:
                break
            query["cursor"] = answer.next_cursor
        assert sorted(found) == sorted(["maria@acme.com", *(f"acme{n}@acme.org" for n in range(5))])

    def test_by_status(self, office: Office) -> None:
        acme = office.owner.get(CUSTOMERS, query={"search": "acme"}).data[0]["id"]
        assert office.change(acme, status="BLOCKED").status == 200
        office.follow()
        assert office.find(status="BLOCKED") == ["maria@acme.com"]
        assert "maria@acme.com" not in office.find(status="ACTIVE")
        assert office.find(search="ac", status="ACTIVE") == ["jose.garcia@mail.example.org"]

    def test_by_the_present_name_of_the_customer(self, office: Office) -> None:
        acme = office.owner.get(CUSTOMERS, query={"search": "acme"}).data[0]["id"]
        office.change(acme, company="Zenith AG", name="Zenith")
        office.follow()
        assert office.find(search="zenith") == ["maria@acme.com"]
        assert office.find(search="marketing") == []

    def test_by_every_member(self, office: Office, ann: Api) -> None:
        office.follow()
        assert office.find(search="ann@example.com") == ["ann@example.com"]

    def test_by_an_address_with_signs_in_it(self, office: Office) -> None:
        office.open("a#b+c@acme.dev", "Ann")
        assert office.find(search="a#b+c@") == ["a#b+c@acme.dev"]
        assert office.find(search="acme.dev") == ["a#b+c@acme.dev"]

    def test_a_lost_event_is_made_up_for(self, office: Office, ann: Api) -> None:
        assert office.find(search="ann@") == []
        reconcile_directory({}, None)
        assert office.find(search="ann@") == ["ann@example.com"]
        assert app().operations.directory_keeper.follow_all()["changed"] == 0

    def test_needs_two_characters(self, office: Office) -> None:
        assert office.owner.get(CUSTOMERS, query={"search": "a"}).fields == {"search"}

    def test_never_scans(self, office: Office) -> None:
        requested: list[str] = []

        def note(model: Any, **_: Any) -> None:
            requested.append(model.name)

        events = Record.shared_connection().client.meta.events
        events.register("before-call.dynamodb", note)
        try:
            for query in ({}, {"search": "acme"}, {"status": "BLOCKED"}, {"search": "cus_01"}, {"page": "1"}):
                assert office.owner.get(CUSTOMERS, query=query).status == 200
        finally:
            events.unregister("before-call.dynamodb", note)
        assert "Scan" not in requested
        assert requested.count("Query") == 5


class TestWords:
    def test_an_address_is_found_by_its_parts(self) -> None:
        assert set(words_of_address("Ada.Lovelace@mail.acme.co.uk")) == {
            "ada.lovelace@mail.acme.co.uk",
            "mail.acme.co.uk",
            "acme.co.uk",
            "co.uk",
            "ada",
            "lovelace",
        }

    def test_the_longest_term_comes_first_and_single_letters_are_left_out(self) -> None:
        assert terms_of("J. R. Tolkien, hobbit") == ("tolkien", "hobbit")
        assert terms_of('"Ada" <ada@acme.com>') == ("ada@acme.com", "ada")

    def test_a_customer_has_no_more_words_than_fit_into_a_transaction(self, office: Office) -> None:
        def entry(prefix: str, version: int) -> Entry:
            words = tuple(f"{prefix}{number:02d}" for number in range(MAX_WORDS))
            return Entry("cus_1", "a", "", "", CustomerStatus.ACTIVE, START, words, version)

        records, transactor = DynamoDirectory(), app().core.transactor
        transactor.commit(records.replace(None, entry("aa", 0)))
        transactor.commit(records.replace(records.get("cus_1"), entry("bb", 1)))
        assert records.get("cus_1") == entry("bb", 2)


class TestOpening:
    def test_makes_a_customer_whose_owner_chooses_a_password(self, office: Office) -> None:
        customer = office.open("maria@acme.com", "Maria Weber", "Acme Marketing GmbH")
        file = office.file(customer)
        assert (file["owner"]["email"], file["owner"]["role"]) == ("maria@acme.com", Role.OWNER)
        assert (file["company"], file["status"], file["flags"]) == (
            "Acme Marketing GmbH",
            "ACTIVE",
            ["OWNER_UNVERIFIED"],
        )
        deliver_letters(office.people.engine)
        assert office.people.mailbox.of("maria@acme.com") == ["account_opened"]
        office.people.ask("/auth/forgot-password", "maria@acme.com")
        token = office.people.mailbox.newest("reset_password", "maria@acme.com").token
        assert Api().post("/auth/reset-password", {"token": token, "password": PASSWORD}).status == 200
        maria = Api(office.people.login("maria@acme.com").data["accessToken"])
        assert maria.get("/me").data["currentCustomerId"] == customer
        assert [one["action"] for one in maria.get("/activity/recent").data if one["byStaff"]] == [
            "inspect_customer",
            "open_customer",
        ]

    def test_nobody_can_sign_in_before_that(self, office: Office) -> None:
        office.open("maria@acme.com", "Maria Weber")
        assert office.people.login("maria@acme.com").status == 401

    def test_is_refused_for_an_address_that_has_an_account(self, office: Office, ann: Api) -> None:
        before = [item for item in office.people.engine.items() if item["kind"]["S"] == "CUSTOMER"]
        body = {"email": "ann@example.com", "name": "Ann", "reason": WHY}
        refused = office.owner.post(CUSTOMERS, body)
        assert (refused.status, refused.code, refused.fields) == (409, "CONFLICT", {"email"})
        after = [item for item in office.people.engine.items() if item["kind"]["S"] == "CUSTOMER"]
        assert after == before


class TestBlocking:
    def test_bites_at_once_and_lets_read_and_pay(self, office: Office, ann: Api) -> None:
        customer = customer_of(ann)
        assert ann.post("/ssh-keys", {"name": "one", "publicKey": PUBLIC_KEY}).status == 201
        changed = office.change(customer, status="BLOCKED").data
        assert (changed["status"], changed["statusReason"], changed["flags"]) == ("BLOCKED", WHY, ["BLOCKED"])
        refused = ann.post("/ssh-keys", {"name": "two", "publicKey": PUBLIC_KEY})
        assert (refused.status, refused.code) == (403, "CUSTOMER_BLOCKED")
        assert ann.get("/ssh-keys").status == 200
        assert ann.get("/billing/balance").status == 200
        assert ann.post("/billing/topups/card", {"amount": "x"}).code == "VALIDATION_ERROR"
        assert ann.post("/auth/logout").status == 200

    def test_ends_with_the_next_change(self, office: Office, ann: Api) -> None:
        office.change(customer_of(ann), status="BLOCKED")
        office.change(customer_of(ann), status="ACTIVE")
        assert ann.post("/ssh-keys", {"name": "one", "publicKey": PUBLIC_KEY}).status == 201

    def test_stops_keys_altogether(self, office: Office, ann: Api) -> None:
        made = ann.post("/api-keys", {"name": "ci", "scopes": ["deployments:read"]}).data
        key = Api(made["key"])
        assert key.get("/deployments").status == 200
        office.change(customer_of(ann), status="BLOCKED")
        refused = key.get("/deployments")
        assert (refused.status, refused.code) == (403, "CUSTOMER_BLOCKED")

    def test_is_told_by_mail_with_the_reason(self, office: Office, ann: Api) -> None:
        office.change(customer_of(ann), status="BLOCKED")
        office.change(customer_of(ann), status="ACTIVE")
        deliver_letters(office.people.engine)
        assert office.people.mailbox.of("ann@example.com")[-2:] == ["customer_blocked", "customer_unblocked"]
        assert WHY in office.people.mailbox.newest("customer_blocked", "ann@example.com").mail.text

    def test_the_same_again_tells_nobody(self, office: Office, ann: Api) -> None:
        for _ in range(2):
            office.change(customer_of(ann), status="BLOCKED")
        deliver_letters(office.people.engine)
        assert office.people.mailbox.of("ann@example.com").count("customer_blocked") == 1

    def test_is_of_one_customer_and_not_of_its_people(self, office: Office, ann: Api) -> None:
        other = ann.post("/customers", {"name": "Another"}).data["id"]
        office.change(customer_of(ann), status="BLOCKED")
        body = {"name": "one", "publicKey": PUBLIC_KEY}
        assert ann.post("/ssh-keys", body).status == 403
        assert ann.post("/ssh-keys", body, headers={"X-Customer-Id": other}).status == 201


class TestChanging:
    def test_keeps_notes_that_no_customer_sees(self, office: Office, ann: Api) -> None:
        customer = customer_of(ann)
        assert office.change(customer, notes="A difficult one").data["notes"] == "A difficult one"
        office.change(customer, name="Ann & Co")
        assert office.file(customer)["notes"] == "A difficult one"
        for path in ("/me", "/activity/recent", "/customers"):
            assert "difficult" not in ann.get(path).text

    def test_sets_how_many_machines_there_may_be(
        self, office: Office, ann: Api, clock: SettableClock, table: Engine
    ) -> None:
        DynamoCatalogRecords(app().core.transactor).replace(read_catalog())
        customer = customer_of(ann)
        assert office.file(customer)["deploymentLimit"] == 20
        assert office.change(customer, deploymentLimit=1).data["deploymentLimit"] == 1
        credit = {"amount": "1000.00", "reason": "For the test"}
        office.owner.post(f"{CUSTOMERS}/{customer}/credits", credit)
        key = ann.post("/ssh-keys", {"name": "one", "publicKey": PUBLIC_KEY}).data["id"]
        body = {"region": "montreal", "instanceType": "cpu-4x8", "imageId": "ubuntu-22.04", "sshKeyId": key}
        assert ann.post("/deployments", body).status == 202
        refused = ann.post("/deployments", body)
        assert (refused.status, refused.code) == (409, LimitExceeded.code)
        assert office.file(customer)["flags"] == ["AT_DEPLOYMENT_LIMIT"]
        office.change(customer, deploymentLimit=2)
        assert ann.post("/deployments", body).status == 202

    def test_of_the_status_holds_for_what_was_let_in_before(self, office: Office, ann: Api) -> None:
        """The customer is blocked after a machine was ordered and before it is recorded."""
        DynamoCatalogRecords(app().core.transactor).replace(read_catalog())
        customer = customer_of(ann)
        office.owner.post(f"{CUSTOMERS}/{customer}/credits", {"amount": "1000.00", "reason": "For the test"})
        key = ann.post("/ssh-keys", {"name": "one", "publicKey": PUBLIC_KEY}).data["id"]
        body = DeploymentBody.model_validate(
            {"region": "montreal", "instanceType": "cpu-4x8", "imageId": "ubuntu-22.04", "sshKeyId": key}
        )
        office.change(customer, status="BLOCKED")
        with pytest.raises(CustomerBlocked):
            app().cloud.ordering.create(Reach(customer), body.wanted(key, "", ""), key=None)
        assert office.file(customer)["deployments"] == 0

    def test_of_nothing_is_refused(self, office: Office, ann: Api) -> None:
        assert office.change(customer_of(ann)).status == 400

    def test_closes_nobody(self, office: Office, ann: Api) -> None:
        assert office.change(customer_of(ann), status="CLOSED").fields == {"status"}

    @pytest.mark.parametrize("role", ["MANAGER", "SUPPORT"])
    def test_is_for_managers_and_up(self, office: Office, ann: Api, role: str) -> None:
        customer = customer_of(ann)
        sue = office.colleague(role)
        assert sue.get(f"{CUSTOMERS}/{customer}").status == 200
        answer = sue.patch(f"{CUSTOMERS}/{customer}", {"name": "New", "reason": WHY})
        assert answer.status == (200 if role == "MANAGER" else 403)


class TestWhatTheCustomerSees:
    def test_support_looked_and_changed_something_and_why(self, office: Office, ann: Api) -> None:
        customer = customer_of(ann)
        office.file(customer)
        office.change(customer, deploymentLimit=5, notes="secret")
        seen = [one for one in ann.get("/activity/recent").data if one["byStaff"]]
        assert [one["action"] for one in seen] == ["change_customer", "inspect_customer"]
        assert (seen[0]["reason"], seen[0]["targets"]["deploymentLimit"]) == (WHY, "5")
        assert all(one["userId"] == "support" and one["ip"] is None for one in seen)
        assert "secret" not in ann.get("/activity/recent").text
        assert "owner@hearth.example" not in ann.get("/activity/recent").text

    def test_staff_see_who_it_was(self, office: Office, ann: Api) -> None:
        customer = customer_of(ann)
        office.change(customer, deploymentLimit=5)
        entry = office.owner.get("/v1/admin/audit", query={"target": customer}).data[0]
        assert (entry["action"], entry["customerId"]) == ("change_customer", customer)
        assert entry["actor"] == office.owner.get("/me").data["user"]["id"]

    def test_what_the_path_does_not_say_either(self, office: Office, ann: Api) -> None:
        """Two members of the staff decide about the customer's money; their path has only the approval's id."""
        customer = customer_of(ann)
        credit = {"amount": "50000.00", "reason": "A large contract"}
        asked = office.owner.post(f"{CUSTOMERS}/{customer}/credits", credit).data["approval"]["id"]
        second = office.colleague("ADMIN")
        assert second.post(f"/v1/admin/approvals/{asked}/approve").status == 200
        seen = [one["action"] for one in ann.get("/activity/recent").data if one["byStaff"]]
        assert seen == ["approve", "credit_customer"]
