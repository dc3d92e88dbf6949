"""Attacks with a code, token or password that was seen, and attempts to find out who has an account."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import perf_counter
from typing import Any

import jwt
import pytest

from chalicelib.adapters.passwords.argon2id import Argon2idPasswords
from chalicelib.domain.people.second_factor.models import Proof, SecondFactor
from chalicelib.domain.people.second_factor.two_factor import CodeCheck
from chalicelib.http.spec import EndpointSpec, operations
from chalicelib.kernel.ids import ULID_PATTERN
from chalicelib.runtime.registry import load_all
from tests.fakes.identity import PASSWORD, AuthenticatorApp, People
from tests.support.api import Answer, Api
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give

ADA = "ada@example.com"
MALLORY = "mallory@example.com"
NOBODY = "bob@example.com"
STEP_SECONDS = 30
UNPROTECTED = [spec for spec in operations(load_all()) if not spec.public and not spec.is_safe]
"""Every endpoint that changes something for a signed-in user."""

ANSWERS_OF_EACH = 60
MOST_RIGHT_GUESSES = 0.7
"""The highest rate of right guesses: an attacker sees the times of one answer for a known address and of one for
an unknown address, and guesses which is which.

A half is blind guessing. With 60 answers of each kind and no difference, a run exceeds this once in 6,000 times
(Mann and Whitney's U is normal about 0.5 with a deviation of 0.053); code that skips a hash exceeds it.
"""


@pytest.fixture
def ada(people: People) -> Api:
    """Ada, signed in."""
    return people.newcomer(ADA)


@pytest.fixture
def app(people: People, ada: Api, clock: SettableClock) -> AuthenticatorApp:
    """Ada's app, with an unused code."""
    enrolled = people.enrolled(ada)
    clock.advance(STEP_SECONDS)
    return enrolled


def finished(people: People, code: str) -> Answer:
    """The answer to a new sign-in with the right password and `code`."""
    token = people.login(ADA).data["pendingToken"]
    return people.api.post("/auth/2fa", {"pendingToken": token, "code": code})


def finished_at_once(people: People, code: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Finish two sign-ins, each with its own pending token, with one code at the same time; return the statuses.

    Neither writes before both have read that the code is right and unused.
    """
    both, proof = Barrier(2), CodeCheck.proof

    def meeting(check: CodeCheck, factor: SecondFactor, typed: str) -> Proof:
        found = proof(check, factor, typed)
        both.wait(timeout=10)
        return found

    monkeypatch.setattr(CodeCheck, "proof", meeting)
    tokens = [people.login(ADA).data["pendingToken"] for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        bodies = [{"pendingToken": token, "code": code} for token in tokens]
        return sorted(
            answer.status for answer in pool.map(lambda body: people.api.post("/auth/2fa", body), bodies)
        )


@pytest.mark.guarantee("G42")
class TestReplays:
    def test_g42_a_code_works_once(self, people: People, app: AuthenticatorApp) -> None:
        code = app.code()
        assert finished(people, code).status == 200
        assert finished(people, code).code == "INVALID_TWO_FACTOR_CODE"

    def test_g42_the_code_that_turned_it_on_is_used(self, people: People, ada: Api) -> None:
        code = people.enrolled(ada).code()
        assert finished(people, code).code == "INVALID_TWO_FACTOR_CODE"

    def test_g42_an_older_code_than_the_last_is_spent(self, people: People, app: AuthenticatorApp) -> None:
        before, now, after = (app.code(steps) for steps in (-1, 0, 1))
        assert finished(people, now).status == 200
        assert finished(people, before).code == "INVALID_TWO_FACTOR_CODE"
        assert finished(people, after).status == 200

    def test_g42_a_code_of_a_sign_in_renews_no_recovery_codes(
        self, people: People, ada: Api, app: AuthenticatorApp
    ) -> None:
        code = app.code()
        assert finished(people, code).status == 200
        for path, body in {
            "/security/2fa/recovery-codes/regen": {"code": code},
            "/security/2fa/disable": {"password": PASSWORD, "code": code},
        }.items():
            assert ada.post(path, body).code == "INVALID_TWO_FACTOR_CODE"

    def test_g42_of_two_who_show_a_code_at_once_one_is_let_in(
        self, people: People, app: AuthenticatorApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert finished_at_once(people, app.code(), monkeypatch) == [200, 403]

    def test_g42_of_two_who_show_a_recovery_code_at_once_one_is_let_in(
        self, people: People, app: AuthenticatorApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert finished_at_once(people, app.recovery_codes[0], monkeypatch) == [200, 403]

    def test_g42_a_recovery_code_works_once(self, people: People, app: AuthenticatorApp) -> None:
        assert finished(people, app.recovery_codes[0]).status == 200
        assert finished(people, app.recovery_codes[0]).code == "INVALID_TWO_FACTOR_CODE"

    def test_g42_a_refresh_token_used_twice_ends_a_session_with_both_factors(
        self, people: People, app: AuthenticatorApp
    ) -> None:
        tokens = finished(people, app.code()).data
        first = {"refreshToken": tokens["refreshToken"]}
        fresh = people.api.post("/auth/refresh", first).data
        assert people.api.post("/auth/refresh", first).code == "UNAUTHORIZED"
        assert people.api.get("/me", token=fresh["accessToken"]).status == 401


@pytest.mark.guarantee("G42")
class TestFixation:
    """An attacker may have set cookies in a browser before the sign-in."""

    def test_g42_a_sign_in_uses_no_token_from_before(self, people: People, ada: Api) -> None:
        people.verified(MALLORY)
        planted = people.login(MALLORY).cookies
        header = {"X-CSRF-Token": planted["hearth_csrf"]}
        begun = people.login(ADA, cookies=planted, headers=header)
        assert not set(begun.cookies.values()) & set(planted.values())
        assert people.api.get("/me", cookies=begun.cookies).data["user"]["email"] == ADA
        assert people.api.get("/me", cookies=planted).data["user"]["email"] == MALLORY

    def test_g42_nor_does_its_second_step(self, people: People, app: AuthenticatorApp) -> None:
        people.verified(MALLORY)
        planted = people.login(MALLORY).cookies
        body = {"pendingToken": people.login(ADA).data["pendingToken"], "code": app.code()}
        begun = people.api.post("/auth/2fa", body, cookies=planted)
        assert not set(begun.cookies.values()) & set(planted.values())
        assert people.api.get("/me", cookies=planted).data["user"]["email"] == MALLORY

    def test_g42_every_sign_in_has_an_id_and_tokens_of_its_own(self, people: People, ada: Api) -> None:
        first, second = people.login(ADA).data, people.login(ADA).data
        for name in ("sessionId", "accessToken", "refreshToken"):
            assert first[name] != second[name]

    def test_g42_one_persons_code_finishes_no_others_sign_in(
        self, people: People, app: AuthenticatorApp, clock: SettableClock
    ) -> None:
        hers = people.enrolled(people.newcomer(MALLORY))
        clock.advance(STEP_SECONDS)
        assert finished(people, hers.code()).code == "INVALID_TWO_FACTOR_CODE"
        assert finished(people, hers.recovery_codes[0]).code == "INVALID_TWO_FACTOR_CODE"


@pytest.mark.guarantee("G42")
class TestADeviceThatWaits:
    """The approval must still be valid when the device asks for its session."""

    def test_g42_gets_none_on_a_password_once_the_second_factor_is_on(self, people: People, ada: Api) -> None:
        device = approved(ada)
        people.enrolled(ada)
        polled = people.api.post("/auth/device/token", {"deviceCode": device["deviceCode"]})
        assert polled.code == "EXPIRED_TOKEN"
        assert len(ada.get("/sessions").data) == 1

    def test_g42_gets_none_on_a_second_factor_that_is_off(self, ada: Api, app: AuthenticatorApp) -> None:
        device = approved(ada)
        assert ada.post("/security/2fa/disable", {"password": PASSWORD, "code": app.code()}).status == 200
        polled = ada.post("/auth/device/token", {"deviceCode": device["deviceCode"]})
        assert polled.code == "EXPIRED_TOKEN"
        assert len(ada.get("/sessions").data) == 1


def approved(person: Api) -> Any:
    """The codes of a device that a person has approved."""
    device = person.post("/auth/device", {"clientName": "hearth-cli"}).data
    assert person.post("/auth/device/approve", {"userCode": device["userCode"]}).status == 200
    return device


@pytest.mark.guarantee("G42")
class TestOtherSites:
    @pytest.mark.parametrize("spec", [pytest.param(spec, id=spec.name) for spec in UNPROTECTED])
    def test_g42_a_cookie_alone_changes_nothing(self, people: People, table: Engine, spec: EndpointSpec) -> None:
        """A browser sends the cookie with another site's form, but that site cannot read the token."""
        people.verified(ADA)
        cookies = people.login(ADA).cookies
        before = table.items()
        path = spec.path
        for name in spec.path_model.model_fields:
            camel = spec.path_model.model_fields[name].alias or name
            path = path.replace(f"{{{camel}}}", "dep_01ARZ3NDEKTSV4RRFFQ69G5FAV")
        for headers in ({}, {"X-CSRF-Token": "guessed"}, {"X-CSRF-Token": ""}):
            answer = people.api.call(spec.method, path, body="{}", cookies=cookies, headers=headers)
            assert (answer.status, answer.code) == (403, "FORBIDDEN")
        assert table.items() == before


@pytest.mark.guarantee("G42")
class TestForgedTokens:
    """Tokens with claims of more rights (others: `tests/integration/people/test_identity_sessions.py`)."""

    @pytest.fixture
    def claims(self, ada: Api) -> dict[str, Any]:
        """The claims of Ada's token."""
        claims: dict[str, Any] = jwt.decode(str(ada.token), options={"verify_signature": False})
        return claims

    def test_g42_no_signature_key_or_algorithm_but_ours(self, people: People, claims: dict[str, Any]) -> None:
        key, key_id = people.keys.current(), people.keys.key_id()
        public = key.public_key().public_bytes_raw()
        forged = {
            "none": jwt.encode(claims, "", "none", {"kid": key_id}),
            "foreign": jwt.encode(claims, b"a foreign key that is long enough for this", "HS256", {"kid": key_id}),
            "empty": jwt.encode(claims, b"\x00" * 32, "HS256", {"kid": key_id}),
            "public": jwt.encode(claims, public, "HS256", {"kid": key_id}),
            "kid as a path": jwt.encode(claims, key, "EdDSA", {"kid": "../../one"}),
            "issuer": jwt.encode(claims | {"iss": "https://evil.example"}, key, "EdDSA", {"kid": key_id}),
            "audience": jwt.encode(claims | {"aud": ["someone-else"]}, key, "EdDSA", {"kid": key_id}),
        }
        for what, token in forged.items():
            assert (what, people.api.get("/me", token=token).status) == (what, 401)

    def test_g42_claims_give_no_rights(self, people: People, claims: dict[str, Any]) -> None:
        """Even with the signing key: rights and factors come from the table, not from the token."""
        key, key_id = people.keys.current(), people.keys.key_id()
        more = claims | {"staff": True, "stf": True, "role": "OWNER", "mfa": True, "hasSecondFactor": True}
        token = jwt.encode(more, key, "EdDSA", {"kid": key_id})
        path = "/v1/admin/customers/cus_01ARZ3NDEKTSV4RRFFQ69G5FAV/credits"
        refused = people.api.post(path, {"amount": "1.00", "reason": "None"}, token=token)
        assert refused.status in {401, 403}

    def test_g42_ids_say_nothing_of_the_secrets(self, people: People, ada: Api) -> None:
        """A session's id, which lists show, gives neither of its tokens."""
        [session] = ada.get("/sessions").data
        ulid = session["id"].partition("_")[2]
        assert len(ulid) == 26, ULID_PATTERN
        for guess in (session["id"], ulid, f"{ulid}.{ulid}.{'A' * 43}.{'A' * 43}"):
            assert people.api.get("/me", token=guess).status == 401
            assert people.api.post("/auth/refresh", {"refreshToken": guess}).status == 401


def right_guesses(call: Callable[[str], None], clock: SettableClock) -> float:
    """The rate of pairs in which the known address took longer than the unknown one: Mann and Whitney's U.

    The calls are mixed at random, so that other load of the machine affects both alike.
    """
    order = [ADA, NOBODY] * ANSWERS_OF_EACH
    random.shuffle(order)
    taken: dict[str, list[float]] = {ADA: [], NOBODY: []}
    for email in [ADA, NOBODY, ADA, NOBODY, *order]:
        clock.advance(3_700)  # later than every delay and window
        began = perf_counter()
        call(email)
        taken[email].append(perf_counter() - began)
    known, unknown = taken[ADA][2:], taken[NOBODY][2:]
    return sum(one > other for one in known for other in unknown) / (len(known) * len(unknown))


@pytest.mark.guarantee("G42")
class TestTiming:
    def test_g42_of_a_sign_in_tells_nothing(
        self, people: People, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Argon2idPasswords()
        give(people={"passwords": real})
        people.verified(ADA)

        def call(email: str) -> None:
            assert people.login(email, "not the password").code == "INVALID_CREDENTIALS"

        found = right_guesses(call, clock)
        assert 1 - MOST_RIGHT_GUESSES < found < MOST_RIGHT_GUESSES

    def test_g42_of_a_forgotten_password_tells_nothing(self, people: People, clock: SettableClock) -> None:
        people.verified(ADA)

        def call(email: str) -> None:
            assert people.api.post("/auth/forgot-password", {"email": email}).status == 202

        found = right_guesses(call, clock)
        assert 1 - MOST_RIGHT_GUESSES < found < MOST_RIGHT_GUESSES
