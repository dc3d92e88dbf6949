"""API keys on the real table, through their endpoints: what they allow, and attempts to get around them."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.exceptions import UpdateError

from chalicelib.adapters.dynamodb.foundation.api_keys import ApiKeyRecord, DynamoApiKeyRecords
from chalicelib.adapters.dynamodb.foundation.places import CustomerRecord, MembershipRecord
from chalicelib.adapters.dynamodb.people.staff import DynamoStaff
from chalicelib.adapters.dynamodb.table import Record
from chalicelib.adapters.dynamodb.transactor import DynamoWrite
from chalicelib.domain.foundation.access.key_texts import key_id_in, new_text
from chalicelib.domain.foundation.access.models import (
    ROLE_SCOPES,
    ApiKey,
    CustomerStatus,
    KeyRequest,
    Principal,
    Role,
    Scope,
    StaffRole,
    StaffStatus,
)
from chalicelib.domain.foundation.access.networks import MAX_RULES
from chalicelib.domain.people.staff.models import StaffMembership
from chalicelib.http import Caller
from chalicelib.http.models import ApiModel
from chalicelib.kernel.clock import isoformat
from chalicelib.kernel.errors import Forbidden, LimitExceeded, NotFound
from chalicelib.wiring.app import app
from tests.fakes.access import NoCounters
from tests.fakes.identity import People
from tests.support.api import DEFAULT_IP, Answer, Api
from tests.support.clock import START, SettableClock
from tests.support.doors import TestDoor
from tests.support.engine import Engine
from tests.support.parts import give

HERE, ELSEWHERE = DEFAULT_IP, "198.51.100.1"
EVERYTHING = ["deployments:*", "ssh-keys:*", "billing:*", "api-keys:*", "customer:*"]
Body = dict[str, Any]


@pytest.fixture
def ann(people: People, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The owner of a customer, without a rate limit."""
    person = people.newcomer("ann@example.com")
    limiter = type(app().foundation.rate_limiter)(NoCounters(), app().core.clock)
    give(foundation={"rate_limiter": limiter})
    return person


def make(maker: Api, *scopes: str, **more: Any) -> Answer:
    """Create a key."""
    return maker.post("/api-keys", {"name": "ci", "scopes": list(scopes) or ["deployments:read"], **more})


def key_of(maker: Api, *scopes: str, **more: Any) -> Api:
    """A client with a new key of `maker`."""
    made = make(maker, *scopes, **more)
    assert made.status == 201, made.text
    return maker.as_bearer(made.data["key"])


def id_of(key: Api) -> str:
    """The id of a client's key."""
    found = key_id_in(key.token or "", "hk_live_")
    assert found
    return found


def user_of(person: Api) -> str:
    return str(person.get("/me").data["user"]["id"])


def customer_of(person: Api) -> str:
    return str(person.get("/me").data["currentCustomerId"])


def become(person: Api, role: Role) -> None:
    """Change a person's role in their customer."""
    MembershipRecord(f"USER#{user_of(person)}", f"MEMBERSHIP#{customer_of(person)}").update(
        actions=[MembershipRecord.role.set(role.value)]
    )


def colleague(people: People, person: Api, role: Role) -> Api:
    """Another member of the person's customer."""
    other = people.newcomer(f"{role}@example.com")
    MembershipRecord(
        f"USER#{user_of(other)}", f"MEMBERSHIP#{customer_of(person)}", role=role.value, since=isoformat(START)
    ).save()
    return InCustomer(other, customer_of(person))


def employ(person: Api, role: StaffRole) -> None:
    """Make a person a member of the staff."""
    place = StaffMembership(user_of(person), role, StaffStatus.ACTIVE, START)
    app().core.transactor.commit(DynamoStaff().insert(place))


class InCustomer(Api):
    """A client that acts for another customer than its session."""

    def __init__(self, person: Api, customer_id: str) -> None:
        super().__init__(person.token, person.ip)
        self._customer_id = customer_id

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """Like `Api.call`, for the customer."""
        headers = {"X-Customer-Id": self._customer_id, **(options.pop("headers", None) or {})}
        return super().call(method, path, headers=headers, **options)


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


@contextmanager
def calls_counted() -> Iterator[list[str]]:
    """Yield a list that gets the name of every call to DynamoDB in the block."""
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    events = Record.shared_connection().client.meta.events
    events.register("before-call.dynamodb", note)
    try:
        yield calls
    finally:
        events.unregister("before-call.dynamodb", note)


READS = {"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"}


def reads_in(calls: Sequence[str]) -> list[str]:
    return [name for name in calls if name in READS]


