"""The door's work before and after an endpoint's function."""

import io
import json
import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import Field

from chalicelib.domain.cloud.providers.errors import CapacityUnavailable
from chalicelib.domain.foundation.access.models import CustomerStatus, Principal, Role, Scope
from chalicelib.domain.foundation.access.rate_limits import RateLimiter
from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.http.callers import Caller, Visitor
from chalicelib.http.models import ApiModel, Cookie, Listing, PageQuery, Reply, id_of
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.kernel.ids import ULID_PATTERN, Kind, new_id
from chalicelib.kernel.transactions import TransactionContended
from chalicelib.runtime.observe import logger
from tests.fakes.access import FakeActivityLog, FakeAuthenticator, FakeRateCounters, principal
from tests.support.clock import START, SettableClock
from tests.support.doors import TestDoor
from tests.support.parts import give

DEPLOYMENT_ID = new_id(Kind.DEPLOYMENT, START)


class ThingRequest(ApiModel):
    """A request body."""

    name: str = Field(min_length=1, max_length=20)
    size_gb: int = Field(default=1, ge=1, le=100)


class Thing(ApiModel):
    """A response body."""

    thing_name: str


def make_thing(request: ThingRequest, caller: Caller) -> Thing:
    """Make a thing."""
    return Thing(thing_name=request.name)


def read_thing(caller: Caller) -> Thing:
    """Read a thing."""
    return Thing(thing_name=caller.customer_id)


@dataclass
class Behind:
    """The door's collaborators in these tests."""

    owner: Principal
    viewer: Principal
    log: FakeActivityLog
    clock: SettableClock


@pytest.fixture(autouse=True)
def behind(monkeypatch: pytest.MonkeyPatch, clock: SettableClock) -> Behind:
    parts = Behind(principal(), principal(Role.VIEWER), FakeActivityLog(), clock)
    authenticator = FakeAuthenticator({"token": parts.owner, "viewer": parts.viewer})
    limiter = RateLimiter(FakeRateCounters(), clock)
    give(people={"authenticator": authenticator})
    give(foundation={"rate_limiter": limiter})
    give(foundation={"activity_log": parts.log})
    return parts


class TestEnvelope:
    def test_success_is_in_the_envelope_with_camel_case_names(self) -> None:
        answer = TestDoor(make_thing, status=201).call({"name": "a"})
        assert (answer.status, answer.body) == (201, {"success": True, "data": {"thingName": "a"}, "meta": {}})

    def test_every_answer_names_its_request_and_forbids_keeping_and_sniffing(self) -> None:
        for answer in (TestDoor(make_thing).call({"name": "a"}), TestDoor(make_thing).call({})):
            assert re.fullmatch(f"req_{ULID_PATTERN}", answer.headers["X-Request-Id"])
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Type"] == "application/json"

    def test_only_the_front_end_may_read_answers_in_a_browser(self) -> None:
        headers = TestDoor(make_thing).call({"name": "a"}, headers={"Origin": "https://evil.example"}).headers
        assert headers["Access-Control-Allow-Origin"] == "https://console.hearth.example"
        assert headers["Access-Control-Allow-Credentials"] == "true"

    def test_a_listing_says_where_it_goes_on(self) -> None:
        def list_things(query: PageQuery, caller: Caller) -> Listing[Thing]:
            """List things."""
            return Listing([Thing(thing_name="a")], next_cursor=f"after-{query.limit}")

        answer = TestDoor(list_things, method="GET").call(query={"limit": "7"})
        assert answer.data == [{"thingName": "a"}]
        assert answer.next_cursor == "after-7"

    def test_a_reply_brings_its_cookies(self) -> None:
        def sign_in(visitor: Visitor) -> Reply[Thing]:
            """Sign in."""
            return Reply(Thing(thing_name="a"), [Cookie("a", "1", "/", 60), Cookie("b", "2", "/", 60)])

        answer = TestDoor(sign_in, public=True).call(token=None)
        assert answer.cookies == {"a": "1", "b": "2"}
        for cookie in answer.set_cookies:
            assert {"Secure", "SameSite=Strict", "HttpOnly"} <= set(cookie.split("; "))


