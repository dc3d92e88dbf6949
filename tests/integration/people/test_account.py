"""Changing a user's address and password, and undoing the change of address: through the API."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.domain.people.sessions.models import Session
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.wiring.app import app
from tests.fakes.identity import PASSWORD, People, deliver_letters
from tests.support.api import Answer, Api
from tests.support.clock import SettableClock
from tests.support.parts import give

ADA = "ada@example.com"
NEW = "ada@example.org"
BOB = "bob@example.com"
OTHER_PASSWORD = "another password of hers"
HOUR = 3600


@pytest.fixture
def ada(people: People) -> Api:
    """Ada, signed in."""
    return people.newcomer(ADA)


def session_of(people: People, email: str, password: str = PASSWORD) -> Api:
    """Sign in to another session."""
    return people.api.as_bearer(people.login(email, password).data["accessToken"])


def ask(people: People, person: Api, new: str = NEW, **more: str) -> Answer:
    """Request another address, and send the waiting mails."""
    answer = person.post("/account/change-email", {"newEmail": new, "password": PASSWORD} | more)
    deliver_letters(people.engine)
    return answer


def token_for(people: People, to: str, template: str = "confirm_email") -> str:
    return people.mailbox.newest(template, to).token


def confirm(people: People, person: Api, token: str) -> Answer:
    """Follow a link, and send the waiting mails."""
    answer = person.post("/account/change-email/confirm", {"token": token})
    deliver_letters(people.engine)
    return answer


def moved(people: People, person: Api, new: str = NEW, **more: str) -> None:
    assert ask(people, person, new, **more).status == 202
    assert confirm(people, person, token_for(people, new)).status == 200


def revert(people: People, token: str, password: str = OTHER_PASSWORD) -> Answer:
    answer = people.api.post("/auth/revert-email", {"token": token, "password": password})
    deliver_letters(people.engine)
    return answer


def visible(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.text


class TestMovingToAnotherAddress:
    def test_happens_when_the_new_address_confirms_it(self, people: People, ada: Api) -> None:
        assert ask(people, ada).status == 202
        assert ada.get("/me").data["user"]["email"] == ADA
        assert confirm(people, ada, token_for(people, NEW)).status == 200
        assert ada.get("/me").data["user"]["email"] == NEW
        assert people.login(ADA).code == "INVALID_CREDENTIALS"
        assert people.login(NEW).status == 200

    def test_ends_the_other_sessions_and_tells_the_address_before(self, people: People, ada: Api) -> None:
        other = session_of(people, ADA)
        moved(people, ada)
        assert ada.get("/me").status == 200
        assert other.get("/me").status == 401
        assert people.mailbox.of(ADA)[-1] == "email_changed"

    def test_needs_the_password(self, people: People, ada: Api) -> None:
        answer = ask(people, ada, password="not the password")
        assert (answer.status, answer.code) == (403, "FORBIDDEN")
        assert people.mailbox.of(NEW) == []

    def test_needs_a_code_where_the_second_factor_is_on(
        self, people: People, ada: Api, clock: SettableClock
    ) -> None:
        app = people.enrolled(ada)
        clock.advance(60)
        assert ask(people, ada).code == "INVALID_TWO_FACTOR_CODE"
        assert ask(people, ada, code="000000").code == "INVALID_TWO_FACTOR_CODE"
        code = app.code()
        assert ask(people, ada, code=code).status == 202
        clock.advance(5)
        assert ask(people, ada, code=code).code == "INVALID_TWO_FACTOR_CODE"

    @pytest.mark.guarantee("G45")
    def test_g45_wrong_passwords_slow_the_next_down(self, people: People, ada: Api) -> None:
        statuses = [ask(people, ada, password="not the password").status for _ in range(6)]
        assert statuses[0] == 403
        assert statuses[-1] == 429

    @pytest.mark.guarantee("G42")
    def test_g42_does_not_tell_whether_the_address_is_known(self, people: People, ada: Api) -> None:
        people.verified(BOB)
        free, taken = ask(people, ada), ask(people, ada, BOB)
        assert visible(free) == visible(taken)
        assert people.mailbox.of(BOB)[-1] == "email_taken"
        assert "confirm_email" not in people.mailbox.of(BOB)

    def test_is_not_for_ones_own_address(self, people: People, ada: Api) -> None:
        assert ask(people, ada, ADA.upper()).fields == {"newEmail"}

    @pytest.mark.guarantee("G42")
    def test_g42_a_wrong_recipient_of_the_mail_cannot_use_it(self, people: People, ada: Api) -> None:
        ask(people, ada)
        bob = people.newcomer(BOB)
        assert confirm(people, bob, token_for(people, NEW)).fields == {"token"}
        assert people.api.post("/account/change-email/confirm", {"token": token_for(people, NEW)}).status == 401
        assert confirm(people, ada, token_for(people, NEW)).status == 200

    def test_works_once_and_not_for_ever(self, people: People, ada: Api, clock: SettableClock) -> None:
        ask(people, ada)
        clock.advance(24 * HOUR)
        again = session_of(people, ADA)
        assert confirm(people, again, token_for(people, NEW)).status == 400
        moved(people, again)
        assert confirm(people, again, token_for(people, NEW)).status == 400

    def test_a_link_of_another_purpose_does_not_do_it(self, people: People, ada: Api) -> None:
        people.ask("/auth/forgot-password", ADA)
        assert confirm(people, ada, token_for(people, ADA, "reset_password")).status == 400

    def test_a_new_password_makes_the_link_void(self, people: People, ada: Api) -> None:
        ask(people, ada)
        body = {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD}
        assert ada.post("/account/change-password", body).status == 200
        assert confirm(people, ada, token_for(people, NEW)).status == 400

    def test_makes_links_that_were_mailed_before_void(self, people: People, ada: Api) -> None:
        people.ask("/auth/forgot-password", ADA)
        reset = token_for(people, ADA, "reset_password")
        moved(people, ada)
        body = {"token": reset, "password": OTHER_PASSWORD}
        assert people.api.post("/auth/reset-password", body).status == 400

    def test_of_two_users_who_want_an_address_one_gets_it(self, people: People, ada: Api) -> None:
        bob = people.newcomer(BOB)
        ask(people, ada)
        hers = token_for(people, NEW)
        ask(people, bob)
        his = token_for(people, NEW)
        with ThreadPoolExecutor(2) as pool:
            wishes = [(ada, {"token": hers}), (bob, {"token": his})]
            answers = pool.map(lambda wish: wish[0].post("/account/change-email/confirm", wish[1]), wishes)
        assert sorted(answer.status for answer in answers) == [200, 400]
        assert sorted(person.get("/me").data["user"]["email"] == NEW for person in (ada, bob)) == [False, True]

    def test_two_confirmations_at_once_are_one(self, people: People, ada: Api) -> None:
        ask(people, ada)
        token = token_for(people, NEW)
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda _: ada.post("/account/change-email/confirm", {"token": token}), range(4))
        assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]
        deliver_letters(people.engine)
        assert people.mailbox.of(ADA).count("email_changed") == 1

    def test_of_two_addresses_that_were_asked_for_one_is_taken(self, people: People, ada: Api) -> None:
        ask(people, ada)
        ask(people, ada, "third@example.com")
        assert confirm(people, ada, token_for(people, "third@example.com")).status == 200
        assert confirm(people, ada, token_for(people, NEW)).status == 400


class TestTakingItBack:
    """A hijacker has a session and the password; the owner has the old address."""

    def test_restores_the_address_under_a_new_password(self, people: People, ada: Api) -> None:
        moved(people, ada)
        assert revert(people, token_for(people, ADA, "email_changed")).status == 200
        assert ada.get("/me").status == 401
        assert people.login(NEW).code == people.login(ADA).code == "INVALID_CREDENTIALS"
        assert people.login(ADA, OTHER_PASSWORD).status == 200

    def test_works_after_the_hijacker_has_changed_the_password(self, people: People, ada: Api) -> None:
        moved(people, ada)
        body = {"currentPassword": PASSWORD, "newPassword": "the hijacker's own one"}
        assert ada.post("/account/change-password", body).status == 200
        assert revert(people, token_for(people, ADA, "email_changed")).status == 200
        assert people.login(ADA, OTHER_PASSWORD).status == 200

    def test_turns_the_hijackers_second_factor_off(self, people: People, ada: Api, clock: SettableClock) -> None:
        moved(people, ada)
        clock.advance(60)
        people.enrolled(ada)
        assert revert(people, token_for(people, ADA, "email_changed")).status == 200
        assert "accessToken" in people.login(ADA, OTHER_PASSWORD).data

    def test_keeps_the_owners_own_second_factor(self, people: People, ada: Api, clock: SettableClock) -> None:
        app = people.enrolled(ada)
        clock.advance(60)
        moved(people, ada, code=app.code())
        assert revert(people, token_for(people, ADA, "email_changed")).status == 200
        assert people.login(ADA, OTHER_PASSWORD).data["requires2FA"] is True

    def test_undoes_every_later_change_and_its_links(self, people: People, ada: Api) -> None:
        moved(people, ada)
        moved(people, ada, "hijacker@example.com")
        hijackers = token_for(people, NEW, "email_changed")
        assert revert(people, token_for(people, ADA, "email_changed")).status == 200
        assert revert(people, hijackers, "the hijacker's own one").fields == {"token"}
        assert people.login(ADA, OTHER_PASSWORD).status == 200

    def test_nobody_can_take_the_address_meanwhile(self, people: People, ada: Api, clock: SettableClock) -> None:
        moved(people, ada)
        people.register(ADA)
        bob = people.newcomer(BOB)
        ask(people, bob, ADA)
        assert confirm(people, bob, token_for(people, ADA)).status == 400
        assert ask(people, ada, ADA).fields == {"newEmail"}
        assert revert(people, token_for(people, ADA, "email_changed")).status == 200

    def test_has_an_end_and_then_the_address_is_free(self, people: People, ada: Api, clock: SettableClock) -> None:
        moved(people, ada)
        clock.advance(72 * HOUR)
        assert revert(people, token_for(people, ADA, "email_changed")).status == 400
        people.verified(ADA)
        assert people.login(ADA).status == people.login(NEW).status == 200

    def test_has_an_end_and_then_its_owner_may_ask_for_the_address_again(
        self, people: People, ada: Api, clock: SettableClock
    ) -> None:
        moved(people, ada)
        clock.advance(72 * HOUR)
        moved(people, session_of(people, NEW), ADA)
        assert people.login(ADA).status == 200

    def test_has_the_same_end_where_the_mail_came_late(
        self, people: People, ada: Api, clock: SettableClock
    ) -> None:
        ask(people, ada)
        token = token_for(people, NEW)
        assert ada.post("/account/change-email/confirm", {"token": token}).status == 200
        clock.advance(HOUR)
        deliver_letters(people.engine)
        clock.advance(71 * HOUR)
        assert revert(people, token_for(people, ADA, "email_changed")).status == 400

    def test_works_once_however_many_try(self, people: People, ada: Api) -> None:
        moved(people, ada)
        token = token_for(people, ADA, "email_changed")
        with ThreadPoolExecutor(4) as pool:
            bodies = ({"token": token, "password": f"password number {n}"} for n in range(4))
            answers = pool.map(lambda body: people.api.post("/auth/revert-email", body), bodies)
        assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]

    def test_keeps_the_link_while_the_password_may_not_be_chosen(self, people: People, ada: Api) -> None:
        moved(people, ada)
        token = token_for(people, ADA, "email_changed")
        assert revert(people, token, "short").fields == {"password"}
        assert revert(people, token).status == 200

    def test_is_written_down(self, people: People, ada: Api) -> None:
        moved(people, ada)
        revert(people, token_for(people, ADA, "email_changed"))
        again = session_of(people, ADA, OTHER_PASSWORD)
        actions = [event["action"] for event in again.get("/activity/recent").data]
        assert {"revert_email", "confirm_email_change", "change_email"} <= set(actions)


class TestChangingThePassword:
    BODY = {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD}  # noqa: RUF012

    def test_ends_the_other_sessions_and_tells_the_owner(self, people: People, ada: Api) -> None:
        other = session_of(people, ADA)
        assert ada.post("/account/change-password", self.BODY).status == 200
        deliver_letters(people.engine)
        assert ada.get("/me").status == 200
        assert other.get("/me").status == 401
        assert people.mailbox.of(ADA)[-1] == "password_changed"
        assert people.login(ADA).code == "INVALID_CREDENTIALS"
        assert people.login(ADA, OTHER_PASSWORD).status == 200

    def test_lets_this_session_refresh(self, people: People, ada: Api) -> None:
        tokens = people.login(ADA).data
        mine = people.api.as_bearer(tokens["accessToken"])
        assert mine.post("/account/change-password", self.BODY).status == 200
        assert people.api.post("/auth/refresh", {"refreshToken": tokens["refreshToken"]}).status == 200

    def test_needs_the_password_that_is(self, people: People, ada: Api) -> None:
        wrong = ada.post("/account/change-password", self.BODY | {"currentPassword": "not the password"})
        assert (wrong.status, wrong.code) == (403, "FORBIDDEN")
        assert people.login(ADA).status == 200

    @pytest.mark.parametrize("wanted", ["short", ADA, PASSWORD])
    def test_refuses_what_may_not_be_chosen(self, people: People, ada: Api, wanted: str) -> None:
        answer = ada.post("/account/change-password", self.BODY | {"newPassword": wanted})
        assert answer.status == 400
        assert people.login(ADA).status == 200

    @pytest.mark.guarantee("G45")
    def test_g45_wrong_passwords_slow_the_next_down(self, ada: Api) -> None:
        body = self.BODY | {"currentPassword": "not the password"}
        statuses = [ada.post("/account/change-password", body).status for _ in range(6)]
        assert statuses[0] == 403
        assert statuses[-1] == 429

    def test_of_two_at_once_one_wins(self, people: People, ada: Api) -> None:
        sessions = [ada, session_of(people, ADA)]
        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(
                pool.map(lambda person: person.post("/account/change-password", self.BODY).status, sessions)
            )
        assert statuses[0] == 200
        assert statuses[1] in {401, 403}
        assert sorted(person.get("/me").status for person in sessions) == [200, 401]


class TestSessionsThatBeginMeanwhile:
    """A sign-in with the old password, between the read of the sessions and the write."""

    @staticmethod
    def sign_in_after_reading(
        people: People, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, email: str = ADA
    ) -> list[Api]:
        """Sign in right after the sessions were first read; return the session."""
        began: list[Api] = []
        read = sessions.all_of

        def meanwhile(user_id: str) -> Sequence[Session]:
            found = read(user_id)
            if not began:
                began.append(session_of(people, email))
            return found

        monkeypatch.setattr(sessions, "all_of", meanwhile)
        return began

    def test_end_with_a_new_password(self, people: People, ada: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        service = app().people.password_change
        give(people={"password_change": service})
        began = self.sign_in_after_reading(people, service._sessions, monkeypatch)
        assert ada.post("/account/change-password", TestChangingThePassword.BODY).status == 200
        assert [person.get("/me").status for person in began] == [401]
        assert ada.get("/me").status == 200

    def test_end_with_a_new_address(self, people: People, ada: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        ask(people, ada)
        service = app().people.email_confirmation
        give(people={"email_confirmation": service})
        began = self.sign_in_after_reading(people, service._sessions, monkeypatch)
        assert confirm(people, ada, token_for(people, NEW)).status == 200
        assert [person.get("/me").status for person in began] == [401]
        assert ada.get("/me").status == 200

    def test_end_with_a_password_that_was_reset(
        self, people: People, ada: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people.ask("/auth/forgot-password", ADA)
        service = app().people.password_reset
        give(people={"password_reset": service})
        began = self.sign_in_after_reading(people, service._endings._sessions, monkeypatch)
        body = {"token": token_for(people, ADA, "reset_password"), "password": OTHER_PASSWORD}
        assert people.api.post("/auth/reset-password", body).status == 200
        assert [person.get("/me").status for person in (ada, *began)] == [401, 401]

    def test_end_with_a_change_of_address_that_is_undone(
        self, people: People, ada: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moved(people, ada)
        service = app().people.email_reversal
        give(people={"email_reversal": service})
        began = self.sign_in_after_reading(people, service._endings._sessions, monkeypatch, NEW)
        assert revert(people, token_for(people, ADA, "email_changed")).status == 200
        assert [person.get("/me").status for person in (ada, *began)] == [401, 401]