class TestMaking:
    def test_g43_a_key_is_shown_once_and_kept_hashed(
        self, ann: Api, table: Engine, capfd: pytest.CaptureFixture[str]
    ) -> None:
        body = {"name": "ci", "scopes": ["deployments:read"]}
        made = ann.post("/api-keys", body, headers={"Idempotency-Key": "once"})
        text, key_id = made.data["key"], made.data["id"]
        secret = text.removeprefix(made.data["prefix"])
        later = [ann.get("/api-keys"), ann.get(f"/api-keys/{key_id}"), ann.get("/activity/recent")]
        assert ann.as_bearer(text).get("/deployments").status == 200
        later.append(ann.patch(f"/api-keys/{key_id}", {"name": "cd"}))
        written = capfd.readouterr()
        everywhere = [*(answer.text for answer in later), *map(str, table.items()), written.out, written.err]
        assert not [text for text in everywhere if secret[:20] in text or secret[-20:] in text]
        assert len(secret) == 49

    def test_what_was_asked_for_is_what_is_shown(self, ann: Api) -> None:
        made = make(
            ann,
            "deployments:*",
            "deployments:read",
            "deployments:*",
            cidrs=["203.0.113.0/24", "2001:db8::/32"],
            requestsPerMinute=600,
            expiresAt="2032-01-01T01:00:00+01:00",
            dailySpendCap="10.00",
            monthlySpendCap="100.5",
        ).data
        assert (made["name"], made["scopes"]) == ("ci", ["deployments:*", "deployments:read"])
        assert made["grantedScopes"] == ["deployments:read", "deployments:write"]
        assert [rule["cidr"] for rule in made["ipWhitelist"]] == ["203.0.113.0/24", "2001:db8::/32"]
        assert (made["requestsPerMinute"], made["expiresAt"]) == (600, "2032-01-01T00:00:00Z")
        assert made["dailySpendCap"] == {"amount": "10.00", "currency": "USD"}
        assert made["monthlySpendCap"] == {"amount": "100.50", "currency": "USD"}
        shown = {name: value for name, value in made.items() if name != "key"}
        assert ann.get(f"/api-keys/{made['id']}").data == shown
        assert ann.get("/api-keys").data == [shown]

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"scopes": []}, "scopes"),
            ({"scopes": ["deployments:read"] * 51}, "scopes"),
            ({"scopes": ["customer:close"]}, "scopes.0"),
            ({"scopes": ["deployments:read", "staff.customers:read"]}, "scopes.1"),
            ({"scopes": ["*"]}, "scopes.0"),
            ({"cidrs": ["203.0.113.0/24", "203.0.113.7/24"]}, "cidrs.1"),
            ({"cidrs": ["x" * 60]}, "cidrs.0"),
            ({"cidrs": ["10.0.0.0/8"] * 51}, "cidrs"),
            ({"requestsPerMinute": 601}, "requestsPerMinute"),
            ({"requestsPerMinute": 0}, "requestsPerMinute"),
            ({"expiresAt": "2031-05-04T12:00:30Z"}, "expiresAt"),
            ({"expiresAt": "2045-01-01T00:00:00Z"}, "expiresAt"),
            ({"expiresAt": "9999-12-31T23:59:59-23:59"}, "expiresAt"),
            ({"expiresAt": "2032-01-01T00:00:00"}, "expiresAt"),
            ({"dailySpendCap": "0.00"}, "dailySpendCap"),
            ({"monthlySpendCap": "-1"}, "monthlySpendCap"),
            ({"name": " "}, "name"),
        ],
    )
    def test_g47_what_is_wrong_is_named(self, ann: Api, table: Engine, more: Body, field: str) -> None:
        before = table.items()
        refused = ann.post("/api-keys", {"name": "ci", "scopes": ["deployments:read"], **more})
        assert (refused.status, refused.fields) == (400, {field})
        assert table.items() == before

    def test_a_network_is_listed_once(self, ann: Api) -> None:
        assert refusal(make(ann, cidrs=["203.0.113.0/24", "::ffff:203.0.113.0/120"])) == (409, "CONFLICT")

    def test_a_customer_has_at_most_fifty_however_many_ask_at_once(self, ann: Api) -> None:
        keys, wish = app().foundation.api_keys, KeyRequest(name="ci", scopes=["deployments:read"])
        asker = Principal(user_of(ann), "", customer_of(ann), Role.OWNER, None)
        made = [keys.create(asker, wish).key.id for _ in range(47)]

        def create(_: int) -> bool:
            try:
                keys.create(asker, wish)
            except LimitExceeded:
                return False
            return True

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(create, range(6))).count(True) == 3
        assert refusal(make(ann)) == (409, "LIMIT_EXCEEDED")
        keys.revoke(asker, made[0])
        assert make(ann).status == 201

    def test_lists_come_in_pages_oldest_first(self, ann: Api, clock: SettableClock) -> None:
        made = []
        for _ in range(5):
            made.append(make(ann).data["id"])
            clock.advance(1)
        seen: list[str] = []
        query = {"limit": "2"}
        while True:
            page = ann.get("/api-keys", query=query)
            assert len(page.data) <= 2
            seen += [key["id"] for key in page.data]
            if page.next_cursor is None:
                break
            query["cursor"] = page.next_cursor
        assert seen == made

    def test_every_scope_is_explained_to_anybody(self, api: Api) -> None:
        listed = {scope["name"]: scope for scope in api.get("/api-scopes").data}
        assert listed["deployments:*"]["includes"] == ["deployments:read", "deployments:write"]
        assert all(scope["description"] for scope in listed.values())


class TestWhatAKeyMayDo:
    def test_g43_its_scopes_and_the_answer_names_a_missing_scope(self, ann: Api) -> None:
        key = key_of(ann, "deployments:read")
        assert key.get("/deployments").data == []
        refused = key.get("/billing/balance")
        assert refusal(refused) == (403, "FORBIDDEN")
        assert "billing:read" in refused.error["message"]

    def test_g43_nothing_that_is_a_persons_own(self, ann: Api) -> None:
        key = key_of(ann, *EVERYTHING)
        for path in ("/me", "/sessions"):
            refused = key.get(path)
            assert refusal(refused) == (403, "FORBIDDEN")
            assert "API key" in refused.error["message"]

    def test_g43_nothing_that_is_the_staffs_even_when_its_maker_is_staff(self, ann: Api) -> None:
        employ(ann, StaffRole.OWNER)
        path = f"/v1/admin/customers/{customer_of(ann)}/credits"
        refused = key_of(ann, *EVERYTHING).post(path, {"amount": "1.00", "reason": "For me"})
        assert refusal(refused) == (403, "FORBIDDEN")

    def test_what_it_did_is_in_the_log_under_its_name(self, ann: Api, people: People) -> None:
        key = key_of(ann, "api-keys:*")
        made = make(key, "api-keys:read")
        assert made.data["grantedByUserId"] == user_of(ann)
        (entry, *_) = ann.get("/activity/recent").data
        assert (entry["action"], entry["apiKeyId"], entry["userId"]) == (
            "create_api_key",
            id_of(key),
            user_of(ann),
        )

    def test_its_caps_and_its_limit_reach_those_who_ask(self, ann: Api) -> None:
        key_id = make(ann, dailySpendCap="10.00", monthlySpendCap="99.00").data["id"]
        key = DynamoApiKeyRecords().get(key_id)
        assert key
        assert (key.daily_spend_cap_micros, key.monthly_spend_cap_micros) == (10_000_000, 99_000_000)