class TestRefusals:
    def test_an_error_has_its_code_its_sentence_and_its_details(self) -> None:
        answer = TestDoor(make_thing).call({"name": "", "sizeGb": 101, "else": 1})
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        assert answer.fields == {"name", "sizeGb", "else"}
        assert all(detail["message"] for detail in answer.error["details"])

    @pytest.mark.guarantee("G47")
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "nonsense",
            "[]",
            "null",
            '"text"',
            "{'name': 'a'}",
            '{"name": "a",}',
            '{"name": NaN}',
            '{"name": "a", "sizeGb": 1.5}',
            '{"name": "a", "sizeGb": "1"}',
            '{"name": "a", "sizeGb": true}',
            '{"name": "a", "size_gb": 1}',
            '{"name": "a", "sizeGb": 1e400}',
            '{"name": "a", "sizeGb": ' + "9" * 5000 + "}",
            '{"name": "\\ud800"}',
            '{"name": "\ud800"}',
            '{"name": ["a"]}',
            '{"name": {"$gt": ""}}',
            "[" * 20_000,
            '{"a":' * 10_000,
            "\x00",
            "\ufeff{}",
        ],
    )
    def test_g47_a_malformed_body_is_refused_with_details(self, text: str) -> None:
        answer = TestDoor(make_thing).call(text=text)
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        assert answer.error["details"]

    @pytest.mark.guarantee("G47")
    def test_g47_a_body_in_broken_base64_is_refused(self) -> None:
        event = {
            "httpMethod": "POST",
            "requestContext": {"identity": {"sourceIp": "203.0.113.7"}},
            "multiValueHeaders": {"Authorization": ["Bearer token"]},
            "body": "%%%",
            "isBase64Encoded": True,
        }
        assert TestDoor(make_thing).answer(event).code == "VALIDATION_ERROR"

    @pytest.mark.guarantee("G47")
    def test_g47_a_body_larger_than_any_request_is_refused(self) -> None:
        answer = TestDoor(make_thing).call({"name": "a" * 70_000})
        assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")

    @pytest.mark.guarantee("G47")
    def test_g47_details_are_few_and_short_whatever_was_sent(self) -> None:
        answer = TestDoor(make_thing).call({"name": "a", **{str(n) + "x" * 500: 1 for n in range(100)}})
        assert len(answer.error["details"]) == 20
        assert len(answer.text) < 8_000

    @pytest.mark.guarantee("G47")
    def test_g47_a_lone_surrogate_in_a_header_or_a_query_is_no_failure_of_ours(self) -> None:
        def list_things(query: PageQuery, caller: Caller) -> Listing[Thing]:
            """List things."""
            return Listing([])

        door = TestDoor(list_things, method="GET")
        assert door.call(token="\ud800").status == 401
        assert door.call(headers={"User-Agent": "\ud800"}).status == 200
        answer = door.call(query={"\ud800": "x"})
        assert answer.status == 400
        answer.text.encode()
        csrf = {"hearth_access": "token", "hearth_csrf": "\ud800"}
        assert TestDoor(make_thing).call({"name": "a"}, token=None, cookies=csrf).status == 403

    def test_a_repeated_query_name_is_refused(self) -> None:
        def list_things(query: PageQuery, caller: Caller) -> Listing[Thing]:
            """List things."""
            return Listing([])

        answer = TestDoor(list_things, method="GET").call(query={"limit": ["1", "2"]})
        assert (answer.code, answer.fields) == ("VALIDATION_ERROR", {"limit"})

    def test_a_malformed_path_value_is_refused_by_its_name(self) -> None:
        def read_deployment(deployment_id: id_of(Kind.DEPLOYMENT), caller: Caller) -> Thing:  # type: ignore[valid-type]
            """Read one."""
            return Thing(thing_name=deployment_id)

        door = TestDoor(read_deployment, method="GET", path="/deployments/{deploymentId}")
        assert door.call(path_values={"deploymentId": DEPLOYMENT_ID}).status == 200
        for wrong in ("dep_1", "usr" + DEPLOYMENT_ID[3:], DEPLOYMENT_ID.lower(), DEPLOYMENT_ID + "x", "../x"):
            answer = door.call(path_values={"deploymentId": wrong})
            assert (answer.code, answer.fields) == ("VALIDATION_ERROR", {"deploymentId"}), wrong

    @pytest.mark.guarantee("G46", "G47")
    def test_g46_an_unknown_exception_leaves_without_its_text(self) -> None:
        def fail(caller: Caller) -> Thing:
            """Fail."""
            raise RuntimeError("password=hunter2")

        answer = TestDoor(fail).call()
        assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
        assert "hunter2" not in answer.text
        assert "Traceback" not in answer.text

    def test_persisting_conflicts_ask_to_come_again(self) -> None:
        def contend(caller: Caller) -> Thing:
            """Contend."""
            raise TransactionContended("balance")

        answer = TestDoor(contend).call()
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "SERVICE_UNAVAILABLE", "1")


