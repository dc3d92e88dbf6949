"""The staff, through the API: who may change them, how they join and leave, and their activity log."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
from chalicelib.adapters.dynamodb.people.staff import DynamoStaff
from chalicelib.domain.foundation.access.models import StaffRole, StaffStatus
from chalicelib.domain.people.accounts.models import EmailAddress, User
from chalicelib.domain.people.staff.models import StaffMembership
from chalicelib.kernel.errors import Conflict, Forbidden, HearthError
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.wiring.app import app
from tests.fakes.identity import PASSWORD, People, deliver_letters
from tests.support.api import Answer, Api
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine

STAFF = "/v1/admin/staff"
WHY = "For the test"
SUE = "sue@hearth.example"


@dataclass
class House:
    """The staff with its first owner."""

    people: People
    owner: Api

    def invite(self, email: str = SUE, role: str = "SUPPORT") -> Answer:
        """Invite a person, and send the mail."""
        answer = self.owner.post(f"{STAFF}/invite", {"email": email, "role": role, "reason": WHY})
        deliver_letters(self.people.engine)
        return answer

    def token(self, email: str = SUE) -> str:
        """The token in the mail of the newest invitation."""
        return self.people.mailbox.newest("staff_invitation", email).token

    def accept(self, email: str = SUE, by: Api | None = None, **body: Any) -> Answer:
        """Accept the newest invitation, in the session of `by`, if it is given."""
        return (by or Api()).post("/v1/auth/accept-invite", {"token": self.token(email), **body})

    def member(self, email: str = SUE, role: str = "SUPPORT", *, enrolled: bool = True) -> Api:
        """A new member of the staff, signed in."""
        assert self.invite(email, role).status == 201
        assert self.accept(email, name="Sue", password=PASSWORD).status == 200
        person = Api(self.people.login(email).data["accessToken"])
        if enrolled:
            self.people.enrolled(person)
        return person

    def owner_of_two(self) -> Api:
        """A second owner."""
        return self.member("second@hearth.example", "OWNER")

    def change(self, person: Api, **body: Any) -> Answer:
        """Change a member of the staff."""
        return self.owner.patch(f"{STAFF}/{user_id(person)}", {"reason": WHY, **body})


@pytest.fixture
def house(api: Api, table: Engine, monkeypatch: pytest.MonkeyPatch) -> House:
    people = People(api, table, monkeypatch)
    return House(people, people.owner_of_the_house())


def user_id(person: Api) -> str:
    return str(person.get("/me").data["user"]["id"])


def owners_counted(table: Engine) -> int:
    return next(int(item["owners"]["N"]) for item in table.items() if item["kind"]["S"] == "OWNER_COUNT")


class TestInvitations:
    def test_lets_somebody_new_in(self, house: House) -> None:
        asked = house.invite(role="MANAGER")
        assert (asked.status, asked.data["role"]) == (201, "MANAGER")
        shown = Api().get(f"/v1/auth/invite/{house.token()}").data
        assert (shown["email"], shown["role"], shown["hasAccount"]) == (SUE, "MANAGER", False)
        assert house.accept(name="Sue", password=PASSWORD).status == 200
        assert {member["email"]: member["role"] for member in house.owner.get(STAFF).data}[SUE] == "MANAGER"
        assert house.owner.get(f"{STAFF}/invitations").data == []

    def test_gives_no_power_before_a_second_factor(self, house: House) -> None:
        sue = house.member(role="ADMIN", enrolled=False)
        assert (sue.get(STAFF).status, sue.get(STAFF).code) == (403, "TWO_FACTOR_REQUIRED")
        house.people.enrolled(sue)
        assert sue.get(STAFF).status == 200

    def test_links_an_account_that_is_there(self, house: House) -> None:
        ann = house.people.newcomer("ann@example.com")
        house.people.enrolled(ann)
        house.invite("ann@example.com", "ADMIN")
        assert Api().get(f"/v1/auth/invite/{house.token('ann@example.com')}").data["hasAccount"]
        refused = house.accept("ann@example.com", name="Eve", password=PASSWORD)
        assert (refused.status, refused.fields) == (400, {"name", "password"})
        assert house.accept("ann@example.com", ann).status == 200
        assert ann.get(STAFF).status == 200
        assert ann.get("/me").data["user"]["name"] == "Somebody"

    def test_does_not_use_an_account_without_a_session_in_it(self, house: House) -> None:
        """Eve registered Sue's address, and Sue has followed the link of that mail: Eve knows the password."""
        house.people.verified(SUE)
        bob = house.people.newcomer("bob@example.com")
        house.invite(role="ADMIN")
        assert [house.accept(by=by).status for by in (None, bob)] == [401, 403]
        assert SUE not in {member["email"] for member in house.owner.get(STAFF).data}
        assert house.accept(by=Api(house.people.login(SUE).data["accessToken"])).status == 200

    def test_requires_a_name_and_a_password_for_a_new_account(self, house: House) -> None:
        house.invite()
        refused = house.accept()
        assert (refused.status, refused.fields) == (400, {"name", "password"})
        assert house.accept(name="Sue", password=PASSWORD).status == 200

    def test_works_once(self, house: House) -> None:
        house.member()
        again = house.accept(name="Sue", password=PASSWORD)
        assert (again.status, again.fields) == (400, {"token"})

    def test_works_for_seven_days(self, house: House, clock: SettableClock) -> None:
        house.invite()
        clock.advance(7 * 24 * 3600)
        assert house.accept(name="Sue", password=PASSWORD).fields == {"token"}

    def test_can_be_withdrawn(self, house: House) -> None:
        invitation = house.invite().data["id"]
        path = f"{STAFF}/invitations/{invitation}"
        assert house.owner.delete(path, query={"reason": WHY}).status == 200
        assert house.accept(name="Sue", password=PASSWORD).fields == {"token"}
        assert house.owner.delete(path, query={"reason": WHY}).status == 404

    def test_is_void_once_the_inviter_is_no_owner_any_more(self, house: House) -> None:
        second = house.owner_of_two()
        house.invite()
        assert second.patch(f"{STAFF}/{user_id(house.owner)}", {"role": "ADMIN", "reason": WHY}).status == 200
        assert house.accept(name="Sue", password=PASSWORD).fields == {"token"}

    def test_is_refused_for_existing_members(self, house: House) -> None:
        house.member()
        assert (house.invite().status, house.invite().code) == (409, "CONFLICT")

    def test_accepted_twice_at_once_lets_one_in_once(self, house: House, table: Engine) -> None:
        house.invite(role="OWNER")
        body = {"token": house.token(), "name": "Sue", "password": PASSWORD}
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: Api().post("/v1/auth/accept-invite", body), range(4)))
        assert sorted(answer.status for answer in answers)[0] == 200
        assert [answer.status for answer in answers].count(200) == 1
        assert owners_counted(table) == 2