class TestWhoIsRefused:
    @pytest.mark.parametrize("text", ["hk_live_", "hk_live_x", "hk_test_x", "hk_\ud800", "hk_" + "a" * 9_000])
    def test_g43_what_is_no_key(self, ann: Api, text: str) -> None:
        assert refusal(ann.as_bearer(text).get("/deployments")) == (401, "UNAUTHORIZED")

    def test_g43_a_mistyped_key_does_not_even_reach_the_table(self, ann: Api) -> None:
        key = key_of(ann)
        text = key.token or ""
        wrong = text[:-10] + ("a" if text[-10] != "a" else "b") + text[-9:]
        with calls_counted() as calls:
            refused = key.as_bearer(wrong).get("/deployments")
        assert refusal(refused) == (401, "UNAUTHORIZED")
        assert "checksum" in refused.error["message"]
        assert calls == []

    def test_g43_a_right_checksum_over_a_wrong_secret(self, ann: Api) -> None:
        forged = new_text("hk_live_", id_of(key_of(ann)))
        assert refusal(ann.as_bearer(forged).get("/deployments")) == (401, "UNAUTHORIZED")

    def test_g43_ones_own_secret_with_anothers_id(self, ann: Api, people: People) -> None:
        hers, mine = id_of(key_of(ann)), key_of(people.newcomer("bob@example.com"))
        secret = (mine.token or "")[34:-6]
        body = "hk_live_" + hers.removeprefix("ak_") + secret
        mixed = next(text for text in _with_checksums(body) if key_id_in(text, "hk_live_") == hers)
        assert refusal(mine.as_bearer(mixed).get("/deployments")) == (401, "UNAUTHORIZED")

    def test_g43_an_expired_key_from_the_very_second(self, ann: Api, clock: SettableClock) -> None:
        key = key_of(ann, expiresAt="2031-05-04T12:01:30Z")
        clock.advance(59)
        assert key.get("/deployments").status == 200
        clock.advance(1)
        refused = key.get("/deployments")
        assert refusal(refused) == (401, "UNAUTHORIZED")
        assert refused.error["message"] == "This API key has expired on 2031-05-04 at 12:01 UTC."

    def test_g42_a_revoked_key_at_once(self, ann: Api) -> None:
        key = key_of(ann)
        assert key.get("/deployments").status == 200
        assert ann.delete(f"/api-keys/{id_of(key)}").data == {"id": id_of(key)}
        assert refusal(key.get("/deployments")) == (401, "UNAUTHORIZED")
        assert ann.delete(f"/api-keys/{id_of(key)}").status == 404
        assert ann.get("/api-keys").data == []

    def test_a_key_in_a_cookie(self, ann: Api, api: Api) -> None:
        token = key_of(ann).token or ""
        for method, path in (("GET", "/deployments"), ("POST", "/ssh-keys")):
            refused = api.call(
                method,
                path,
                cookies={"hearth_access": token, "hearth_csrf": "c"},
                headers={"X-CSRF-Token": "c"},
            )
            assert refusal(refused) == (401, "UNAUTHORIZED")
            assert "cookie" in refused.error["message"]

    def test_g41_a_key_for_another_customer(self, ann: Api, people: People) -> None:
        bob = people.newcomer("bob@example.com")
        key = key_of(ann)
        answer = key.get("/deployments", headers={"X-Customer-Id": customer_of(bob)})
        assert refusal(answer) == (404, "NOT_FOUND")
        assert key.get("/deployments", headers={"X-Customer-Id": customer_of(ann)}).status == 200

    @pytest.mark.parametrize(
        ("status", "refused"),
        [(CustomerStatus.BLOCKED, "CUSTOMER_BLOCKED"), (CustomerStatus.CLOSED, "UNAUTHORIZED")],
    )
    def test_a_key_of_a_customer_that_is_blocked_or_closed(
        self, ann: Api, status: CustomerStatus, refused: str
    ) -> None:
        key = key_of(ann)
        record = CustomerRecord(f"CUSTOMER#{customer_of(ann)}", "CUSTOMER")
        record.update(actions=[CustomerRecord.status.set(status.value)])
        assert key.get("/deployments").code == refused

    def test_a_key_of_a_customer_that_is_gone(self, ann: Api) -> None:
        key = key_of(ann)
        CustomerRecord(f"CUSTOMER#{customer_of(ann)}", "CUSTOMER").delete()
        assert refusal(key.get("/deployments")) == (401, "UNAUTHORIZED")


def _with_checksums(body: str) -> Iterator[str]:
    """`body` with its correct checksum."""
    from chalicelib.domain.foundation.access import key_texts

    yield body + key_texts._checksum(body)


FORGED = (
    {"X-Forwarded-For": HERE},
    {"X-Forwarded-For": f"{HERE}, {ELSEWHERE}"},
    {"X-Forwarded-For": f"{ELSEWHERE}, {HERE}"},
    {"Forwarded": f"for={HERE}"},
    {"X-Real-IP": HERE},
    {"True-Client-IP": HERE},
    {"CF-Connecting-IP": HERE},
    {"X-Original-Forwarded-For": HERE},
    {"X-Local-Source-Ip": HERE},
)