class TestWhoMayEnter:
    @pytest.mark.parametrize("token", [None, "", "wrong", "a b"])
    def test_nobody_enters_without_a_valid_token(self, token: str | None) -> None:
        answer = TestDoor(make_thing).call({"name": "a"}, token=token)
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_the_body_of_a_stranger_is_not_even_read(self) -> None:
        assert TestDoor(make_thing).call(text="{", token=None).status == 401

    def test_a_scope_that_the_role_lacks_is_forbidden_and_recorded(self, behind: Behind) -> None:
        door = TestDoor(make_thing, scope=Scope.DEPLOYMENTS_WRITE)
        assert door.call({"name": "a"}).status == 200
        refused = door.call({"name": "a"}, token="viewer")
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
        assert behind.log.activities[-1].outcome is Outcome.DENIED
        assert behind.log.activities[-1].actor_user_id == behind.viewer.user_id

    def test_a_cookie_reads_without_and_changes_only_with_the_csrf_token(self) -> None:
        cookies = {"hearth_access": "token", "hearth_csrf": "c"}
        change = TestDoor(make_thing)
        assert TestDoor(read_thing, method="GET").call(token=None, cookies=cookies).status == 200
        assert change.call({"name": "a"}, token=None, cookies=cookies).code == "FORBIDDEN"
        for wrong in ("", "d", "cc"):
            headers = {"X-CSRF-Token": wrong}
            assert change.call({"name": "a"}, token=None, cookies=cookies, headers=headers).code == "FORBIDDEN"
        assert change.call({"name": "a"}, token=None, cookies=cookies, headers={"X-CSRF-Token": "c"}).status == 200

    def test_an_empty_csrf_pair_does_not_match_itself(self) -> None:
        cookies = {"hearth_access": "token", "hearth_csrf": ""}
        answer = TestDoor(make_thing).call(
            {"name": "a"}, token=None, cookies=cookies, headers={"X-CSRF-Token": ""}
        )
        assert answer.code == "FORBIDDEN"