class TestManaging:
    @pytest.mark.parametrize("role", ["ADMIN", "MANAGER", "SUPPORT"])
    def test_is_for_owners_only(self, house: House, role: str) -> None:
        sue = house.member(role=role)
        for answer in (
            sue.post(f"{STAFF}/invite", {"email": "x@example.com", "role": "SUPPORT", "reason": WHY}),
            sue.patch(f"{STAFF}/{user_id(sue)}", {"role": "OWNER", "reason": WHY}),
            sue.delete(f"{STAFF}/{user_id(house.owner)}", query={"reason": WHY}),
        ):
            assert (answer.status, answer.code) == (403, "FORBIDDEN")

    def test_a_role_counts_from_the_next_request(self, house: House) -> None:
        sue = house.member(role="SUPPORT")
        assert sue.get(STAFF).status == 403
        assert house.change(sue, role="ADMIN").data["role"] == "ADMIN"
        assert sue.get(STAFF).status == 200

    def test_a_disabled_member_is_signed_out_and_has_no_power(self, house: House) -> None:
        sue = house.member(role="ADMIN")
        assert house.change(sue, status="DISABLED").data["status"] == "DISABLED"
        assert sue.get("/me").status == 401

    def test_a_disabled_member_has_no_power_in_a_new_session_either(self, house: House) -> None:
        sue = house.member(role="ADMIN")
        member = user_id(sue)
        app().core.transactor.commit(
            DynamoStaff().replace(
                StaffMembership(member, StaffRole.ADMIN, StaffStatus.ACTIVE, START),
                StaffMembership(member, StaffRole.ADMIN, StaffStatus.DISABLED, START),
            )
        )
        assert (sue.get(STAFF).status, sue.get("/me").data["staffRole"]) == (403, None)

    def test_a_removed_member_is_gone_at_once(self, house: House) -> None:
        sue = house.member(role="ADMIN")
        path = f"{STAFF}/{user_id(sue)}"
        assert house.owner.delete(path, query={"reason": WHY}).status == 200
        assert sue.get("/me").status == 401
        assert SUE not in house.owner.get(STAFF).text
        assert house.owner.delete(path, query={"reason": WHY}).status == 404

    def test_one_who_was_removed_may_come_again(self, house: House) -> None:
        sue = house.member(enrolled=False)
        house.owner.delete(f"{STAFF}/{user_id(sue)}", query={"reason": WHY})
        assert house.invite().status == 201
        assert house.accept(by=Api(house.people.login(SUE).data["accessToken"])).status == 200

    def test_nothing_is_done_without_a_reason(self, house: House) -> None:
        sue = house.member()
        path = f"{STAFF}/{user_id(sue)}"
        assert house.owner.patch(path, {"role": "ADMIN"}).fields == {"reason"}
        assert house.owner.delete(path).fields == {"reason"}
        assert house.owner.patch(path, {"reason": WHY}).status == 400

    @pytest.mark.parametrize("body", [{"role": "ADMIN"}, {"status": "DISABLED"}])
    def test_the_last_owner_stays(self, house: House, table: Engine, body: dict[str, str]) -> None:
        refused = house.change(house.owner, **body)
        assert (refused.status, refused.code) == (409, "CONFLICT")
        path = f"{STAFF}/{user_id(house.owner)}"
        assert house.owner.delete(path, query={"reason": WHY}).status == 409
        assert owners_counted(table) == 1

    def test_an_owner_may_go_when_there_is_another(self, house: House, table: Engine) -> None:
        second = house.owner_of_two()
        assert owners_counted(table) == 2
        assert house.change(house.owner, role="SUPPORT").status == 200
        assert owners_counted(table) == 1
        assert second.get(STAFF).status == 200

    def test_a_disabled_owner_is_none_that_remains(self, house: House) -> None:
        second = house.owner_of_two()
        assert house.change(second, status="DISABLED").status == 200
        assert house.change(house.owner, role="ADMIN").status == 409

    def test_the_same_change_twice_is_one(self, house: House, table: Engine) -> None:
        second = house.owner_of_two()
        for _ in range(2):
            assert house.change(second, role="ADMIN").status == 200
        assert owners_counted(table) == 1