class TestAddresses:
    @pytest.mark.parametrize("headers", [{}, *FORGED], ids=lambda headers: next(iter(headers.values()), "plain"))
    def test_g43_a_wrong_address_is_refused_whatever_the_headers_say(
        self, ann: Api, headers: Mapping[str, str]
    ) -> None:
        key = key_of(ann, cidrs=["203.0.113.0/24"])
        refused = key.get("/deployments", ip=ELSEWHERE, headers=headers)
        assert refusal(refused) == (403, "ADDRESS_NOT_ALLOWED")
        assert ELSEWHERE in refused.error["message"]
        assert key.get("/deployments", headers={"X-Forwarded-For": ELSEWHERE}).status == 200

    def test_g43_a_denial_is_recorded_even_where_it_would_only_have_read(self, ann: Api) -> None:
        key = key_of(ann, cidrs=["203.0.113.0/24"])
        key.get("/deployments", ip=ELSEWHERE)
        (entry, *_) = ann.get("/activity/recent").data
        assert (entry["action"], entry["outcome"], entry["code"]) == (
            "list_deployments",
            "denied",
            "ADDRESS_NOT_ALLOWED",
        )
        assert (entry["apiKeyId"], entry["ip"]) == (id_of(key), ELSEWHERE)

    @pytest.mark.parametrize(
        ("ip", "status"),
        [("2001:db8:7::1", 200), ("2001:db9::1", 403), (HERE, 403), ("::ffff:192.0.2.9", 200), ("192.0.2.9", 200)],
    )
    def test_g43_ipv6_and_ipv4_within_it(self, ann: Api, ip: str, status: int) -> None:
        key = key_of(ann, cidrs=["2001:db8::/32", "::ffff:192.0.2.0/120"])
        assert key.get("/deployments", ip=ip).status == status

    def test_g43_the_customers_list_and_the_keys_must_both_let_it_in(self, ann: Api) -> None:
        free, bound = key_of(ann), key_of(ann, cidrs=["203.0.113.0/24", "198.51.100.0/24"])
        assert ann.post("/ip-whitelist", {"cidr": HERE, "note": "the office"}).data["cidr"] == f"{HERE}/32"
        where = ((free, HERE), (bound, HERE), (free, ELSEWHERE), (bound, ELSEWHERE))
        assert [key.get("/deployments", ip=ip).status for key, ip in where] == [200, 200, 403, 403]
        (rule,) = ann.get("/ip-whitelist").data
        assert ann.delete(f"/ip-whitelist/{rule['id']}").data == {"id": rule["id"]}
        assert [key.get("/deployments", ip=ip).status for key, ip in where] == [200] * 4

    def test_rules_of_a_key_are_added_listed_and_removed(self, ann: Api) -> None:
        key = key_of(ann)
        path = f"/api-keys/{id_of(key)}/ip-whitelist"
        rule = ann.post(path, {"cidr": "198.51.100.0/24", "note": "CI"}).data
        assert ann.get(path).data == [rule]
        assert key.get("/deployments").status == 403
        assert refusal(ann.post(path, {"cidr": "198.51.100.0/24"})) == (409, "CONFLICT")
        assert ann.delete(f"{path}/{rule['id']}").data == {"id": rule["id"]}
        assert ann.delete(f"{path}/{rule['id']}").status == 404
        assert key.get("/deployments").status == 200

    def test_host_bits_are_refused_with_what_was_meant(self, ann: Api) -> None:
        refused = ann.post("/ip-whitelist", {"cidr": "203.0.113.7/24"})
        assert (refused.status, refused.fields) == (400, {"cidr"})
        assert "203.0.113.0/24" in refused.error["message"]

    def test_lists_are_bounded_and_lose_nothing_when_many_add_at_once(self, ann: Api) -> None:
        key_id = id_of(key_of(ann, cidrs=[f"10.{number}.0.0/16" for number in range(MAX_RULES - 4)]))

        def add(number: int) -> tuple[int, int]:
            mine = ann.post(f"/api-keys/{key_id}/ip-whitelist", {"cidr": f"172.16.{number}.0/24"})
            return mine.status, ann.post("/ip-whitelist", {"cidr": f"172.16.{number}.0/24"}).status

        with ThreadPoolExecutor(4) as pool:
            added = list(pool.map(add, range(8)))
        assert sorted(status for status, _ in added) == [201] * 4 + [409] * 4
        assert [status for _, status in added] == [201] * 8
        assert len(ann.get(f"/api-keys/{key_id}/ip-whitelist").data) == MAX_RULES
        assert len(ann.get("/ip-whitelist").data) == 8


class TestRotation:
    def test_the_old_secret_works_on_for_as_long_as_was_said(self, ann: Api, clock: SettableClock) -> None:
        old = key_of(ann)
        answer = ann.post(f"/api-keys/{id_of(old)}/rotate", {"overlapHours": 2})
        new = ann.as_bearer(answer.data["key"])
        assert (id_of(new), new.token == old.token) == (id_of(old), False)
        assert answer.data["previousSecretEndsAt"] == "2031-05-04T14:00:30Z"
        clock.advance(2 * 3600 - 1)
        assert [key.get("/deployments").status for key in (old, new)] == [200, 200]
        clock.advance(1)
        assert [key.get("/deployments").status for key in (old, new)] == [401, 200]

    def test_a_day_where_nothing_was_said_and_not_at_all_where_none_is_wanted(
        self, ann: Api, clock: SettableClock
    ) -> None:
        first = key_of(ann)
        second = ann.as_bearer(ann.post(f"/api-keys/{id_of(first)}/rotate", {}).data["key"])
        third = ann.as_bearer(ann.post(f"/api-keys/{id_of(first)}/rotate").data["key"])
        assert [key.get("/deployments").status for key in (first, second, third)] == [401, 200, 200]
        ann.post(f"/api-keys/{id_of(first)}/rotate", {"overlapHours": 0})
        assert [key.get("/deployments").status for key in (first, second, third)] == [401, 401, 401]
        assert ann.get(f"/api-keys/{id_of(first)}").data["previousSecretEndsAt"] is None

    @pytest.mark.parametrize("hours", [-1, 169, 1.5, "1"])
    def test_g47_an_overlap_is_of_whole_hours_up_to_a_week(self, ann: Api, hours: object) -> None:
        refused = ann.post(f"/api-keys/{id_of(key_of(ann))}/rotate", {"overlapHours": hours})
        assert refused.fields == {"overlapHours"}

    def test_of_many_who_rotate_at_once_the_last_two_have_a_secret_that_works(self, ann: Api) -> None:
        first = key_of(ann)

        def rotate(_: int) -> Api:
            return ann.as_bearer(ann.post(f"/api-keys/{id_of(first)}/rotate", {}).data["key"])

        with ThreadPoolExecutor(4) as pool:
            rotated = list(pool.map(rotate, range(4)))
        assert [key.get("/deployments").status for key in rotated].count(200) == 2
        assert first.get("/deployments").status == 401


