"""The second factor: turning it on and off, signing in with it, and endpoints that require it; on a real table."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.domain.people.accounts.models import Origin, User
from chalicelib.domain.people.attempts.models import ATTEMPTS_WITHOUT_DELAY
from chalicelib.domain.people.second_factor.models import MAX_CODES_PER_PENDING_SIGN_IN, PENDING_SIGN_IN_LIFE
from chalicelib.domain.people.sessions.models import MAX_SESSIONS_PER_USER
from chalicelib.domain.people.sign_in.devices import Recogniser, Recognition
from chalicelib.kernel.clock import later
from chalicelib.runtime.observe import logger
from chalicelib.wiring.app import app as product
from tests.fakes.identity import PASSWORD, AuthenticatorApp, People, deliver_letters
from tests.support.api import Answer, Api
from tests.support.clock import SettableClock
from tests.support.engine import Engine

ADA = "ada@example.com"
BOB = "bob@example.com"
STEP_SECONDS = 30
WRONG = "000000"
OWN = {"password": PASSWORD}


@pytest.fixture
def ada(people: People) -> Api:
    """Ada, signed in, without a second factor yet."""
    return people.newcomer(ADA)


@pytest.fixture
def app(people: People, ada: Api, clock: SettableClock) -> AuthenticatorApp:
    """Ada's app, with an unused code."""
    enrolled = people.enrolled(ada)
    clock.advance(STEP_SECONDS)
    return enrolled


def pending_token(people: People, email: str = ADA) -> str:
    """The token that a sign-in with only the password gets."""
    answer = people.login(email)
    assert answer.data["requires2FA"] is True
    return str(answer.data["pendingToken"])


def finished(people: People, token: str, code: str, **options: Any) -> Answer:
    """The answer to a code."""
    return people.api.post("/auth/2fa", {"pendingToken": token, "code": code}, **options)


def signed_in(people: People, app: AuthenticatorApp, clock: SettableClock) -> Api:
    """Ada on another device, with both factors."""
    clock.advance(STEP_SECONDS)
    return people.api.as_bearer(finished(people, pending_token(people), app.code()).data["accessToken"])


def actions(person: Api) -> list[tuple[str, str]]:
    """The actions in the activity log with their outcomes, newest first."""
    return [(each["action"], each["outcome"]) for each in person.get("/activity/recent").data]