@pytest.mark.guarantee("G45")
class TestRateLimit:
    def test_g45_the_61st_call_of_a_minute_waits_for_the_next(self, behind: Behind) -> None:
        door = TestDoor(read_thing, method="GET")
        assert [door.call().status for _ in range(60)] == [200] * 60
        refused = door.call()
        assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "RATE_LIMITED", "30")
        behind.clock.advance(seconds=30)
        assert door.call().status == 200

    def test_g45_each_session_has_its_own_limit(self) -> None:
        door = TestDoor(read_thing, method="GET")
        for _ in range(60):
            door.call()
        assert door.call(token="viewer").status == 200

    def test_g45_visitors_are_limited_by_address_and_a_header_does_not_change_it(self) -> None:
        door = TestDoor(visit, method="GET", public=True)
        for number in range(60):
            door.call(token=None, headers={"X-Forwarded-For": f"198.51.100.{number}"})
        assert door.call(token=None, headers={"X-Forwarded-For": "198.51.100.99"}).status == 429
        assert door.call(token=None, ip="198.51.100.1").status == 200

    def test_g45_an_ipv6_subscriber_is_one_visitor(self) -> None:
        door = TestDoor(visit, method="GET", public=True)
        answers = [door.call(token=None, ip=f"2001:db8:1:2::{number:x}") for number in range(61)]
        assert [answer.status for answer in answers] == [200] * 60 + [429]
        assert door.call(token=None, ip="2001:db8:1:3::1").status == 200


def visit(visitor: Visitor) -> Thing:
    """Accept a visitor."""
    return Thing(thing_name=visitor.ip)