class TestChanging:
    def test_only_what_is_named_and_null_takes_a_limit_away(self, ann: Api) -> None:
        made = make(ann, expiresAt="2032-01-01T00:00:00Z", dailySpendCap="5.00", requestsPerMinute=7).data
        path = f"/api-keys/{made['id']}"
        assert ann.patch(path, {}).data == {name: value for name, value in made.items() if name != "key"}
        changed = ann.patch(path, {"name": "cd", "expiresAt": None, "monthlySpendCap": "9.00"}).data
        assert (changed["name"], changed["expiresAt"], changed["requestsPerMinute"]) == ("cd", None, 7)
        assert changed["dailySpendCap"] == {"amount": "5.00", "currency": "USD"}
        assert ann.patch(path, {"dailySpendCap": None}).data["dailySpendCap"] is None
        assert ann.patch(path, {"requestsPerMinute": None}).fields == {"requestsPerMinute"}
        assert ann.patch(path, {"name": None}).fields == {"name"}
        assert ann.patch(path, {"expiresAt": "2031-01-01T00:00:00Z"}).fields == {"expiresAt"}
        assert ann.patch(path, {"scopes": ["billing:read"]}).fields == {"scopes"}

    def test_scopes_are_replaced_from_the_next_call_on(self, ann: Api) -> None:
        key = key_of(ann, "deployments:read")
        changed = ann.post(f"/api-keys/{id_of(key)}/scopes", {"scopes": ["billing:read"]}).data
        assert (changed["scopes"], changed["grantedScopes"]) == (["billing:read"], ["billing:read"])
        assert [key.get(path).status for path in ("/deployments", "/billing/balance")] == [403, 200]

    def test_a_change_does_not_undo_another_that_came_between(self, ann: Api) -> None:
        records, key_id = DynamoApiKeyRecords(), id_of(key_of(ann))
        stale = records.get(key_id)
        assert stale
        ann.patch(f"/api-keys/{key_id}", {"name": "first"})
        with pytest.raises(Exception, match="api_key_unchanged"):
            app().core.transactor.commit([records.replace(replace(stale, name="second"))])

    def test_a_use_is_no_change_and_a_change_is_no_use(self, ann: Api, clock: SettableClock) -> None:
        key = key_of(ann)
        records = DynamoApiKeyRecords()
        before = records.get(id_of(key))
        assert before
        key.get("/deployments")
        app().core.transactor.commit([records.replace(replace(before, name="cd"))])
        found = ann.get(f"/api-keys/{id_of(key)}").data
        assert (found["name"], found["lastUsedOn"]) == ("cd", "2031-05-04")