class TestRaces:
    """An owner remains, whichever change is faster."""

    @pytest.fixture
    def owners(self, table: Engine, clock: SettableClock) -> list[str]:
        """Two owners, by their ids."""
        ids = [new_id(Kind.USER, START) for _ in range(2)]
        for one in ids:
            add_owner(one)
        return ids

    @pytest.mark.parametrize("attempt", range(5))
    def test_two_owners_who_demote_each_other(self, owners: list[str], table: Engine, attempt: int) -> None:
        one, other = owners
        outcomes = at_once(
            lambda: demote(one, other),
            lambda: demote(other, one),
        )
        assert sorted(map(repr, outcomes), key=len)[0] == "None"
        assert sum(outcome is None for outcome in outcomes) == 1
        assert any(isinstance(outcome, (Conflict, Forbidden)) for outcome in outcomes)
        assert owners_counted(table) == 1

    @pytest.mark.parametrize("attempt", range(5))
    def test_two_owners_who_leave_at_once(self, owners: list[str], table: Engine, attempt: int) -> None:
        outcomes = at_once(*(lambda one=one: remove(one, one) for one in owners))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]
        assert owners_counted(table) == 1

    def test_many_who_demote_one_owner(self, owners: list[str], table: Engine) -> None:
        one, other = owners
        assert at_once(*([lambda: demote(one, other)] * 6)) == [None] * 6
        assert owners_counted(table) == 1

    def test_a_demoted_owner_demotes_nobody_any_more(self, owners: list[str]) -> None:
        one, other = owners
        add_owner(third := new_id(Kind.USER, START))
        demote(one, other)
        with pytest.raises(Forbidden):
            demote(other, third)


