"""Users' profiles and notifications: through the API."""

from typing import Any

import pytest

from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
from chalicelib.domain.people.accounts.models import LetterKind, User
from chalicelib.domain.people.correspondence.service import CustomerLetters
from chalicelib.wiring.app import app
from tests.fakes.identity import People
from tests.support.api import Api
from tests.support.parts import give

ADA = "ada@example.com"
PROFILE = {
    "name": "Ada King",
    "phone": "+442071234567",
    "locale": "en-GB",
    "timeZone": "Europe/London",
    "contactPreferences": {"byPhone": True, "productNews": False},
}
NOTIFICATIONS = {"lowBalance": True, "resumed": True, "spendCaps": True, "autoTopUp": True}


@pytest.fixture
def ada(people: People) -> Api:
    """Ada, signed in."""
    return people.newcomer(ADA)


class TestTheProfile:
    def test_begins_with_what_registering_says(self, ada: Api) -> None:
        profile = ada.get("/account/profile").data
        assert (profile["email"], profile["name"], profile["phone"]) == (ADA, "Somebody", None)
        assert (profile["locale"], profile["timeZone"]) == ("en", "UTC")

    @pytest.mark.parametrize(
        ("one", "other"), [("/account/profile", "/users/profile"), ("/users/profile", "/account/profile")]
    )
    def test_is_the_same_by_both_names(self, ada: Api, one: str, other: str) -> None:
        assert ada.put(one, PROFILE).status == 200
        assert PROFILE.items() <= ada.get(other).data.items()
        assert ada.get("/me").data["user"]["name"] == "Ada King"

    @pytest.mark.guarantee("G47")
    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"timeZone": "Europe/Nowhere"}, "timeZone"),
            ({"timeZone": "../../etc/passwd"}, "timeZone"),
            ({"phone": "020 7123"}, "phone"),
            ({"phone": None}, "contactPreferences.byPhone"),
            ({"locale": "English"}, "locale"),
            ({"name": "<b>"}, "name"),
            ({"email": "other@example.com"}, "email"),
        ],
    )
    def test_g47_refuses_what_cannot_be(self, ada: Api, changed: dict[str, Any], field: str) -> None:
        before = ada.get("/account/profile").data
        answer = ada.put("/account/profile", PROFILE | changed)
        assert (answer.status, answer.fields) == (400, {field})
        assert ada.get("/account/profile").data == before

    def test_keeps_the_settings(self, ada: Api) -> None:
        ada.put("/account/settings", {"notifications": NOTIFICATIONS | {"resumed": False}})
        ada.put("/account/profile", PROFILE)
        assert ada.get("/account/settings").data["notifications"] == NOTIFICATIONS | {"resumed": False}

    def test_keeps_settings_that_are_saved_at_the_same_time(
        self, ada: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service = app().people.preferences
        give(people={"preferences": service})
        read = service.get

        def meanwhile(user_id: str) -> User:
            user = read(user_id)
            monkeypatch.setattr(service, "get", read)
            ada.put("/account/settings", {"notifications": NOTIFICATIONS | {"resumed": False}})
            return user

        monkeypatch.setattr(service, "get", meanwhile)
        assert ada.put("/account/profile", PROFILE).status == 200
        assert ada.get("/account/settings").data["notifications"]["resumed"] is False
        assert ada.get("/account/profile").data["phone"] == PROFILE["phone"]


class TestTheSettings:
    def test_say_how_the_account_stands(self, people: People, ada: Api) -> None:
        people.login(ADA)
        settings = ada.get("/account/settings").data
        assert settings["notifications"] == NOTIFICATIONS
        assert settings["isEmailVerified"] is True
        assert settings["twoFactor"] == {"enabled": False, "onSince": None, "recoveryCodesLeft": 0}
        assert settings["activeSessions"] == 2
        assert settings["autoTopUpEnabled"] is False

    def test_know_of_the_second_factor(self, people: People, ada: Api) -> None:
        people.enrolled(ada)
        two_factor = ada.get("/account/settings").data["twoFactor"]
        assert (two_factor["enabled"], two_factor["recoveryCodesLeft"]) == (True, 10)

    def test_choose_the_customer_of_new_sessions(self, people: People, ada: Api) -> None:
        second = ada.post("/customers", {"name": "Analytical Engines"}).data["id"]
        body = {"notifications": NOTIFICATIONS, "defaultCustomerId": second}
        assert ada.put("/account/settings", body).data["defaultCustomerId"] == second
        again = people.api.as_bearer(people.login(ADA).data["accessToken"])
        assert again.get("/me").data["currentCustomerId"] == second

    @pytest.mark.guarantee("G41")
    def test_g41_do_not_know_a_strangers_customer(self, people: People, ada: Api) -> None:
        bobs = people.newcomer("bob@example.com").get("/me").data["currentCustomerId"]
        body = {"notifications": NOTIFICATIONS, "defaultCustomerId": bobs}
        assert ada.put("/account/settings", body).status == 404


class TestMails:
    OPTIONAL = {  # noqa: RUF012
        LetterKind.LOW_BALANCE: "lowBalance",
        LetterKind.RESUMED: "resumed",
        LetterKind.SPEND_CAP_NEAR: "spendCaps",
        LetterKind.SPEND_CAP_LIFTED: "spendCaps",
        LetterKind.AUTO_TOP_UP_PAUSED: "autoTopUp",
    }

    @pytest.mark.parametrize("kind", list(LetterKind))
    def test_optional_mails_go_only_to_users_who_want_them(self, ada: Api, kind: LetterKind) -> None:
        letters = CustomerLetters(DynamoUsers(), DynamoLetters())
        customer_id = ada.get("/me").data["currentCustomerId"]

        def asked_for() -> int:
            return len(letters.to_customer(customer_id, kind, {}, app().core.clock.now()))

        assert asked_for() == 1
        ada.put("/account/settings", {"notifications": dict.fromkeys(NOTIFICATIONS, False)})
        assert asked_for() == (0 if kind in self.OPTIONAL else 1)
        if kind in self.OPTIONAL:
            nothing = dict.fromkeys(NOTIFICATIONS, False)
            ada.put("/account/settings", {"notifications": nothing | {self.OPTIONAL[kind]: True}})
            assert asked_for() == 1