class TestEscalation:
    """A key can never do more than the member who makes or changes it (G43)."""

    def test_g43_a_person_grants_no_more_than_their_role_holds(self, ann: Api, people: People) -> None:
        dev = colleague(people, ann, Role.DEVELOPER)
        refused = make(dev, "deployments:read", "billing:read")
        assert refusal(refused) == (403, "FORBIDDEN")
        assert "billing:read" in refused.error["message"]
        assert refusal(make(dev, "billing:*")) == (403, "FORBIDDEN")
        key_id = id_of(key_of(dev, "deployments:*"))
        refused = dev.post(f"/api-keys/{key_id}/scopes", {"scopes": ["billing:read"]})
        assert refusal(refused) == (403, "FORBIDDEN")

    def test_g43_nor_renews_or_loosens_a_key_that_holds_more_but_may_revoke_it(
        self, ann: Api, people: People
    ) -> None:
        dev = colleague(people, ann, Role.DEVELOPER)
        made = make(ann, "deployments:read", "billing:read", cidrs=["203.0.113.0/24"]).data
        path = f"/api-keys/{made['id']}"
        rule = made["ipWhitelist"][0]["id"]
        attempts = [
            dev.post(f"{path}/rotate", {}),
            dev.post(f"{path}/scopes", {"scopes": ["deployments:read"]}),
            dev.patch(path, {"name": "mine"}),
            dev.post(f"{path}/ip-whitelist", {"cidr": "0.0.0.0/0"}),
            dev.delete(f"{path}/ip-whitelist/{rule}"),
        ]
        assert {refusal(answer) for answer in attempts} == {(403, "FORBIDDEN")}
        assert ann.get(path).data == {name: value for name, value in made.items() if name != "key"}
        assert dev.delete(path).status == 200

    def test_g43_a_key_grants_no_scope_that_it_does_not_have(self, ann: Api) -> None:
        key = key_of(ann, "api-keys:*", "deployments:read")
        other = id_of(key_of(ann, "deployments:write"))
        attempts = [
            make(key, "deployments:write"),
            make(key, "billing:*"),
            key.post(f"/api-keys/{id_of(key)}/scopes", {"scopes": ["api-keys:*", "deployments:write"]}),
            key.post(f"/api-keys/{other}/scopes", {"scopes": ["deployments:read"]}),
            key.post(f"/api-keys/{other}/rotate", {}),
            key.patch(f"/api-keys/{other}", {"expiresAt": None}),
        ]
        assert {refusal(answer) for answer in attempts} == {(403, "FORBIDDEN")}
        assert make(key, "deployments:*").data["grantedScopes"] == ["deployments:read"]
        rotated = key.post(f"/api-keys/{id_of(key)}/rotate", {})
        assert rotated.status == 200

    CONFINED: Sequence[tuple[Body, Body]] = (
        ({"cidrs": ["203.0.113.0/24"]}, {}),
        ({"cidrs": ["203.0.113.0/24"]}, {"cidrs": ["203.0.112.0/23"]}),
        ({"cidrs": ["203.0.113.0/24"]}, {"cidrs": ["203.0.113.7", "2001:db8::/32"]}),
        ({"expiresAt": "2031-06-01T00:00:00Z"}, {}),
        ({"expiresAt": "2031-06-01T00:00:00Z"}, {"expiresAt": "2031-06-01T00:00:01Z"}),
        ({"requestsPerMinute": 10}, {"requestsPerMinute": 11}),
        ({"dailySpendCap": "5.00"}, {"dailySpendCap": "1.00"}),
        ({"monthlySpendCap": "5.00"}, {}),
    )

    @pytest.mark.parametrize(("own", "wanted"), CONFINED)
    def test_g43_a_key_makes_none_that_escapes_what_confines_itself(
        self, ann: Api, table: Engine, own: Body, wanted: Body
    ) -> None:
        key = key_of(ann, "api-keys:*", **own)
        key.get("/api-keys")
        before = [item for item in table.items() if item["kind"]["S"] == "API_KEY"]
        refused = make(key, "api-keys:read", **{"requestsPerMinute": 10, **wanted})
        assert refusal(refused) == (403, "FORBIDDEN")
        assert [item for item in table.items() if item["kind"]["S"] == "API_KEY"] == before

    def test_g43_but_one_within_it(self, ann: Api) -> None:
        own = {"cidrs": ["203.0.113.0/24"], "expiresAt": "2031-06-01T00:00:00Z", "requestsPerMinute": 10}
        key = key_of(ann, "api-keys:*", **own)
        assert make(key, "api-keys:read", **own).status == 201
        assert make(key, "api-keys:*", **{**own, "cidrs": [HERE], "requestsPerMinute": 1}).status == 201

    @pytest.mark.parametrize(
        ("own", "change"),
        [
            ({"expiresAt": "2031-06-01T00:00:00Z"}, {"expiresAt": None}),
            ({"requestsPerMinute": 10}, {"requestsPerMinute": 60}),
            ({"dailySpendCap": "5.00"}, {"dailySpendCap": None}),
            ({"dailySpendCap": "5.00"}, {"dailySpendCap": "5.01"}),
            ({"monthlySpendCap": "5.00"}, {"monthlySpendCap": "6.00"}),
        ],
    )
    def test_g43_a_key_does_not_loosen_itself(self, ann: Api, own: Body, change: Body) -> None:
        key = key_of(ann, "api-keys:*", **own)
        assert refusal(key.patch(f"/api-keys/{id_of(key)}", change)) == (403, "FORBIDDEN")
        assert key.patch(f"/api-keys/{id_of(key)}", own).status == 200

    def test_g43_a_key_does_not_open_where_keys_may_be_used_from(self, ann: Api) -> None:
        key = key_of(ann, "api-keys:*", "customer:*", cidrs=["203.0.113.0/24"])
        own = f"/api-keys/{id_of(key)}/ip-whitelist"
        (rule,) = key.get(own).data
        narrow = key.post(own, {"cidr": HERE}).data
        assert refusal(key.post(own, {"cidr": ELSEWHERE})) == (403, "FORBIDDEN")
        assert key.delete(f"{own}/{rule['id']}").status == 200
        assert refusal(key.delete(f"{own}/{narrow['id']}")) == (403, "FORBIDDEN")
        whole = key.post("/ip-whitelist", {"cidr": "203.0.113.0/24"}).data
        assert refusal(key.post("/ip-whitelist", {"cidr": "0.0.0.0/0"})) == (403, "FORBIDDEN")
        assert refusal(key.delete(f"/ip-whitelist/{whole['id']}")) == (403, "FORBIDDEN")

    def test_g43_a_key_of_a_project_sees_makes_and_changes_only_keys_of_the_same(self, ann: Api) -> None:
        inside, outside = (ann.post("/projects", {"name": name}).data["id"] for name in ("in", "out"))
        other = id_of(key_of(ann, "api-keys:*"))
        key = key_of(ann, "api-keys:*", projectId=inside)
        made = make(key, "api-keys:read", projectId=inside)
        assert made.data["projectId"] == inside
        assert {found["id"] for found in key.get("/api-keys").data} == {id_of(key), made.data["id"]}
        assert refusal(key.get(f"/api-keys/{other}")) == (404, "NOT_FOUND")
        assert refusal(key.delete(f"/api-keys/{other}")) == (404, "NOT_FOUND")
        assert refusal(make(key, "api-keys:read")) == (403, "FORBIDDEN")
        assert make(key, "api-keys:read", projectId=outside).fields == {"projectId"}
        escape = key.patch(f"/api-keys/{id_of(key)}", {"projectId": None})
        assert refusal(escape) == (403, "FORBIDDEN")
        assert ann.patch(f"/api-keys/{id_of(key)}", {"projectId": outside}).data["projectId"] == outside

    def test_g41_a_strangers_project_is_none(self, ann: Api, people: People) -> None:
        theirs = people.newcomer("bob@example.com").post("/projects", {"name": "theirs"}).data["id"]
        unknown = "prj_01RAQ7HDSGC3KD77NGYFSWP6WV"
        answers = [make(ann, projectId=project) for project in (theirs, unknown)]
        assert [(answer.status, answer.fields) for answer in answers] == [(400, {"projectId"})] * 2
        assert answers[0].text == answers[1].text

    def test_g41_a_strangers_key_is_not_there(self, ann: Api, people: People) -> None:
        bob, key_id = people.newcomer("bob@example.com"), id_of(key_of(ann))
        for asker in (bob, key_of(bob, "api-keys:*")):
            answers = [
                asker.get(f"/api-keys/{key_id}"),
                asker.patch(f"/api-keys/{key_id}", {"name": "mine"}),
                asker.post(f"/api-keys/{key_id}/rotate", {}),
                asker.post(f"/api-keys/{key_id}/scopes", {"scopes": ["deployments:read"]}),
                asker.post(f"/api-keys/{key_id}/ip-whitelist", {"cidr": HERE}),
                asker.delete(f"/api-keys/{key_id}"),
            ]
            assert {refusal(answer) for answer in answers} == {(404, "NOT_FOUND")}