class TestActivityLog:
    def test_what_changes_state_is_recorded_with_who_what_and_where(self, behind: Behind) -> None:
        TestDoor(make_thing, path="/things").call({"name": "a"})
        (activity,) = behind.log.activities
        assert activity.customer_id == behind.owner.customer_id
        assert activity.actor_user_id == behind.owner.user_id
        assert (activity.action, activity.outcome, activity.ip) == ("make_thing", Outcome.DONE, "203.0.113.7")
        assert activity.at == behind.clock.now()

    def test_reading_is_not_recorded(self, behind: Behind) -> None:
        TestDoor(read_thing, method="GET").call()
        assert behind.log.activities == []

    @pytest.mark.parametrize(
        ("error", "recorded"),
        [(CapacityUnavailable(), "CAPACITY_UNAVAILABLE"), (Conflict(), "CONFLICT"), (NotFound(), None)],
    )
    def test_denials_are_recorded_with_their_code(
        self, behind: Behind, error: Exception, recorded: str | None
    ) -> None:
        def deny(caller: Caller) -> Thing:
            """Deny."""
            raise error

        TestDoor(deny).call()
        assert [activity.code for activity in behind.log.activities] == ([recorded] if recorded else [])

    def test_what_was_done_is_answered_so_even_if_the_log_fails(
        self, behind: Behind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Full(FakeActivityLog):
            def append(self, activity: Activity) -> None:
                raise OSError("no room")

        give(foundation={"activity_log": Full()})
        assert TestDoor(make_thing).call({"name": "a"}).status == 200


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The output of the product's logger."""
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    return written


class TestLogLines:
    def test_a_line_says_which_request_it_was_and_nothing_that_was_sent(self, log: io.StringIO) -> None:
        answer = TestDoor(make_thing).call({"name": "very-private"})
        (answered,) = [json.loads(line) for line in log.getvalue().splitlines()]
        assert answered["message"] == "answered"
        assert answered["request_id"] == answer.headers["X-Request-Id"]
        assert answered["operation"] == "make_thing"
        assert answered["status"] == 200
        assert "very-private" not in log.getvalue()

    def test_who_came_before_is_not_in_the_next_line(self, behind: Behind, log: io.StringIO) -> None:
        TestDoor(read_thing, method="GET").call()
        assert behind.owner.user_id in log.getvalue()
        log.truncate(0)
        TestDoor(visit, method="GET", public=True).call(token=None)
        assert behind.owner.user_id not in log.getvalue()

    def test_a_run_is_counted_and_timed(self, capsys: pytest.CaptureFixture[str]) -> None:
        TestDoor(make_thing).call({"name": "a"})
        lines: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (metrics,) = [line for line in lines if "_aws" in line]
        assert metrics["function"] == "make_thing"
        assert {"duration", "ok"} <= metrics.keys()


class TestKeys:
    """API keys at the door, after authentication."""

    @pytest.fixture
    def key(self, behind: Behind, monkeypatch: pytest.MonkeyPatch) -> Principal:
        key = replace(
            principal(None), api_key_id="ak_1", key_scopes=frozenset({Scope.DEPLOYMENTS_READ}), session_id=""
        )
        authenticator = FakeAuthenticator({"token": key})
        give(people={"authenticator": authenticator})
        return key

    def test_does_what_its_scopes_say(self, key: Principal) -> None:
        answer = TestDoor(read_thing, method="GET", scope=Scope.DEPLOYMENTS_READ).call()
        assert answer.data == {"thingName": key.customer_id}

    @pytest.mark.usefixtures("key")
    def test_is_told_which_scope_it_lacks(self) -> None:
        answer = TestDoor(read_thing, method="GET", scope=Scope.BILLING_READ).call()
        assert (answer.status, answer.code) == (403, "FORBIDDEN")
        assert "billing:read" in answer.error["message"]

    @pytest.mark.usefixtures("key")
    def test_does_nothing_that_is_a_persons_own(self) -> None:
        answer = TestDoor(read_thing, method="GET").call()
        assert (answer.status, answer.code) == (403, "FORBIDDEN")


class TestBlocked:
    """Members of a customer that the operator has blocked."""

    @pytest.fixture
    def someone(self, behind: Behind, monkeypatch: pytest.MonkeyPatch) -> Principal:
        someone = replace(principal(Role.OWNER), customer_status=CustomerStatus.BLOCKED)
        key = replace(someone, api_key_id="ak_1", key_scopes=frozenset(Scope))
        authenticator = FakeAuthenticator({"token": someone, "key": key})
        give(people={"authenticator": authenticator})
        return someone

    def test_read(self, someone: Principal) -> None:
        answer = TestDoor(read_thing, method="GET", scope=Scope.DEPLOYMENTS_READ).call()
        assert answer.data == {"thingName": someone.customer_id}

    @pytest.mark.usefixtures("someone")
    @pytest.mark.parametrize("scope", [Scope.BILLING_WRITE, Scope.BILLING_PROFILE_WRITE, None])
    def test_pay_and_see_to_their_own_sign_in(self, scope: Scope | None) -> None:
        assert TestDoor(make_thing, scope=scope).call({"name": "a"}).status == 200

    @pytest.mark.usefixtures("someone")
    def test_change_nothing_else(self, behind: Behind) -> None:
        answer = TestDoor(make_thing, scope=Scope.DEPLOYMENTS_WRITE).call({"name": "a"})
        assert (answer.status, answer.code) == (403, "CUSTOMER_BLOCKED")
        assert [activity.code for activity in behind.log.activities] == ["CUSTOMER_BLOCKED"]

    @pytest.mark.usefixtures("someone")
    def test_may_use_what_is_declared_for_them(self) -> None:
        door = TestDoor(make_thing, scope=Scope.DEPLOYMENTS_WRITE, for_blocked=True)
        assert door.call({"name": "a"}).status == 200

    @pytest.mark.usefixtures("someone")
    @pytest.mark.parametrize("scope", [Scope.DEPLOYMENTS_READ, Scope.BILLING_WRITE])
    def test_have_keys_that_do_nothing(self, scope: Scope) -> None:
        method = "GET" if scope is Scope.DEPLOYMENTS_READ else "POST"
        function = read_thing if method == "GET" else make_thing
        answer = TestDoor(function, method=method, scope=scope).call({"name": "a"}, token="key")
        assert (answer.status, answer.code) == (403, "CUSTOMER_BLOCKED")


@pytest.mark.usefixtures("behind")
@pytest.mark.parametrize("wrong", ["", " ", "x", "cus_1", "dep_01RAQ7HDSGC3KD77NGYFSWP6WV"])
def test_g47_a_customer_header_that_is_no_id(wrong: str) -> None:
    answer = TestDoor(read_thing, method="GET").call(headers={"X-Customer-Id": wrong})
    assert (answer.status, answer.fields) == (400, {"X-Customer-Id"})