class TestTurningItOn:
    def test_gives_the_secret_in_three_forms(self, ada: Api) -> None:
        enrolment = ada.post("/security/2fa/setup", OWN).data
        uri = urlsplit(enrolment["otpauthUri"])
        assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Hearth:ada%40example.com")
        assert parse_qs(uri.query) == {"secret": [enrolment["secret"]], "issuer": ["Hearth"]}
        assert len(enrolment["secret"]) == 32
        assert enrolment["qrSvg"].startswith("<svg")

    def test_changes_nothing_until_it_is_confirmed(self, people: People, ada: Api) -> None:
        ada.post("/security/2fa/setup", OWN)
        assert people.login(ADA).data["requires2FA"] is False
        assert ada.get("/v1/auth/2fa/status").data == {
            "enabled": False,
            "enabledAt": None,
            "recoveryCodesLeft": 0,
        }
        assert ada.post("/security/2fa/confirm", {"code": WRONG}).code == "INVALID_TWO_FACTOR_CODE"
        assert people.login(ADA).data["requires2FA"] is False

    def test_takes_the_newest_secret_only(self, ada: Api) -> None:
        older, newer = (AuthenticatorApp(ada.post("/security/2fa/setup", OWN).data["secret"]) for _ in range(2))
        assert ada.post("/security/2fa/confirm", {"code": older.code()}).code == "INVALID_TWO_FACTOR_CODE"
        assert ada.post("/security/2fa/confirm", {"code": newer.code()}).status == 200

    @pytest.mark.parametrize("path", ["/security/2fa/setup", "/v1/auth/2fa/setup"])
    @pytest.mark.guarantee("G42")
    def test_g42_an_open_session_is_not_enough(self, ada: Api, table: Engine, path: str) -> None:
        assert ada.post(path, {"password": "not the password"}).code == "FORBIDDEN"
        assert ada.post(path).fields == {"password"}
        assert "SECOND_FACTOR" not in str(table.items())

    def test_needs_a_secret_first_and_happens_once(self, ada: Api) -> None:
        assert ada.post("/security/2fa/confirm", {"code": "123456"}).code == "CONFLICT"
        app = AuthenticatorApp(ada.post("/security/2fa/setup", OWN).data["secret"])
        assert ada.post("/security/2fa/confirm", {"code": app.code()}).status == 200
        assert ada.post("/security/2fa/confirm", {"code": app.code()}).code == "CONFLICT"
        assert ada.post("/security/2fa/setup", OWN).code == "CONFLICT"

    @pytest.mark.guarantee("G42")
    def test_g42_ends_every_other_session(self, people: People, ada: Api) -> None:
        others = [people.api.as_bearer(people.login(ADA).data["accessToken"]) for _ in range(3)]
        people.enrolled(ada)
        assert [other.get("/me").status for other in others] == [401] * 3
        assert ada.get("/me").status == 200

    @pytest.mark.guarantee("G42")
    def test_g42_ends_a_session_that_begins_meanwhile(
        self, people: People, ada: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It begins after the other sessions were read and before the second factor is on."""
        app = AuthenticatorApp(ada.post("/security/2fa/setup", OWN).data["secret"])
        turn, begun = product().people.two_factor._turn, []
        commit = turn._transactor.commit

        def late(writes: Any) -> None:
            begun.append(people.login(ADA).data["accessToken"])
            commit(writes)

        monkeypatch.setattr(turn, "_transactor", SimpleNamespace(commit=late))
        assert ada.post("/security/2fa/confirm", {"code": app.code()}).status == 200
        assert people.api.get("/me", token=begun[0]).status == 401

    def test_the_owner_gets_a_mail_and_the_log_has_it(self, people: People, ada: Api, table: Engine) -> None:
        people.enrolled(ada)
        deliver_letters(table)
        assert people.mailbox.of(ADA)[-1] == "two_factor_on"
        assert actions(ada)[0] == ("confirm_two_factor", "done")

    @pytest.mark.guarantee("G46")
    def test_g46_keeps_no_secret_and_no_recovery_code_as_it_is(self, app: AuthenticatorApp, table: Engine) -> None:
        everything = str(table.items())
        assert "SECOND_FACTOR" in everything
        for secret in [app.secret, *app.recovery_codes, *(c.replace("-", "") for c in app.recovery_codes)]:
            assert secret not in everything


@pytest.mark.guarantee("G42")
class TestSigningInWithIt:
    def test_g42_is_asked_for_by_a_sign_in_that_overlaps_with_turning_it_on(
        self, people: People, ada: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second factor is turned on after the sign-in found it off and before the session is written."""
        code = AuthenticatorApp(ada.post("/security/2fa/setup", OWN).data["secret"]).code()
        turned_on: list[int] = []
        recognise = Recogniser.recognise

        def late(recogniser: Recogniser, user: User, origin: Origin, now: datetime) -> Recognition:
            if not turned_on:
                turned_on.append(ada.post("/security/2fa/confirm", {"code": code}).status)
            return recognise(recogniser, user, origin, now)

        monkeypatch.setattr(Recogniser, "recognise", late)
        assert people.login(ADA).data["requires2FA"] is True
        assert turned_on == [200]
        assert len(ada.get("/sessions").data) == 1

    def test_g42_takes_two_steps(self, people: People, app: AuthenticatorApp, clock: SettableClock) -> None:
        answer = people.login(ADA)
        assert answer.data.keys() == {"requires2FA", "pendingToken", "expiresAt"}
        assert answer.set_cookies == ()
        done = finished(people, answer.data["pendingToken"], app.code())
        assert done.data["requires2FA"] is False
        assert done.cookies.keys() == {"hearth_access", "hearth_refresh", "hearth_csrf"}
        assert people.api.get("/me", token=done.data["accessToken"]).status == 200

    def test_g42_by_the_paths_of_document_004(self, people: People, app: AuthenticatorApp) -> None:
        body = {"token": pending_token(people), "code": app.code()}
        answer = people.api.post("/v1/auth/2fa/verify", body)
        assert answer.cookies.keys() == {"hearth_access", "hearth_refresh", "hearth_csrf"}
        assert people.api.get("/me", token=answer.data["accessToken"]).status == 200

    def test_g42_a_pending_token_is_no_session(self, people: People, app: AuthenticatorApp) -> None:
        token = pending_token(people)
        assert people.api.get("/me", token=token).status == 401
        assert people.api.get("/me", cookies={"hearth_access": token}).status == 401
        assert people.api.post("/auth/refresh", {"refreshToken": token}).status == 401
        assert people.api.post("/auth/verify-email", {"token": token}).status == 400
        reset = {"token": token, "password": "a quite different password"}
        assert people.api.post("/auth/reset-password", reset).status == 400

    def test_g42_a_pending_token_works_once(
        self, people: People, app: AuthenticatorApp, clock: SettableClock
    ) -> None:
        token = pending_token(people)
        assert finished(people, token, app.code()).status == 200
        clock.advance(STEP_SECONDS)
        assert finished(people, token, app.code()).code == "UNAUTHORIZED"
        assert finished(people, token, app.recovery_codes[0]).code == "UNAUTHORIZED"

    def test_g42_a_pending_token_has_an_end(
        self, people: People, app: AuthenticatorApp, clock: SettableClock
    ) -> None:
        token, life = pending_token(people), PENDING_SIGN_IN_LIFE.total_seconds()
        clock.advance(life - 1)
        assert finished(people, token, WRONG).code == "INVALID_TWO_FACTOR_CODE"
        clock.advance(1)
        assert finished(people, token, app.code()).code == "UNAUTHORIZED"

    def test_g42_a_pending_token_takes_five_codes(
        self, people: People, app: AuthenticatorApp, clock: SettableClock
    ) -> None:
        token = pending_token(people)
        for _ in range(MAX_CODES_PER_PENDING_SIGN_IN):
            clock.advance(10)
            assert finished(people, token, WRONG).code == "INVALID_TWO_FACTOR_CODE"
        clock.advance(10)
        assert finished(people, token, app.code()).code == "UNAUTHORIZED"

    def test_g42_a_pending_token_does_not_outlive_the_password(
        self, people: People, app: AuthenticatorApp
    ) -> None:
        token = pending_token(people)
        people.ask("/auth/forgot-password", ADA)
        link = people.mailbox.newest("reset_password", ADA).token
        reset = {"token": link, "password": "a quite different password"}
        assert people.api.post("/auth/reset-password", reset).status == 200
        assert finished(people, token, app.code()).code == "UNAUTHORIZED"

    def test_g42_a_new_password_does_not_turn_it_off(self, people: People, app: AuthenticatorApp) -> None:
        people.ask("/auth/forgot-password", ADA)
        link = people.mailbox.newest("reset_password", ADA).token
        new = "a quite different password"
        assert people.api.post("/auth/reset-password", {"token": link, "password": new}).status == 200
        assert people.login(ADA, new).data["requires2FA"] is True

    def test_g42_keeps_pending_tokens_as_hashes_only(
        self, people: People, app: AuthenticatorApp, table: Engine
    ) -> None:
        assert pending_token(people) not in str(table.items())

    @pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
    def test_g42_one_step_of_drift_is_allowed(
        self, people: People, app: AuthenticatorApp, clock: SettableClock, steps: int, is_right: bool
    ) -> None:
        clock.advance(3 * STEP_SECONDS)
        answer = finished(people, pending_token(people), app.code(steps))
        assert answer.status == (200 if is_right else 403)

    def test_g42_crowds_out_the_oldest_as_any_sign_in(
        self, people: People, app: AuthenticatorApp, clock: SettableClock, table: Engine
    ) -> None:
        for _ in range(MAX_SESSIONS_PER_USER):
            clock.advance(60)
            assert finished(people, pending_token(people), app.code()).status == 200
        assert [item["kind"]["S"] for item in table.items()].count("SESSION") == MAX_SESSIONS_PER_USER


@pytest.mark.guarantee("G42", "G45")
class TestLimits:
    def test_g45_each_wrong_code_doubles_the_wait_whatever_the_pending_token(
        self, people: People, app: AuthenticatorApp, clock: SettableClock
    ) -> None:
        waits = []
        for number in range(ATTEMPTS_WITHOUT_DELAY + 5):
            wrong = finished(people, pending_token(people), WRONG, ip=f"203.0.113.{number}")
            assert wrong.code == "INVALID_TWO_FACTOR_CODE"
            if number >= ATTEMPTS_WITHOUT_DELAY:
                refused = finished(people, pending_token(people), app.code())
                assert refused.code == "RATE_LIMITED"
                waits.append(int(refused.headers["Retry-After"]))
                clock.advance(waits[-1])
        assert waits == [1, 2, 4, 8, 16]
        assert finished(people, pending_token(people), app.code()).status == 200

    def test_g45_attempts_from_outside_do_not_affect_sessions(
        self, people: People, ada: Api, app: AuthenticatorApp
    ) -> None:
        for number in range(ATTEMPTS_WITHOUT_DELAY + 1):
            finished(people, pending_token(people), WRONG, ip=f"203.0.113.{number}")
        assert finished(people, pending_token(people), app.code()).code == "RATE_LIMITED"
        renewed = ada.post("/security/2fa/recovery-codes/regen", {"code": app.code()})
        assert renewed.status == 200

    def test_g45_guessing_inside_has_to_wait_too(self, ada: Api, app: AuthenticatorApp) -> None:
        path = "/security/2fa/recovery-codes/regen"
        codes = [ada.post(path, {"code": WRONG}).code for _ in range(ATTEMPTS_WITHOUT_DELAY + 2)]
        assert codes == [*["INVALID_TWO_FACTOR_CODE"] * (ATTEMPTS_WITHOUT_DELAY + 1), "RATE_LIMITED"]
        assert ada.post("/security/2fa/disable", {"password": PASSWORD, "code": WRONG}).code == "RATE_LIMITED"

    def test_g45_guesses_at_once_get_no_more_than_guesses_in_a_row(
        self, people: People, app: AuthenticatorApp
    ) -> None:
        token = pending_token(people)
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda number: finished(people, token, WRONG, ip=f"203.0.113.{number}"), range(8))
            codes = [answer.code for answer in answers]
        assert codes.count("INVALID_TWO_FACTOR_CODE") == ATTEMPTS_WITHOUT_DELAY + 1
        assert codes.count("RATE_LIMITED") == 8 - ATTEMPTS_WITHOUT_DELAY - 1


