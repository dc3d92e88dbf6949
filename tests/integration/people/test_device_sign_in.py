"""Signing in a device from a session (RFC 8628), and alternative paths of sign-in: through the API."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.domain.people.accounts.tokens import new_secret
from chalicelib.domain.people.sign_in.device_sign_in import DeviceFlow
from tests.fakes.identity import PASSWORD, People
from tests.support.api import Answer, Api
from tests.support.clock import SettableClock

ADA = "ada@example.com"
BOB = "bob@example.com"
CLIENT = "hearth-cli on ada-laptop"


@pytest.fixture
def ada(people: People) -> Api:
    """Ada, signed in."""
    return people.newcomer(ADA)


@pytest.fixture
def device(people: People) -> Any:
    """The answer to a device that begins to sign in."""
    return people.api.post("/auth/device", {"clientName": CLIENT}, ip="198.51.100.9").data


def poll(people: People, device: Any) -> Answer:
    return people.api.post("/auth/device/token", {"deviceCode": device["deviceCode"]}, ip="198.51.100.9")


def approve(person: Api, device: Any, **options: Any) -> Answer:
    return person.post("/auth/device/approve", {"userCode": device["userCode"]}, **options)


class TestADevice:
    def test_gets_two_codes_and_is_told_where_to_go(self, device: Any) -> None:
        assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", device["userCode"])
        assert device["verificationUri"] == "https://console.hearth.example/device"
        assert device["verificationUriComplete"].endswith(f"?userCode={device['userCode']}")
        assert (device["expiresIn"], device["interval"]) == (600, 5)

    def test_gets_a_session_once_it_is_approved(self, people: People, ada: Api, device: Any) -> None:
        assert poll(people, device).code == "AUTHORIZATION_PENDING"
        assert approve(ada, device).status == 200
        tokens = poll(people, device).data
        cli = people.api.as_bearer(tokens["accessToken"])
        assert cli.get("/me").data["user"]["email"] == ADA
        [mine] = [one for one in ada.get("/sessions").data if one["id"] == tokens["sessionId"]]
        assert mine["ip"] == "198.51.100.9"
        assert "hearth-cli" in mine["device"]
        assert people.api.post("/auth/refresh", {"refreshToken": tokens["refreshToken"]}).status == 200

    def test_gets_it_once(self, people: People, ada: Api, device: Any) -> None:
        approve(ada, device)
        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(lambda _: poll(people, device).status, range(4)))
        assert statuses == [200, 400, 400, 400]
        assert poll(people, device).code == "EXPIRED_TOKEN"

    def test_is_told_that_it_was_refused(self, people: People, ada: Api, device: Any) -> None:
        assert ada.post("/auth/device/deny", {"userCode": device["userCode"]}).status == 200
        assert poll(people, device).code == "ACCESS_DENIED"
        assert poll(people, device).code == "EXPIRED_TOKEN"

    def test_must_not_ask_too_often(self, people: People, device: Any, clock: SettableClock) -> None:
        assert poll(people, device).code == "AUTHORIZATION_PENDING"
        clock.advance(4)
        slower = poll(people, device)
        assert (slower.code, slower.headers["Retry-After"]) == ("SLOW_DOWN", "10")
        clock.advance(9)
        assert poll(people, device).headers["Retry-After"] == "15"
        clock.advance(15)
        assert poll(people, device).code == "AUTHORIZATION_PENDING"

    def test_waits_for_ten_minutes(self, people: People, ada: Api, device: Any, clock: SettableClock) -> None:
        clock.advance(600)
        ada = people.api.as_bearer(people.login(ADA).data["accessToken"])
        assert approve(ada, device).status == 404
        assert poll(people, device).code == "EXPIRED_TOKEN"

    def test_with_a_code_that_never_was_is_as_one_that_expired(self, people: People) -> None:
        assert poll(people, {"deviceCode": new_secret()}).code == "EXPIRED_TOKEN"

    def test_is_no_stronger_than_the_session_that_approved_it(
        self, people: People, ada: Api, clock: SettableClock
    ) -> None:
        weak = people.api.post("/auth/device", {"clientName": CLIENT}).data
        strong = people.api.post("/auth/device", {"clientName": CLIENT}).data
        approve(ada, weak)
        assert not self.has_second_factor(people, poll(people, weak))
        people.enrolled(ada)
        approve(ada, strong)
        assert self.has_second_factor(people, poll(people, strong))

    @staticmethod
    def has_second_factor(people: People, answer: Answer) -> bool:
        ending = f"SESSION#{answer.data['sessionId']}"
        [session] = [item for item in people.engine.items() if item["sk"]["S"] == ending]
        return bool(session["has_second_factor"]["BOOL"])

    def test_gets_nothing_under_a_password_that_was_changed(self, people: People, ada: Api, device: Any) -> None:
        approve(ada, device)
        body = {"currentPassword": PASSWORD, "newPassword": "another password of hers"}
        assert ada.post("/account/change-password", body).status == 200
        assert poll(people, device).code == "ACCESS_DENIED"

    def test_keeps_no_code_that_could_be_used(self, people: People, device: Any) -> None:
        assert device["deviceCode"] not in str(people.engine.items())


class TestTheUser:
    def test_sees_what_asks_before_answering(self, ada: Api, device: Any) -> None:
        code = device["userCode"]
        first, second = code.split("-")
        for between in ("", "-", " ", "\u2013", "\u2014", "_", ".", " - ", "\u2009", "\u00a0"):
            seen = ada.get(f"/auth/device/{first}{between}{second}").data
            assert (seen["clientName"], seen["ip"]) == (CLIENT, "198.51.100.9")
        for typed in (code.lower(), code.title(), " ".join(code.replace("-", "")), f" {code}."):
            seen = ada.get(f"/auth/device/{typed}").data
            assert (seen["clientName"], seen["ip"]) == (CLIENT, "198.51.100.9")

    @pytest.mark.parametrize(
        "typed", ["BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ1", "----", "B" * 41, "БCDF-GHJK"]
    )
    def test_is_told_what_no_code_can_be(self, ada: Api, typed: str) -> None:
        answer = ada.post("/auth/device/approve", {"userCode": typed})
        assert (answer.status, answer.fields) == (400, {"userCode"})

    def test_answers_once(self, people: People, ada: Api, device: Any) -> None:
        bob = people.newcomer(BOB)
        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(pool.map(lambda person: approve(person, device).status, [ada, bob]))
        assert statuses == [200, 404]
        assert ada.get(f"/auth/device/{device['userCode']}").status == 404

    def test_must_be_signed_in(self, people: People, device: Any) -> None:
        assert approve(people.api, device).status == 401
        assert people.api.get(f"/auth/device/{device['userCode']}").status == 401

    def test_is_not_made_to_approve_by_another_site(self, people: People, ada: Api, device: Any) -> None:
        cookies = people.login(ADA).cookies
        body = {"userCode": device["userCode"]}
        forged = people.api.post("/auth/device/approve", body, cookies=cookies)
        assert (forged.status, forged.code) == (403, "FORBIDDEN")
        headers = {"X-CSRF-Token": cookies["hearth_csrf"]}
        assert people.api.post("/auth/device/approve", body, cookies=cookies, headers=headers).status == 200

    @pytest.mark.guarantee("G45")
    def test_g45_can_try_twenty_codes(self, people: People, ada: Api, device: Any) -> None:
        statuses = [ada.get("/auth/device/BBBB-BBBB").status for _ in range(21)]
        assert statuses == [404] * 20 + [429]
        assert approve(ada, device).status == 429
        assert approve(people.newcomer(BOB), device).status == 200


def test_a_user_code_that_is_taken_is_not_given_again(
    people: People, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter(["BCDFGHJK", "BCDFGHJK", "XXXXXXXX"])
    monkeypatch.setattr(f"{DeviceFlow.__module__}._new_user_code", lambda: next(codes))
    first = people.api.post("/auth/device", {"clientName": "first"}).data
    second = people.api.post("/auth/device", {"clientName": "second"}).data
    assert (first["userCode"], second["userCode"]) == ("BCDF-GHJK", "XXXX-XXXX")
    assert ada.get("/auth/device/BCDF-GHJK").data["clientName"] == "first"


class TestByOtherNames:
    def test_signs_in_and_out(self, people: People) -> None:
        people.verified(ADA)
        body = {"email": ADA, "password": PASSWORD}
        signed_in = people.api.post("/auth/callback/credentials", body)
        assert set(signed_in.cookies) == {"hearth_access", "hearth_refresh", "hearth_csrf"}
        ada = people.api.as_bearer(signed_in.data["accessToken"])
        assert ada.get("/auth/session").data["session"]["user"]["email"] == ADA
        assert ada.post("/auth/signout").status == 200
        assert ada.get("/auth/session").data == {"session": None}
        assert ada.get("/me").status == 401

    def test_asks_for_a_code_where_the_second_factor_is_on(
        self, people: People, ada: Api, clock: SettableClock
    ) -> None:
        app = people.enrolled(ada)
        clock.advance(60)
        body = {"email": ADA, "password": PASSWORD}
        waiting = people.api.post("/auth/callback/credentials", body)
        assert waiting.data["requires2FA"] is True
        assert waiting.cookies == {}
        finish = {"token": waiting.data["pendingToken"], "code": app.code()}
        assert people.api.post("/v1/auth/2fa/verify", finish).status == 200

    def test_knows_who_is_signed_in_by_cookie(self, people: People) -> None:
        people.verified(ADA)
        cookies = people.login(ADA).cookies
        assert people.api.get("/auth/session", cookies=cookies).data["session"]["user"]["email"] == ADA

    @pytest.mark.parametrize("token", ["", "x", "a.b.c"])
    def test_is_null_when_nobody_is_signed_in(self, people: People, token: str) -> None:
        answer = people.api.get("/auth/session", token=token)
        assert (answer.status, answer.data) == (200, {"session": None})

    def test_is_as_slow_to_guess(self, people: People) -> None:
        people.verified(ADA)
        body = {"email": ADA, "password": "not the password"}
        statuses = [people.api.post("/auth/callback/credentials", body).status for _ in range(6)]
        assert statuses[0] == 401
        assert statuses[-1] == 429
