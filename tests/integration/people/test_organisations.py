"""Members, invitations, ownership and a user's customers: through the API, on a real table."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.people.invitations import DynamoRosters
from chalicelib.domain.foundation.access.models import ROLE_SCOPES, Credentials, Role
from chalicelib.domain.people.organisations.invitations import INVITATIONS_PER_HOUR, MAX_OPEN_INVITATIONS
from chalicelib.domain.people.organisations.models import MAX_JOINED_MEMBERS
from chalicelib.domain.people.organisations.organisations import MAX_OWN_CUSTOMERS
from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.wiring.app import app
from tests.fakes.identity import PASSWORD, People, deliver_letters
from tests.integration.people.test_identity_accounts import recorded_calls
from tests.support.api import DEFAULT_IP, Answer, Api
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine

ADA = "ada@example.com"
BOB = "bob@example.com"
CAT = "cat@example.com"
NO_KEY = new_id(Kind.SSH_KEY, START)
NEW_ACCOUNT = {"name": "Bob", "password": PASSWORD}


@pytest.fixture
def ada(people: People) -> Api:
    """The owner of the organisation."""
    return people.newcomer(ADA)


def customer_of(person: Api) -> str:
    return str(person.get("/me").data["currentCustomerId"])


def user_of(person: Api) -> str:
    return str(person.get("/me").data["user"]["id"])


def acting_for(customer_id: str) -> dict[str, str]:
    return {"X-Customer-Id": customer_id}


def invite(people: People, by: Api, email: str, role: str = "developer", **options: Any) -> str:
    """Invite `email`; return the id of the invitation."""
    answer = by.post("/members/invitations", {"email": email, "role": role}, **options)
    assert answer.status == 201, answer.text
    deliver_letters(people.engine)
    return str(answer.data["id"])


def token_for(people: People, email: str, template: str = "invitation") -> str:
    return people.mailbox.newest(template, email).token


def join(people: People, by: Api, email: str, role: str = "developer") -> Api:
    """A new member of the organisation of `by`, signed in, with a session that acts for it."""
    invite(people, by, email, role)
    body = {"token": token_for(people, email), "newAccount": NEW_ACCOUNT}
    assert people.api.post("/invitations/accept", body).status == 200
    return people.api.as_bearer(people.login(email).data["accessToken"])


def roles_in(person: Api) -> dict[str, str]:
    return {member["email"]: member["role"] for member in person.get("/members").data}


def raced(*calls: Callable[[], Answer]) -> list[int]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(answer.status for answer in pool.map(lambda call: call(), calls))


class TestInviting:
    def test_a_new_person_is_registered_and_verified_by_accepting(self, people: People, ada: Api) -> None:
        invite(people, ada, BOB)
        token = token_for(people, BOB)
        found = people.api.get(f"/invitations/{token}").data
        assert (found["email"], found["role"], found["hasAccount"]) == (BOB, "developer", False)
        assert found["invitedBy"] == found["customerName"] == "Somebody"
        joined = people.api.post("/invitations/accept", {"token": token, "newAccount": NEW_ACCOUNT}).data
        assert joined["customerId"] == customer_of(ada)
        bob = people.api.as_bearer(people.login(BOB).data["accessToken"])
        me = bob.get("/me").data
        assert [(one["id"], one["role"]) for one in me["customers"]] == [(customer_of(ada), "developer")]
        assert roles_in(bob) == {ADA: "owner", BOB: "developer"}
        assert ada.get("/members/invitations").data == []

    def test_somebody_with_an_account_signs_in_to_accept(self, people: People, ada: Api) -> None:
        bob = people.newcomer(BOB)
        invite(people, ada, BOB, "admin")
        token = token_for(people, BOB)
        assert people.api.get(f"/invitations/{token}").data["hasAccount"] is True
        assert people.api.post("/invitations/accept", {"token": token}).code == "UNAUTHORIZED"
        taken = people.api.post("/invitations/accept", {"token": token, "newAccount": NEW_ACCOUNT})
        assert taken.code == "CONFLICT"
        assert bob.post("/invitations/accept", {"token": token}).data["role"] == "admin"
        assert bob.get("/members", headers=acting_for(customer_of(ada))).status == 200
        assert [one["role"] for one in bob.get("/customers").data] == ["admin", "owner"]

    def test_nobody_else_can_accept(self, people: People, ada: Api) -> None:
        cat = people.newcomer(CAT)
        invite(people, ada, BOB)
        answer = cat.post("/invitations/accept", {"token": token_for(people, BOB)})
        assert answer.code == "FORBIDDEN"
        assert roles_in(ada) == {ADA: "owner"}

    @pytest.mark.guarantee("G42")
    def test_g42_a_token_works_once(self, people: People, ada: Api) -> None:
        bob = people.newcomer(BOB)
        invite(people, ada, BOB)
        body = {"token": token_for(people, BOB)}
        answers = raced(*[lambda: bob.post("/invitations/accept", body)] * 4)
        assert answers == [200, 400, 400, 400]
        assert bob.post("/invitations/accept", body).fields == {"token"}
        assert people.api.get(f"/invitations/{body['token']}").fields == {"token"}

    def test_two_acceptances_of_one_invitation_make_one_account(
        self, people: People, ada: Api, table: Engine
    ) -> None:
        invite(people, ada, BOB)
        body = {"token": token_for(people, BOB), "newAccount": NEW_ACCOUNT}
        answers = raced(*[lambda: people.api.post("/invitations/accept", body)] * 4)
        assert answers == [200, 400, 400, 400]
        assert [item["kind"]["S"] for item in table.items()].count("USER") == 2

    @pytest.mark.guarantee("G42")
    def test_g42_the_token_is_kept_nowhere(self, people: People, ada: Api, table: Engine) -> None:
        invite(people, ada, BOB)
        secret = token_for(people, BOB).rpartition(".")[2]
        assert secret not in str(table.items())

    @pytest.mark.guarantee("G42")
    def test_g42_the_inviter_is_not_told_whether_the_address_has_an_account(
        self, people: People, ada: Api
    ) -> None:
        people.verified(CAT)
        known = ada.post("/members/invitations", {"email": CAT, "role": "viewer"})
        unknown = ada.post("/members/invitations", {"email": BOB, "role": "viewer"})
        assert known.status == unknown.status == 201
        assert known.data.keys() == unknown.data.keys()
        deliver_letters(people.engine)
        texts = [people.mailbox.newest("invitation", email).mail.text for email in (CAT, BOB)]
        assert texts[0].partition("?token=")[0] == texts[1].partition("?token=")[0]

    @pytest.mark.guarantee("G42")
    def test_g42_inviting_is_the_same_work_whether_the_address_has_an_account(
        self, people: People, ada: Api
    ) -> None:
        people.verified(CAT)
        works = []
        for email in (CAT, BOB):
            with recorded_calls() as calls:
                answer = ada.post("/members/invitations", {"email": email, "role": "viewer"})
            works.append(calls)
            assert ada.delete(f"/members/invitations/{answer.data['id']}").status == 200
        assert works[0] == works[1]

    def test_ends_after_seven_days(self, people: People, ada: Api, clock: SettableClock) -> None:
        bob = people.newcomer(BOB)
        invite(people, ada, BOB)
        token = token_for(people, BOB)
        clock.advance(7 * 24 * 3600)
        bob = people.api.as_bearer(people.login(BOB).data["accessToken"])
        assert bob.post("/invitations/accept", {"token": token}).fields == {"token"}
        ada = people.api.as_bearer(people.login(ADA).data["accessToken"])
        assert ada.get("/members/invitations").data == []

    def test_sent_again_has_another_token(self, people: People, ada: Api) -> None:
        invitation_id = invite(people, ada, BOB)
        first = token_for(people, BOB)
        assert ada.post(f"/members/invitations/{invitation_id}/resend").status == 200
        deliver_letters(people.engine)
        second = token_for(people, BOB)
        assert people.api.get(f"/invitations/{first}").fields == {"token"}
        assert people.api.get(f"/invitations/{second}").status == 200

    def test_withdrawn_or_declined_is_void(self, people: People, ada: Api) -> None:
        withdrawn = invite(people, ada, BOB)
        invite(people, ada, CAT)
        assert ada.delete(f"/members/invitations/{withdrawn}").status == 200
        assert ada.delete(f"/members/invitations/{withdrawn}").code == "NOT_FOUND"
        assert people.api.post("/invitations/decline", {"token": token_for(people, CAT)}).status == 200
        for email in (BOB, CAT):
            body = {"token": token_for(people, email), "newAccount": NEW_ACCOUNT}
            assert people.api.post("/invitations/accept", body).fields == {"token"}
        assert roles_in(ada) == {ADA: "owner"}

    def test_withdrawn_before_its_mail_is_written_sends_none(self, people: People, ada: Api) -> None:
        answer = ada.post("/members/invitations", {"email": BOB, "role": "viewer"})
        ada.delete(f"/members/invitations/{answer.data['id']}")
        deliver_letters(people.engine)
        assert people.mailbox.of(BOB) == []

    def test_is_worth_nothing_once_the_inviter_may_not_invite(self, people: People, ada: Api) -> None:
        bob = join(people, ada, BOB, "admin")
        invite(people, bob, CAT, "admin")
        body = {"token": token_for(people, CAT), "newAccount": NEW_ACCOUNT}
        assert ada.patch(f"/members/{user_of(bob)}", {"role": "developer"}).status == 200
        assert people.api.post("/invitations/accept", body).fields == {"token"}
        assert ada.patch(f"/members/{user_of(bob)}", {"role": "admin"}).status == 200
        assert people.api.post("/invitations/accept", body).status == 200

    def test_once_at_a_time_and_never_for_existing_members(self, people: People, ada: Api) -> None:
        join(people, ada, BOB)
        invite(people, ada, CAT)
        for email in (BOB, CAT):
            answer = ada.post("/members/invitations", {"email": email, "role": "viewer"})
            assert (answer.code, answer.fields) == ("CONFLICT", {"email"})

    def test_once_even_at_the_same_time(self, people: People, ada: Api) -> None:
        body = {"email": BOB, "role": "viewer"}
        answers = raced(*[lambda: ada.post("/members/invitations", body)] * 4)
        assert answers == [201, 409, 409, 409]
        assert len(ada.get("/members/invitations").data) == 1

    def test_fifty_at_a_time(self, people: People, ada: Api, clock: SettableClock) -> None:
        def fill(start: int, end: int) -> None:
            for number in range(start, end):
                invite(people, ada, f"person-{number}@example.com")

        fill(0, INVITATIONS_PER_HOUR)
        one_more = {"email": BOB, "role": "viewer"}
        assert ada.post("/members/invitations", one_more).code == "RATE_LIMITED"
        clock.advance(3600)
        ada = people.api.as_bearer(people.login(ADA).data["accessToken"])
        fill(INVITATIONS_PER_HOUR, MAX_OPEN_INVITATIONS)
        assert ada.post("/members/invitations", one_more).code == "LIMIT_EXCEEDED"
        first = ada.get("/members/invitations", query={"limit": "1"}).data[0]["id"]
        assert ada.delete(f"/members/invitations/{first}").status == 200
        assert ada.post("/members/invitations", one_more).status == 201

    def test_no_more_members_than_the_limit(self, people: People, ada: Api) -> None:
        invite(people, ada, BOB)
        rosters, customer_id = DynamoRosters(), customer_of(ada)
        full = rosters.change(customer_id, rosters.get(customer_id), joined=MAX_JOINED_MEMBERS)
        app().core.transactor.commit([full])
        body = {"token": token_for(people, BOB), "newAccount": NEW_ACCOUNT}
        assert people.api.post("/invitations/accept", body).code == "LIMIT_EXCEEDED"
        room = rosters.change(customer_id, rosters.get(customer_id), joined=-1)
        app().core.transactor.commit([room])
        assert people.api.post("/invitations/accept", body).status == 200

    def test_nobody_gives_a_role_above_their_own(self, people: People, ada: Api) -> None:
        bob = join(people, ada, BOB, "admin")
        for person in (ada, bob):
            answer = person.post("/members/invitations", {"email": CAT, "role": "owner"})
            assert answer.fields == {"role"}
        assert bob.patch(f"/members/{user_of(ada)}", {"role": "viewer"}).code == "FORBIDDEN"
        assert bob.delete(f"/members/{user_of(ada)}").code == "FORBIDDEN"
        assert ada.patch(f"/members/{user_of(ada)}", {"role": "admin"}).code == "FORBIDDEN"

    @pytest.mark.guarantee("G45")
    def test_g45_nobody_can_flood_a_mailbox(self, people: People, ada: Api) -> None:
        invitation_id = invite(people, ada, BOB)
        answers = [ada.post(f"/members/invitations/{invitation_id}/resend").status for _ in range(5)]
        assert answers == [200, 200, 200, 200, 429]


class TestMembers:
    @pytest.mark.guarantee("G41")
    def test_g41_a_role_counts_at_once_in_a_session_that_is_open(self, people: People, ada: Api) -> None:
        bob = join(people, ada, BOB, "admin")
        assert bob.get("/billing/balance").status == 200
        changed = ada.patch(f"/members/{user_of(bob)}", {"role": "viewer"})
        assert changed.data["role"] == "viewer"
        assert bob.get("/billing/balance").code == "FORBIDDEN"
        assert bob.get("/members").status == 200
        deliver_letters(people.engine)
        assert people.mailbox.of(BOB)[-1] == "role_changed"

    @pytest.mark.guarantee("G41")
    def test_g41_who_is_removed_is_out_at_once(self, people: People, ada: Api) -> None:
        bob = join(people, ada, BOB)
        cat = people.newcomer(CAT)
        invite(people, ada, CAT, "viewer")
        assert cat.post("/invitations/accept", {"token": token_for(people, CAT)}).status == 200
        there = acting_for(customer_of(ada))
        assert cat.get("/members", headers=there).status == bob.get("/members").status == 200
        for person in (bob, cat):
            assert ada.delete(f"/members/{user_of(person)}").status == 200
        assert bob.get("/me").code == "UNAUTHORIZED"
        assert cat.get("/members", headers=there).code == "NOT_FOUND"
        assert roles_in(cat) == {CAT: "owner"}
        assert roles_in(ada) == {ADA: "owner"}
        deliver_letters(people.engine)
        assert people.mailbox.of(BOB)[-1] == people.mailbox.of(CAT)[-1] == "member_removed"

    @pytest.mark.guarantee("G43")
    def test_g43_keys_that_could_do_more_than_their_maker_may_end_for_good(self, people: People, ada: Api) -> None:
        bob = join(people, ada, BOB, "admin")
        wide, narrow = (
            people.api.as_bearer(bob.post("/api-keys", {"name": "key", "scopes": [scope]}).data["key"])
            for scope in ("ssh-keys:write", "deployments:read")
        )
        assert narrow.get("/deployments").status == 200
        assert wide.delete(f"/ssh-keys/{NO_KEY}").code == "NOT_FOUND"
        ada.patch(f"/members/{user_of(bob)}", {"role": "viewer"})
        assert wide.delete(f"/ssh-keys/{NO_KEY}").code == "UNAUTHORIZED"
        assert narrow.get("/deployments").status == 200
        ada.patch(f"/members/{user_of(bob)}", {"role": "admin"})
        assert wide.delete(f"/ssh-keys/{NO_KEY}").code == "UNAUTHORIZED"
        ada.delete(f"/members/{user_of(bob)}")
        assert narrow.get("/deployments").code == "UNAUTHORIZED"

    @pytest.mark.guarantee("G43")
    def test_g43_a_key_gives_no_role_that_may_do_more_than_itself(self, people: People, ada: Api) -> None:
        bob = user_of(join(people, ada, BOB, "admin"))
        scopes = ["members:write", *sorted(ROLE_SCOPES[Role.VIEWER])]
        key = people.api.as_bearer(ada.post("/api-keys", {"name": "key", "scopes": scopes}).data["key"])
        for role, status in (("admin", 403), ("billing", 403), ("developer", 403), ("viewer", 201)):
            assert key.post("/members/invitations", {"email": CAT, "role": role}).status == status
        assert key.patch(f"/members/{bob}", {"role": "viewer"}).code == "FORBIDDEN"
        assert key.delete(f"/members/{bob}").code == "FORBIDDEN"

    def test_a_session_of_who_was_removed_goes_on_elsewhere(self, people: People, ada: Api) -> None:
        people.verified(CAT)
        tokens = people.login(CAT).data
        cat = people.api.as_bearer(tokens["accessToken"])
        own = customer_of(cat)
        invite(people, ada, CAT, "viewer")
        cat.post("/invitations/accept", {"token": token_for(people, CAT)})
        access = cat.post("/sessions/current/customer", {"customerId": customer_of(ada)}).data
        cat = people.api.as_bearer(access["accessToken"])
        assert ada.delete(f"/members/{user_of(cat)}").status == 200
        assert cat.get("/me").code == "UNAUTHORIZED"
        tokens = people.api.post("/auth/refresh", {"refreshToken": tokens["refreshToken"]}).data
        assert customer_of(people.api.as_bearer(tokens["accessToken"])) == own

    def test_leaving(self, people: People, ada: Api) -> None:
        bob = join(people, ada, BOB)
        assert ada.post("/members/leave").code == "CONFLICT"
        assert bob.post("/members/leave").status == 200
        assert bob.get("/me").code == "UNAUTHORIZED"
        bob = people.api.as_bearer(people.login(BOB).data["accessToken"])
        assert bob.get("/customers").data == []
        assert bob.get("/members").code == "FORBIDDEN"
        assert bob.post("/members/leave").code == "NOT_FOUND"
        assert roles_in(ada) == {ADA: "owner"}

    def test_who_left_can_come_back(self, people: People, ada: Api) -> None:
        join(people, ada, BOB).post("/members/leave")
        invite(people, ada, BOB)
        bob = people.api.as_bearer(people.login(BOB).data["accessToken"])
        assert bob.post("/invitations/accept", {"token": token_for(people, BOB)}).status == 200

    def test_two_who_remove_each_other_do_not_both_succeed(self, people: People, ada: Api) -> None:
        bob, cat = join(people, ada, BOB, "admin"), join(people, ada, CAT, "admin")
        ids = {BOB: user_of(bob), CAT: user_of(cat)}
        answers = raced(
            lambda: bob.patch(f"/members/{ids[CAT]}", {"role": "viewer"}),
            lambda: cat.patch(f"/members/{ids[BOB]}", {"role": "viewer"}),
        )
        assert answers == [200, 403]
        assert sorted(roles_in(ada).values()) == ["admin", "owner", "viewer"]

    @pytest.mark.guarantee("G41")
    def test_g41_who_has_lost_the_right_since_being_let_in_changes_nobody(self, people: People, ada: Api) -> None:
        bob, cat = join(people, ada, BOB, "admin"), user_of(join(people, ada, CAT, "viewer"))
        let_in = app().people.authenticator.authenticate(Credentials(token=str(bob.token), ip=DEFAULT_IP))
        ada.patch(f"/members/{user_of(bob)}", {"role": "billing"})
        with pytest.raises(Forbidden):
            app().people.members.change_role(let_in, cat, Role.ADMIN)
        with pytest.raises(Forbidden):
            app().people.members.remove(let_in, cat)
        assert roles_in(ada) == {ADA: "owner", BOB: "billing", CAT: "viewer"}

    def test_are_listed_page_by_page(self, people: People, ada: Api) -> None:
        for email in (BOB, CAT):
            join(people, ada, email)
        first = ada.get("/members", query={"limit": "2"})
        second = ada.get("/members", query={"limit": "2", "cursor": first.next_cursor or ""})
        found = [member["email"] for member in (*first.data, *second.data)]
        assert sorted(found) == [ADA, BOB, CAT]

    def test_the_log_says_who_did_what_to_whom(self, people: People, ada: Api) -> None:
        bob = join(people, ada, BOB, "viewer")
        ada.patch(f"/members/{user_of(bob)}", {"role": "developer"})
        bob_id = user_of(bob)
        bob.delete(f"/members/{bob_id}")
        log = {one["action"]: one for one in ada.get("/activity/recent").data}
        assert log["invite_member"]["targets"] == {"email": BOB, "role": "viewer"}
        assert log["accept_invitation"]["userId"] == bob_id
        assert log["change_member_role"]["targets"] == {"userId": bob_id, "role": "developer"}
        assert log["change_member_role"]["userId"] == user_of(ada)
        assert (log["remove_member"]["outcome"], log["remove_member"]["code"]) == ("denied", "FORBIDDEN")


class TestOwnership:
    def test_is_handed_over_when_the_other_accepts(self, people: People, ada: Api) -> None:
        bob = join(people, ada, BOB)
        assert ada.post("/ownership-transfers", {"userId": user_of(bob), "password": PASSWORD}).status == 201
        assert [offer["email"] for offer in ada.get("/ownership-transfers").data] == [BOB]
        deliver_letters(people.engine)
        assert roles_in(ada) == {ADA: "owner", BOB: "developer"}
        token = token_for(people, BOB, "ownership_offer")
        assert bob.post("/ownership-transfers/accept", {"token": token}).data["role"] == "owner"
        assert roles_in(ada) == {ADA: "admin", BOB: "owner"}
        assert ada.post("/ownership-transfers", {"userId": user_of(bob), "password": PASSWORD}).code == "FORBIDDEN"
        assert bob.post("/ownership-transfers/accept", {"token": token}).fields == {"token"}
        deliver_letters(people.engine)
        assert people.mailbox.of(ADA)[-1] == people.mailbox.of(BOB)[-1] == "ownership_changed"
        assert "accept_ownership" in [one["action"] for one in ada.get("/activity/recent").data]

    def test_has_one_owner_whoever_is_faster(self, people: People, ada: Api) -> None:
        """Two offers are accepted at the same time; the newer one has made the older one void."""
        bob, cat = join(people, ada, BOB), join(people, ada, CAT)
        tokens = []
        for person, email in ((bob, BOB), (cat, CAT)):
            ada.post("/ownership-transfers", {"userId": user_of(person), "password": PASSWORD})
            deliver_letters(people.engine)
            tokens.append(token_for(people, email, "ownership_offer"))
        answers = raced(
            lambda: bob.post("/ownership-transfers/accept", {"token": tokens[0]}),
            lambda: cat.post("/ownership-transfers/accept", {"token": tokens[1]}),
            lambda: cat.post("/ownership-transfers/accept", {"token": tokens[1]}),
            lambda: ada.delete(f"/members/{user_of(cat)}"),
        )
        assert answers.count(200) >= 1
        assert list(roles_in(ada).values()).count("owner") == 1

    def test_is_not_taken_by_anybody_else(self, people: People, ada: Api) -> None:
        bob, cat = join(people, ada, BOB), join(people, ada, CAT)
        ada.post("/ownership-transfers", {"userId": user_of(bob), "password": PASSWORD})
        deliver_letters(people.engine)
        token = token_for(people, BOB, "ownership_offer")
        assert cat.post("/ownership-transfers/accept", {"token": token}).code == "FORBIDDEN"
        assert bob.post("/invitations/accept", {"token": token}).fields == {"token"}
        ada.delete(f"/members/{user_of(bob)}")
        bob = people.api.as_bearer(people.login(BOB).data["accessToken"])
        assert bob.post("/ownership-transfers/accept", {"token": token}).fields == {"token"}
        assert roles_in(ada) == {ADA: "owner", CAT: "developer"}

    @pytest.mark.guarantee("G42")
    def test_g42_an_open_session_is_not_enough(self, people: People, ada: Api) -> None:
        body = {"userId": user_of(join(people, ada, BOB)), "password": "not this one"}
        assert ada.post("/ownership-transfers", body).code == "FORBIDDEN"
        assert ada.get("/ownership-transfers").data == []

    def test_can_be_withdrawn(self, people: People, ada: Api) -> None:
        bob = join(people, ada, BOB)
        offer = ada.post("/ownership-transfers", {"userId": user_of(bob), "password": PASSWORD}).data
        deliver_letters(people.engine)
        assert ada.delete(f"/ownership-transfers/{offer['id']}").status == 200
        assert ada.delete(f"/ownership-transfers/{offer['id']}").code == "NOT_FOUND"
        assert ada.get("/ownership-transfers").data == []
        body = {"token": token_for(people, BOB, "ownership_offer")}
        assert bob.post("/ownership-transfers/accept", body).fields == {"token"}

    @pytest.mark.parametrize("role", ["admin", "billing", "developer", "viewer"])
    def test_is_the_owners_to_give(self, people: People, ada: Api, role: str) -> None:
        bob = join(people, ada, BOB, role)
        assert bob.post("/ownership-transfers", {"userId": user_of(bob), "password": PASSWORD}).code == "FORBIDDEN"
        assert ada.post("/ownership-transfers", {"userId": user_of(ada), "password": PASSWORD}).code == "CONFLICT"


class TestCustomers:
    def test_a_further_one_has_an_account_of_its_own(self, people: People, ada: Api) -> None:
        made = ada.post("/customers", {"name": "Acme"}).data
        assert (made["name"], made["role"]) == ("Acme", "owner")
        assert [one["name"] for one in ada.get("/customers").data] == ["Somebody", "Acme"]
        there = acting_for(made["id"])
        assert ada.get("/billing/balance", headers=there).data["available"]["amount"] == "0.00"
        assert ada.get(f"/customers/{made['id']}").code == "NOT_FOUND"
        assert ada.get(f"/customers/{made['id']}", headers=there).data["name"] == "Acme"
        renamed = ada.patch(f"/customers/{made['id']}", {"name": "Acme Ltd"}, headers=there)
        assert renamed.data["name"] == ada.get("/customers").data[1]["name"] == "Acme Ltd"

    def test_there_are_at_most_twenty_even_at_once(self, people: People, ada: Api) -> None:
        for number in range(MAX_OWN_CUSTOMERS - 2):
            assert ada.post("/customers", {"name": f"Acme {number}"}).status == 201
        answers = raced(*[lambda: ada.post("/customers", {"name": "Last"})] * 3)
        assert answers == [201, 409, 409]
        assert len(ada.get("/customers").data) == MAX_OWN_CUSTOMERS

    def test_closing_one_makes_room_for_another(self, people: People, ada: Api) -> None:
        user_id = user_of(ada)
        made = ada.post("/customers", {"name": "Acme"}).data
        assert DynamoRosters().get(user_id).joined == 1
        closed = ada.post("/account/close", {"password": PASSWORD}, headers=acting_for(made["id"]))
        assert closed.status < 300, closed.text
        assert DynamoRosters().get(user_id).joined == 0
        assert [one["name"] for one in ada.get("/customers").data] == ["Somebody"]

    @pytest.mark.guarantee("G42")
    def test_g42_switching_ends_older_access_tokens_and_gives_no_longer_life(self, people: People) -> None:
        people.verified(ADA)
        old = people.login(ADA).data
        ada = people.api.as_bearer(old["accessToken"])
        made = ada.post("/customers", {"name": "Acme"}).data
        new = ada.post("/sessions/current/customer", {"customerId": made["id"]}).data
        assert new["sessionId"] == old["sessionId"]
        assert customer_of(people.api.as_bearer(new["accessToken"])) == made["id"]
        assert ada.get("/me").code == "UNAUTHORIZED"
        assert "refreshToken" not in new
        fresh = people.api.post("/auth/refresh", {"refreshToken": old["refreshToken"]}).data
        assert customer_of(people.api.as_bearer(fresh["accessToken"])) == made["id"]

    @pytest.mark.guarantee("G41")
    def test_g41_nobody_switches_to_a_strangers(self, people: People, ada: Api) -> None:
        cat = people.newcomer(CAT)
        answer = cat.post("/sessions/current/customer", {"customerId": customer_of(ada)})
        assert answer.code == "NOT_FOUND"
        assert roles_in(cat) == {CAT: "owner"}

    def test_the_roles_are_shown_as_they_are_enforced(self, ada: Api) -> None:
        shown = {one["role"]: set(one["scopes"]) for one in ada.get("/roles").data}
        assert shown == {role.value: set(ROLE_SCOPES[role]) for role in Role}


def test_a_mail_that_is_written_twice_leaves_one_token_that_works(people: People, ada: Api) -> None:
    ada.post("/members/invitations", {"email": BOB, "role": "viewer"})
    letter = next(item for item in people.engine.items() if item["kind"]["S"] == "LETTER")
    deliver_letters(people.engine)
    first = token_for(people, BOB)
    people.engine.load([letter])
    app().people.correspondence.deliver(letter["pk"]["S"].removeprefix("LETTER#"))
    assert people.api.get(f"/invitations/{first}").fields == {"token"}
    assert people.api.get(f"/invitations/{token_for(people, BOB)}").status == 200