class TestItsGranter:
    """A key loses a scope when the member who gave it loses the scope."""

    def test_g43_a_lower_role_takes_from_the_keys_at_once(self, ann: Api, people: People) -> None:
        dev = colleague(people, ann, Role.ADMIN)
        key = key_of(dev, "deployments:read", "billing:read")
        assert key.get("/billing/balance").status == 200
        _role_in(ann, dev, Role.DEVELOPER)
        assert [key.get(path).status for path in ("/deployments", "/billing/balance")] == [200, 403]
        _role_in(ann, dev, None)
        assert refusal(key.get("/deployments")) == (401, "UNAUTHORIZED")

    def test_g43_a_better_role_gives_them_nothing(self, ann: Api, people: People) -> None:
        dev = colleague(people, ann, Role.DEVELOPER)
        key = key_of(dev, "deployments:*", "customer:*")
        _role_in(ann, dev, Role.OWNER)
        assert key.get("/deployments").status == 200
        assert refusal(key.post("/ip-whitelist", {"cidr": HERE})) == (403, "FORBIDDEN")

    def test_keys_that_hold_too_much_are_revoked_and_only_those(self, ann: Api, people: People) -> None:
        dev = colleague(people, ann, Role.ADMIN)
        too_much, fits = id_of(key_of(dev, "billing:read")), id_of(key_of(dev, "deployments:*"))
        others = id_of(key_of(ann, "billing:read"))
        theirs = user_of(dev)
        ended = app().foundation.api_keys.revoke_beyond(customer_of(ann), theirs, ROLE_SCOPES[Role.DEVELOPER])
        assert ended == [too_much]
        assert [key["id"] for key in ann.get("/api-keys").data] == [fits, others]
        assert app().foundation.api_keys.revoke_beyond(customer_of(ann), theirs, frozenset()) == [fits]
        assert [key["id"] for key in ann.get("/api-keys").data] == [others]

    def test_whoever_replaces_the_scopes_answers_for_them(self, ann: Api, people: People) -> None:
        dev = colleague(people, ann, Role.DEVELOPER)
        key = key_of(dev, "deployments:read")
        changed = ann.post(f"/api-keys/{id_of(key)}/scopes", {"scopes": ["billing:read"]})
        assert changed.data["grantedByUserId"] == user_of(ann)
        assert key.get("/billing/balance").status == 200

    def test_g43_whoever_was_shown_a_secret_does_not_keep_it_when_they_leave(
        self, ann: Api, people: People
    ) -> None:
        dev = colleague(people, ann, Role.DEVELOPER)
        old = key_of(ann, "deployments:read")
        answer = dev.post(f"/api-keys/{id_of(old)}/rotate", {"overlapHours": 24})
        assert answer.data["grantedByUserId"] == user_of(dev)
        new = ann.as_bearer(answer.data["key"])
        assert [key.get("/deployments").status for key in (old, new)] == [200, 200]
        app().foundation.api_keys.revoke_beyond(customer_of(ann), user_of(dev), frozenset())
        assert [key.get("/deployments").status for key in (old, new)] == [401, 401]

    def test_g43_nor_an_old_secret_that_somebody_else_has_replaced(self, ann: Api, people: People) -> None:
        dev = colleague(people, ann, Role.DEVELOPER)
        old = key_of(dev, "deployments:read")
        new = ann.as_bearer(ann.post(f"/api-keys/{id_of(old)}/rotate", {"overlapHours": 24}).data["key"])
        assert [key.get("/deployments").status for key in (old, new)] == [200, 200]
        assert app().foundation.api_keys.revoke_beyond(customer_of(ann), user_of(dev), frozenset()) == []
        assert [key.get("/deployments").status for key in (old, new)] == [401, 200]

    def test_g43_a_role_that_is_lowered_meanwhile_is_noticed(
        self, ann: Api, table: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The role is read when the request arrives, and asserted when the key is written."""
        insert = DynamoApiKeyRecords.insert

        def lowered_first(self: DynamoApiKeyRecords, key: ApiKey, limit: int) -> Sequence[DynamoWrite]:
            become(ann, Role.VIEWER)
            return insert(self, key, limit)

        monkeypatch.setattr(DynamoApiKeyRecords, "insert", lowered_first)
        assert refusal(make(ann, "billing:*")) == (403, "FORBIDDEN")
        assert [item for item in table.items() if item["kind"]["S"] == "API_KEY"] == []

    def test_g43_a_key_that_is_revoked_meanwhile_makes_no_other(
        self, ann: Api, table: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = key_of(ann, "api-keys:*")
        insert = DynamoApiKeyRecords.insert

        def revoked_first(self: DynamoApiKeyRecords, made: ApiKey, limit: int) -> Sequence[DynamoWrite]:
            app().foundation.api_keys.revoke_beyond(made.customer_id, made.granted_by_user_id, frozenset())
            return insert(self, made, limit)

        monkeypatch.setattr(DynamoApiKeyRecords, "insert", revoked_first)
        assert refusal(make(key, "api-keys:read")) == (403, "FORBIDDEN")
        assert [item for item in table.items() if item["kind"]["S"] == "API_KEY"] == []

    def test_g43_a_key_that_was_narrowed_since_it_was_let_in_grants_what_is_left(self, ann: Api) -> None:
        key_id = id_of(key_of(ann, "api-keys:*", "deployments:read"))
        let_in = frozenset({Scope.API_KEYS_WRITE, Scope.DEPLOYMENTS_READ})
        asker = Principal(user_of(ann), "", customer_of(ann), None, None, api_key_id=key_id, key_scopes=let_in)
        ann.post(f"/api-keys/{key_id}/scopes", {"scopes": ["api-keys:write"]})
        with pytest.raises(Forbidden, match="deployments:read"):
            app().foundation.api_keys.create(asker, KeyRequest(name="ci", scopes=["deployments:read"]))
        app().foundation.api_keys.create(asker, KeyRequest(name="ci", scopes=["api-keys:write"]))

    def test_a_key_that_was_revoked_is_not_brought_back_by_a_change(self, ann: Api) -> None:
        keys, records = app().foundation.api_keys, DynamoApiKeyRecords()
        key = records.get(id_of(key_of(ann)))
        assert key
        asker = Principal(user_of(ann), "", customer_of(ann), Role.OWNER, None)
        keys.revoke(asker, key.id)
        records.note_use(key, START.date())
        with pytest.raises(NotFound):
            keys.change(asker, key.id, {"name": "back"})
        with pytest.raises(Exception, match="api_key_unchanged"):
            app().core.transactor.commit([records.replace(key)])
        assert records.get(key.id) is None


def _role_in(owner: Api, member: Api, role: Role | None) -> None:
    record = MembershipRecord(f"USER#{user_of(member)}", f"MEMBERSHIP#{customer_of(owner)}")
    if role is None:
        record.delete()
    else:
        record.update(actions=[MembershipRecord.role.set(role.value)])


class Thing(ApiModel):
    """A response."""

    done: bool = True


def read_thing(caller: Caller) -> Thing:
    """Read a thing, without the table."""
    return Thing()


class TestCosts:
    """The calls to the real table that a request makes before its handler."""

    def test_at_most_two_read_requests_decide_who_calls(self, ann: Api, people: People) -> None:
        key = key_of(ann, cidrs=["203.0.113.0/24"])
        ann.post("/ip-whitelist", {"cidr": HERE})
        other = people.newcomer("bob@example.com")
        employ(other, StaffRole.SUPPORT)
        door = TestDoor(read_thing, method="GET", scope=Scope.DEPLOYMENTS_READ)
        staff_door = TestDoor(read_thing, method="GET", scope=Scope.STAFF_CUSTOMERS_READ)
        who = {"key": (door, key), "session": (door, ann), "staff": (staff_door, other)}
        reads = {}
        for name, (asked, client) in who.items():
            with calls_counted() as calls:
                asked.call(token=client.token)
            reads[name] = reads_in(calls)
        assert reads == {
            "key": ["GetItem", "BatchGetItem"],
            "session": ["BatchGetItem"],
            "staff": ["BatchGetItem"],
        }

    def test_the_last_use_is_known_to_the_day_for_one_write_a_day(self, ann: Api, clock: SettableClock) -> None:
        key = key_of(ann)
        door = TestDoor(read_thing, method="GET", scope=Scope.DEPLOYMENTS_READ)
        writes = []
        for hours in (0, 1, 10, 1, 24, 1):
            clock.advance(hours * 3600)
            with calls_counted() as calls:
                assert door.call(token=key.token).status == 200
            writes.append(calls.count("UpdateItem"))
        assert writes == [1, 0, 0, 1, 1, 0]
        found = DynamoApiKeyRecords().get(id_of(key))
        assert found
        assert found.last_used_on == clock.now().date()

    def test_a_refused_call_is_no_use(self, ann: Api) -> None:
        key = key_of(ann, cidrs=["203.0.113.0/24"])
        key.get("/deployments", ip=ELSEWHERE)
        assert key_use(ann, key) is None

    def test_a_use_that_cannot_be_noted_does_not_fail_the_call(
        self, ann: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(self: object, *_: object, **__: object) -> None:
            raise UpdateError("throttled")

        key = key_of(ann)
        monkeypatch.setattr(ApiKeyRecord, "update", fail)
        assert key.get("/deployments").status == 200
        assert key_use(ann, key) is None


def key_use(person: Api, key: Api) -> str | None:
    used: str | None = person.get(f"/api-keys/{id_of(key)}").data["lastUsedOn"]
    return used


class TestLimits:
    @pytest.fixture
    def limited(self, people: People) -> Api:
        """A person with the usual rate limit."""
        return people.newcomer("cleo@example.com")

    def test_g45_each_key_has_a_limit_of_its_own(self, limited: Api) -> None:
        slow, fast = key_of(limited, requestsPerMinute=2), key_of(limited, requestsPerMinute=70)
        assert [slow.get("/deployments").status for _ in range(3)] == [200, 200, 429]
        assert slow.get("/deployments").headers["Retry-After"] == "30"
        assert [fast.get("/deployments").status for _ in range(71)] == [200] * 70 + [429]
        assert limited.get("/deployments").status == 200

    def test_g45_a_thief_elsewhere_uses_up_nothing_of_its_owners(self, limited: Api) -> None:
        key = key_of(limited, requestsPerMinute=2, cidrs=["203.0.113.0/24"])
        thefts = [key.get("/deployments", ip=ELSEWHERE).status for _ in range(61)]
        assert thefts == [403] * 60 + [429]
        assert key.get("/deployments").status == 200


def test_a_wish_beyond_ones_scopes_is_refused_by_the_service_itself(ann: Api) -> None:
    asker = Principal(user_of(ann), "", customer_of(ann), Role.VIEWER, None)
    with pytest.raises(Forbidden):
        app().foundation.api_keys.create(asker, KeyRequest(name="ci", scopes=["deployments:write"]))
    with pytest.raises(NotFound):
        app().foundation.api_keys.rotate(asker, "ak_01RAQ7HDSGC3KD77NGYFSWP6WV", timedelta())