def add_owner(owner_id: str) -> None:
    user = User(owner_id, EmailAddress(f"{owner_id.lower()}@hearth.example"), "Owner", "-", 1, START, START)
    place = StaffMembership(owner_id, StaffRole.OWNER, StaffStatus.ACTIVE, START)
    app().core.transactor.commit([*DynamoUsers().insert(user), *DynamoStaff().insert(place)])


def demote(actor_id: str, member_id: str) -> None:
    app().people.staff_desk.change(actor_id, member_id, role=StaffRole.ADMIN, status=None)


def remove(actor_id: str, member_id: str) -> None:
    app().people.staff_desk.remove(actor_id, member_id)


def at_once(*jobs: Callable[[], None]) -> list[HearthError | None]:
    """Run the jobs at the same time; return their results."""

    def outcome(job: Callable[[], None]) -> HearthError | None:
        try:
            job()
        except HearthError as refused:
            return refused
        return None

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(outcome, jobs))


class TestAudit:
    def test_says_who_did_what_to_whom_and_why(self, house: House) -> None:
        sue = house.member(role="SUPPORT")
        house.change(sue, role="MANAGER")
        entry = house.owner.get("/v1/admin/audit").data[0]
        assert entry["action"] == "change_staff_member"
        assert (entry["actor"], entry["reason"], entry["outcome"]) == (user_id(house.owner), WHY, "done")
        assert entry["targets"] == {"userId": user_id(sue), "role": "MANAGER"}

    def test_has_invitations_and_who_came(self, house: House) -> None:
        sue = house.member()
        entries = house.owner.get("/v1/admin/audit").data
        assert [entry["action"] for entry in entries] == ["accept_invitation", "invite_staff_member"]
        assert [entry["actor"] for entry in entries] == [user_id(sue), user_id(house.owner)]
        assert entries[1]["targets"] == {"email": SUE, "role": "SUPPORT"}

    def test_has_what_was_denied(self, house: House) -> None:
        sue = house.member(role="SUPPORT")
        sue.patch(f"{STAFF}/{user_id(sue)}", {"role": "OWNER", "reason": WHY})
        entry = house.owner.get("/v1/admin/audit").data[0]
        assert (entry["outcome"], entry["code"], entry["actor"]) == ("denied", "FORBIDDEN", user_id(sue))

    @pytest.mark.guarantee("G41")
    def test_g41_whoever_is_no_staff_writes_into_no_log_but_their_own(self, house: House) -> None:
        eve, ann = house.people.newcomer("eve@example.com"), house.people.newcomer("ann@example.com")
        customer_id = str(ann.get("/me").data["currentCustomerId"])
        before = ann.get("/activity/recent").data, house.owner.get("/v1/admin/audit").data
        body = {"status": "BLOCKED", "reason": WHY}
        for headers in ({}, {"X-Customer-Id": customer_id}):
            assert eve.patch(f"/v1/admin/customers/{customer_id}", body, headers=headers).status == 403
        assert (ann.get("/activity/recent").data, house.owner.get("/v1/admin/audit").data) == before
        hers = eve.get("/activity/recent").data[:2]
        assert [(entry["code"], entry["byStaff"], entry["targets"]) for entry in hers] == 2 * [
            ("FORBIDDEN", False, {"customerId": customer_id})
        ]

    def test_names_no_target_that_cannot_be_one(self, house: House) -> None:
        sue = house.member(role="SUPPORT")
        assert sue.patch(f"{STAFF}/{'x' * 3000}", {"role": "OWNER", "reason": WHY}).status == 403
        entry = house.owner.get("/v1/admin/audit").data[0]
        assert (entry["actor"], entry["code"], entry["targets"]) == (user_id(sue), "FORBIDDEN", {})

    def test_is_filtered_by_actor_and_by_target(self, house: House) -> None:
        second, sue = house.owner_of_two(), house.member()
        house.change(sue, role="MANAGER")
        second.patch(f"{STAFF}/{user_id(sue)}", {"role": "SUPPORT", "reason": WHY})
        on_sue = {"target": user_id(sue)}
        by_second = {"actor": user_id(second)}
        assert len(house.owner.get("/v1/admin/audit", query=on_sue).data) == 2
        both = house.owner.get("/v1/admin/audit", query={**on_sue, **by_second}).data
        assert [entry["targets"]["role"] for entry in both] == ["SUPPORT"]
        actors = {entry["actor"] for entry in house.owner.get("/v1/admin/audit", query=by_second).data}
        assert actors == {user_id(second)}

    def test_is_not_for_support(self, house: House) -> None:
        assert house.member(role="SUPPORT").get("/v1/admin/audit").status == 403