class TestRecoveryCodes:
    def test_are_ten_and_each_lets_in_once(
        self, people: People, app: AuthenticatorApp, clock: SettableClock
    ) -> None:
        assert len(set(app.recovery_codes)) == 10
        first = app.recovery_codes[0]
        assert finished(people, pending_token(people), first).status == 200
        assert finished(people, pending_token(people), first).code == "INVALID_TWO_FACTOR_CODE"
        answer = finished(people, pending_token(people), app.recovery_codes[1].upper().replace("-", " "))
        left = people.api.get("/v1/auth/2fa/backup-codes", token=answer.data["accessToken"])
        assert left.data["recoveryCodesLeft"] == 8
        assert actions(people.api.as_bearer(answer.data["accessToken"]))[:2] == [
            ("use_recovery_code", "done"),
            ("login", "done"),
        ]

    def test_are_nobody_elses(self, people: People, app: AuthenticatorApp, clock: SettableClock) -> None:
        people.enrolled(people.newcomer(BOB))
        clock.advance(STEP_SECONDS)
        answer = finished(people, pending_token(people, BOB), app.recovery_codes[0])
        assert answer.code == "INVALID_TWO_FACTOR_CODE"

    @pytest.mark.parametrize("path", ["/security/2fa/recovery-codes/regen", "/v1/auth/2fa/backup-codes"])
    def test_are_made_anew_for_a_code_of_the_app(
        self, people: People, ada: Api, app: AuthenticatorApp, clock: SettableClock, path: str
    ) -> None:
        assert ada.post(path, {"code": WRONG}).code == "INVALID_TWO_FACTOR_CODE"
        renewed = ada.post(path, {"code": app.code()}).data["recoveryCodes"]
        assert not set(renewed) & set(app.recovery_codes)
        assert finished(people, pending_token(people), app.recovery_codes[0]).code == "INVALID_TWO_FACTOR_CODE"
        assert finished(people, pending_token(people), renewed[0]).status == 200

    def test_are_never_shown_again(self, ada: Api, app: AuthenticatorApp) -> None:
        shown = ada.get("/v1/auth/2fa/backup-codes")
        assert shown.data["recoveryCodesLeft"] == 10
        assert not any(code in shown.text for code in app.recovery_codes)


class TestTurningItOff:
    @pytest.mark.parametrize("path", ["/security/2fa/disable", "/v1/auth/2fa/disable"])
    @pytest.mark.parametrize("by", ["code", "recovery code"])
    def test_needs_the_password_and_a_code(
        self, people: People, ada: Api, app: AuthenticatorApp, table: Engine, path: str, by: str
    ) -> None:
        code = app.code() if by == "code" else app.recovery_codes[3]
        assert ada.post(path, {"password": "not the password", "code": code}).code == "FORBIDDEN"
        assert ada.post(path, {"password": PASSWORD, "code": WRONG}).code == "INVALID_TWO_FACTOR_CODE"
        assert people.login(ADA).data["requires2FA"] is True
        assert ada.post(path, {"password": PASSWORD, "code": code}).status == 200
        assert people.login(ADA).data["requires2FA"] is False
        assert "SECOND_FACTOR" not in str(table.items())
        deliver_letters(table)
        assert people.mailbox.of(ADA)[-1] == "two_factor_off"

    def test_ends_every_other_session(
        self, people: People, ada: Api, app: AuthenticatorApp, clock: SettableClock
    ) -> None:
        other = signed_in(people, app, clock)
        clock.advance(STEP_SECONDS)
        assert ada.post("/security/2fa/disable", {"password": PASSWORD, "code": app.code()}).status == 200
        assert (ada.get("/me").status, other.get("/me").status) == (200, 401)

    @pytest.mark.guarantee("G42")
    def test_g42_ends_a_session_that_begins_with_it_meanwhile(
        self, people: People, ada: Api, app: AuthenticatorApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise it would count as signed in with a second factor for a month."""
        turn, begun = product().people.two_factor._turn, []
        commit = turn._transactor.commit

        def late(writes: Any) -> None:
            session = finished(people, pending_token(people), app.recovery_codes[0])
            begun.append(session.data["accessToken"])
            commit(writes)

        monkeypatch.setattr(turn, "_transactor", SimpleNamespace(commit=late))
        assert ada.post("/security/2fa/disable", {"password": PASSWORD, "code": app.code()}).status == 200
        assert (ada.get("/me").status, people.api.get("/me", token=begun[0]).status) == (200, 401)

    def test_is_refused_where_it_is_not_on(self, ada: Api) -> None:
        answer = ada.post("/security/2fa/disable", {"password": PASSWORD, "code": "123456"})
        assert answer.code == "CONFLICT"
        assert ada.post("/security/2fa/recovery-codes/regen", {"code": "123456"}).code == "CONFLICT"


class TestTheVerifyPathInASession:
    def test_turns_it_on(self, people: People, ada: Api) -> None:
        app = AuthenticatorApp(ada.post("/v1/auth/2fa/setup", OWN).data["secret"])
        answer = ada.post("/v1/auth/2fa/verify", {"code": app.code()})
        assert len(answer.data["recoveryCodes"]) == 10
        assert ada.get("/v1/auth/2fa/status").data["enabled"] is True
        assert actions(ada)[0] == ("confirm_two_factor", "done")

    def test_needs_the_session_and_for_a_cookie_the_csrf_token(self, people: People, ada: Api) -> None:
        app = AuthenticatorApp(ada.post("/v1/auth/2fa/setup", OWN).data["secret"])
        body = {"code": app.code()}
        cookies = people.login(ADA).cookies
        assert people.api.post("/v1/auth/2fa/verify", body).code == "UNAUTHORIZED"
        assert people.api.post("/v1/auth/2fa/verify", body, cookies=cookies).code == "FORBIDDEN"
        headers = {"X-CSRF-Token": cookies["hearth_csrf"]}
        assert people.api.post("/v1/auth/2fa/verify", body, cookies=cookies, headers=headers).status == 200


class TestStaff:
    PATH = "/v1/admin/customers/cus_01ARZ3NDEKTSV4RRFFQ69G5FAV/credits"
    CREDIT: ClassVar = {"amount": "1.00", "reason": "For the test"}

    @pytest.fixture
    def owner(self, people: People) -> Api:
        """The first staff account, with only a password."""
        body = {"email": "owner@hearth.example", "password": PASSWORD, "name": "Owner"}
        assert people.api.post("/v1/setup", body).status == 201
        return people.api.as_bearer(people.login("owner@hearth.example").data["accessToken"])

    def test_need_it_for_what_is_staffs_and_for_nothing_else(self, owner: Api, table: Engine) -> None:
        refused = owner.post(self.PATH, self.CREDIT)
        assert (refused.status, refused.code) == (403, "TWO_FACTOR_REQUIRED")
        assert "/security/2fa/setup" in refused.error["message"]
        assert owner.get("/me").status == 200
        assert owner.get("/sessions").status == 200
        assert not [item for item in table.items() if item["kind"]["S"] == "POSTED"]

    def test_may_once_they_have_it(self, people: People, owner: Api, clock: SettableClock) -> None:
        app = people.enrolled(owner)
        assert owner.post(self.PATH, self.CREDIT).code == "NOT_FOUND"
        clock.advance(STEP_SECONDS)
        token = pending_token(people, "owner@hearth.example")
        again = people.api.as_bearer(finished(people, token, app.code()).data["accessToken"])
        assert again.post(self.PATH, self.CREDIT).code == "NOT_FOUND"

    def test_lose_what_is_staffs_with_it(self, people: People, owner: Api, clock: SettableClock) -> None:
        app = people.enrolled(owner)
        clock.advance(STEP_SECONDS)
        assert owner.post("/security/2fa/disable", {"password": PASSWORD, "code": app.code()}).status == 200
        assert owner.post(self.PATH, self.CREDIT).code == "TWO_FACTOR_REQUIRED"

    def test_keep_it_through_a_refresh(self, people: People, owner: Api, clock: SettableClock) -> None:
        app = people.enrolled(owner)
        clock.advance(STEP_SECONDS)
        tokens = finished(people, pending_token(people, "owner@hearth.example"), app.code()).data
        fresh = people.api.post("/auth/refresh", {"refreshToken": tokens["refreshToken"]}).data["accessToken"]
        assert people.api.post(self.PATH, self.CREDIT, token=fresh).code == "NOT_FOUND"

    def test_a_customer_with_one_is_no_staff(self, ada: Api, app: AuthenticatorApp) -> None:
        assert ada.post(self.PATH, self.CREDIT).code == "FORBIDDEN"


@pytest.mark.guarantee("G46")
def test_g46_nothing_secret_is_logged(
    people: People, ada: Api, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    app = people.enrolled(ada)
    clock.set(later(clock.now(), STEP_SECONDS))
    codes = [app.code(step) for step in (-1, 0, 1)]
    token = pending_token(people)
    finished(people, token, WRONG)
    finished(people, token, app.recovery_codes[0])
    finished(people, pending_token(people), codes[1])
    clock.advance(2 * STEP_SECONDS)
    ada.post("/security/2fa/disable", {"password": PASSWORD, "code": app.code()})
    logged = log.getvalue()
    for operation in ("set_up_two_factor", "confirm_two_factor", "finish_login", "disable_two_factor"):
        assert f'"operation":"{operation}"' in logged
    for secret in [PASSWORD, app.secret, token, *app.recovery_codes, *(f'"{code}"' for code in codes)]:
        assert secret not in logged