class TestPages:
    """Lists for staff have page numbers besides cursors."""

    @pytest.fixture
    def house(self, house: House) -> House:
        for number in range(4):
            house.invite(f"n{number}@hearth.example")
        return house

    def test_have_a_number_a_size_and_an_honest_total(self, house: House) -> None:
        answer = house.owner.get(f"{STAFF}/invitations", query={"page": "2", "pageSize": "3"})
        assert [one["email"] for one in answer.data] == ["n0@hearth.example"]
        assert answer.body["meta"] == {
            "nextCursor": None,
            "page": 2,
            "pageSize": 3,
            "total": 4,
            "isTotalExact": True,
        }

    def test_beyond_the_end_are_empty(self, house: House) -> None:
        answer = house.owner.get(f"{STAFF}/invitations", query={"page": "9", "pageSize": "3"})
        assert (answer.data, answer.body["meta"]["total"]) == ([], 4)

    def test_go_no_further_than_is_counted(self, house: House) -> None:
        answer = house.owner.get(f"{STAFF}/invitations", query={"page": "11", "pageSize": "100"})
        assert (answer.status, answer.fields) == (400, {"page"})

    def test_are_not_mixed_with_cursors(self, house: House) -> None:
        first = house.owner.get(f"{STAFF}/invitations", query={"limit": "3"})
        mixed = {"page": "1", "cursor": first.next_cursor or ""}
        assert house.owner.get(f"{STAFF}/invitations", query=mixed).fields == {"cursor"}
        rest = house.owner.get(f"{STAFF}/invitations", query={"cursor": first.next_cursor or ""})
        assert len(rest.data) == 1


class TestProfile:
    """Members of the staff see and change their own profile."""

    def test_is_ones_own_with_the_role(self, house: House) -> None:
        sue = house.member(role="MANAGER")
        shown = sue.get("/v1/profile").data
        assert (shown["email"], shown["role"], shown["hasSecondFactor"]) == (SUE, "MANAGER", True)

    def test_the_name_changes_and_nothing_else(self, house: House) -> None:
        sue = house.member()
        before = sue.get("/account/profile").data
        assert sue.patch("/v1/profile", {"name": "Susan"}).data["name"] == "Susan"
        assert sue.get("/account/profile").data == {**before, "name": "Susan"}

    def test_the_password_changes_with_the_one_before(self, house: House) -> None:
        sue = house.member(enrolled=False)
        other = "another horse battery staple"
        wrong = sue.post("/v1/profile/password", {"currentPassword": other, "newPassword": other})
        assert wrong.status == 403
        body = {"currentPassword": PASSWORD, "newPassword": other}
        assert sue.post("/v1/profile/password", body).status == 200
        assert sue.get("/v1/profile").status == 200
        assert house.people.login(SUE, other).status == 200
