"""Sessions and their tokens: through the API, on a real table."""

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.adapters.dynamodb.table import Record
from chalicelib.domain.people.sessions.models import MAX_SESSIONS_PER_USER
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.runtime.observe import logger
from tests.fakes.identity import PASSWORD, People
from tests.support.api import Answer
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine
from tests.support.settings import TABLE_NAME

ADA = "ada@example.com"
BOB = "bob@example.com"
DAY_SECONDS = 24 * 3600


@pytest.fixture
def ada(people: People) -> Any:
    """Ada's tokens from her sign-in."""
    people.verified(ADA)
    return people.login(ADA).data


def refreshed(people: People, token: str) -> Answer:
    """The answer to a refresh token."""
    return people.api.post("/auth/refresh", {"refreshToken": token})


def kinds(table: Engine) -> list[str]:
    """The kinds of all items in the table."""
    return [item["kind"]["S"] for item in table.items()]


@pytest.mark.guarantee("G42")
class TestRefreshing:
    def test_g42_rotates_the_refresh_token(self, people: People, ada: Any) -> None:
        second = refreshed(people, ada["refreshToken"]).data
        third = refreshed(people, second["refreshToken"]).data
        assert len({ada["refreshToken"], second["refreshToken"], third["refreshToken"]}) == 3
        assert third["sessionId"] == ada["sessionId"]
        assert people.api.get("/me", token=third["accessToken"]).status == 200

    def test_g42_a_reuse_ends_the_family(self, people: People, ada: Any, table: Engine) -> None:
        second = refreshed(people, ada["refreshToken"]).data
        assert refreshed(people, ada["refreshToken"]).code == "UNAUTHORIZED"
        assert refreshed(people, second["refreshToken"]).code == "UNAUTHORIZED"
        for token in (ada["accessToken"], second["accessToken"]):
            assert people.api.get("/me", token=token).code == "UNAUTHORIZED"
        assert "SESSION" not in kinds(table)

    def test_g42_a_reuse_is_written_down_and_told_to_the_owner(self, people: People, ada: Any) -> None:
        refreshed(people, ada["refreshToken"])
        refreshed(people, ada["refreshToken"])
        people.ask("/auth/forgot-password", BOB)
        assert people.mailbox.of(ADA)[-1] == "session_ended"
        again = people.api.as_bearer(people.login(ADA).data["accessToken"])
        newest, event, *_ = again.get("/activity/recent").data
        assert (newest["action"], event["action"], event["outcome"]) == ("login", "refresh_token_reused", "denied")
        assert event["targets"] == {"sessionId": ada["sessionId"]}

    def test_g42_a_reuse_leaves_other_sessions_alone(self, people: People, ada: Any) -> None:
        other = people.login(ADA).data
        refreshed(people, ada["refreshToken"])
        refreshed(people, ada["refreshToken"])
        assert people.api.get("/me", token=other["accessToken"]).status == 200

    def test_g42_of_many_at_once_one_is_served_and_the_session_ends(
        self, people: People, ada: Any, table: Engine
    ) -> None:
        with ThreadPoolExecutor(6) as pool:
            statuses = [a.status for a in pool.map(lambda _: refreshed(people, ada["refreshToken"]), range(6))]
        assert sorted(statuses) == [200, *[401] * 5]
        assert "SESSION" not in kinds(table)

    def test_g42_a_made_up_token_ends_nobody(self, people: People, ada: Any) -> None:
        user, session, family, current = ada["refreshToken"].split(".")
        for made_up in (
            f"{user}.{session}.{'A' * 43}.{current}",
            f"{user}.{session}.{'A' * 43}.{'B' * 43}",
            f"{session}.{user}.{family}.{current}",
            "nonsense",
            "",
        ):
            assert refreshed(people, made_up).status == 401
        assert refreshed(people, ada["refreshToken"]).status == 200

    def test_g42_keeps_tokens_as_hashes_only(self, ada: Any, table: Engine) -> None:
        everything = str(table.items())
        for part in [*ada["refreshToken"].split(".")[2:], ada["accessToken"]]:
            assert part not in everything

    def test_g42_does_not_carry_a_session_beyond_its_end(
        self, people: People, ada: Any, clock: SettableClock
    ) -> None:
        token = ada["refreshToken"]
        for _ in range(29):
            clock.advance(DAY_SECONDS)
            token = refreshed(people, token).data["refreshToken"]
        clock.advance(DAY_SECONDS - 60)
        last = refreshed(people, token).data
        assert last["accessTokenExpiresAt"] == last["refreshTokenExpiresAt"] == ada["refreshTokenExpiresAt"]
        clock.advance(60)
        assert people.api.get("/me", token=last["accessToken"]).status == 401
        assert refreshed(people, last["refreshToken"]).status == 401


@pytest.mark.guarantee("G42")
class TestEnding:
    def test_g42_a_revoked_session_is_refused_at_once(self, people: People, ada: Any) -> None:
        other = people.login(ADA).data
        assert people.api.delete(f"/sessions/{ada['sessionId']}", token=other["accessToken"]).status == 200
        assert people.api.get("/me", token=ada["accessToken"]).code == "UNAUTHORIZED"
        assert refreshed(people, ada["refreshToken"]).code == "UNAUTHORIZED"
        assert people.api.get("/me", token=other["accessToken"]).status == 200

    def test_g42_signing_out_ends_the_session_and_its_cookies(self, people: People, ada: Any) -> None:
        answer = people.api.post("/auth/logout", token=ada["accessToken"])
        assert answer.status == 200
        assert answer.cookies == {"hearth_access": "", "hearth_refresh": "", "hearth_csrf": ""}
        assert all("Max-Age=0" in cookie for cookie in answer.set_cookies)
        assert people.api.get("/me", token=ada["accessToken"]).status == 401
        assert refreshed(people, ada["refreshToken"]).status == 401

    def test_g42_the_oldest_ends_when_there_are_too_many(
        self, people: People, clock: SettableClock, table: Engine
    ) -> None:
        people.verified(ADA)
        sessions = []
        for _ in range(MAX_SESSIONS_PER_USER + 2):
            clock.advance(120)
            sessions.append(people.login(ADA).data)
        assert kinds(table).count("SESSION") == MAX_SESSIONS_PER_USER
        refusals = [refreshed(people, session["refreshToken"]).status for session in sessions[:3]]
        assert refusals == [401, 401, 200]

    def test_g42_losing_the_membership_ends_the_access(self, people: People, ada: Any, table: Engine) -> None:
        [item] = [item for item in table.items() if item["kind"]["S"] == "MEMBERSHIP"]
        key = {name: item[name] for name in ("pk", "sk")}
        table.client.delete_item(TableName=Record.Meta.table_name, Key=key)
        assert people.api.get("/me", token=ada["accessToken"]).status == 401

    def test_g42_losing_the_staff_role_takes_its_scopes_at_once(self, people: People, table: Engine) -> None:
        owner = people.owner_of_the_house()
        [item] = [item for item in table.items() if item["kind"]["S"] == "STAFF"]
        key = {name: item[name] for name in ("pk", "sk")}
        table.client.delete_item(TableName=Record.Meta.table_name, Key=key)
        credit = {"amount": "1.00", "reason": "None of my business any more"}
        refused = owner.post("/v1/admin/customers/cus_01ARZ3NDEKTSV4RRFFQ69G5FAV/credits", credit)
        assert refused.code == "FORBIDDEN"


class TestListing:
    def test_shows_every_session_newest_first(self, people: People, ada: Any, clock: SettableClock) -> None:
        clock.advance(60)
        people.login(ADA, headers={"user-agent": "Browser/7"}, ip="198.51.100.9")
        found = people.api.get("/sessions", token=ada["accessToken"]).data
        assert [(session["device"], session["ip"], session["isCurrent"]) for session in found] == [
            ("Browser", "198.51.100.9", False),
            ("hearth-tests", "203.0.113.7", True),
        ]

    def test_comes_in_pages(self, people: People, ada: Any, clock: SettableClock) -> None:
        ids = [ada["sessionId"]]
        for _ in range(4):
            clock.advance(1)
            ids.append(people.login(ADA).data["sessionId"])
        found: list[str] = []
        query = {"limit": "2"}
        while True:
            page = people.api.get("/sessions", query=query, token=ada["accessToken"])
            found += [session["id"] for session in page.data]
            if page.next_cursor is None:
                break
            query["cursor"] = page.next_cursor
        assert found == ids[::-1]

    def test_leaves_out_what_has_ended(self, people: People, ada: Any, clock: SettableClock) -> None:
        clock.advance(30 * DAY_SECONDS)
        current = people.login(ADA).data
        found = people.api.get("/sessions", token=current["accessToken"]).data
        assert [session["id"] for session in found] == [current["sessionId"]]
        gone = people.api.delete(f"/sessions/{ada['sessionId']}", token=current["accessToken"])
        assert gone.code == "NOT_FOUND"

    def test_notes_the_last_use_with_each_access_token(
        self, people: People, ada: Any, clock: SettableClock
    ) -> None:
        clock.advance(DAY_SECONDS)
        fresh = people.api.post("/auth/refresh", {"refreshToken": ada["refreshToken"]}, ip="198.51.100.9").data
        [session] = people.api.get("/sessions", token=fresh["accessToken"]).data
        assert (session["createdAt"], session["lastUsedAt"]) == ("2031-05-04T12:00:30Z", "2031-05-05T12:00:30Z")
        assert session["ip"] == "198.51.100.9"

    @pytest.mark.guarantee("G41")
    def test_g41_a_strangers_session_is_not_there(self, people: People, ada: Any) -> None:
        bob = people.newcomer(BOB)
        assert bob.delete(f"/sessions/{ada['sessionId']}").code == "NOT_FOUND"
        assert people.api.get("/me", token=ada["accessToken"]).status == 200
        assert ada["sessionId"] not in bob.get("/sessions").text

    @pytest.mark.guarantee("G41")
    def test_g41_a_strangers_cursor_leads_nowhere(self, people: People, ada: Any) -> None:
        people.login(ADA)
        cursor = people.api.get("/sessions", query={"limit": "1"}, token=ada["accessToken"]).next_cursor
        bob = people.newcomer(BOB)
        answer = bob.get("/sessions", query={"cursor": cursor or ""})
        assert ada["sessionId"] not in answer.text


@pytest.mark.guarantee("G42")
class TestAccessTokens:
    def claims(self, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return claims

    def signed(
        self, people: People, claims: dict[str, Any], key: Ed25519PrivateKey | None = None, **header: Any
    ) -> str:
        """A token of the same form, made by PyJWT."""
        return jwt.encode(claims, key or people.keys.current(), "EdDSA", {"kid": people.keys.key_id()} | header)

    def test_g42_last_a_quarter_of_an_hour(self, people: People, ada: Any, clock: SettableClock) -> None:
        clock.advance(15 * 60 - 1)
        assert people.api.get("/me", token=ada["accessToken"]).status == 200
        clock.advance(1)
        assert people.api.get("/me", token=ada["accessToken"]).status == 401

    def test_g42_need_our_signature(self, people: People, ada: Any) -> None:
        claims, key_id = self.claims(ada["accessToken"]), people.keys.key_id()
        header, payload, signature = ada["accessToken"].split(".")
        unsigned = (
            base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": key_id}).encode()).decode().rstrip("=")
        )
        public = people.keys.current().public_key().public_bytes_raw()
        refused = {
            "alg none": f"{unsigned}.{payload}.",
            "alg none, with our signature": f"{unsigned}.{payload}.{signature}",
            "a foreign key": self.signed(people, claims, Ed25519PrivateKey.generate()),
            "a key that nobody knows": self.signed(people, claims, kid="two"),
            "no key id": jwt.encode(claims, people.keys.current(), "EdDSA"),
            "another algorithm": jwt.encode(claims, public, "HS256", {"kid": key_id}),
            "an extension that nobody knows": self.signed(people, claims, crit=["x"], x=1),
            "another signature": f"{header}.{payload}.{signature[::-1]}",
            "no Base64": f"{header}.{payload}.{signature}!",
            "no JSON": f"{header}.{payload[:-4]}.{signature}",
            "no signature": f"{header}.{payload}.",
            "two parts": f"{header}.{payload}",
            "nonsense": "nonsense",
            "too long": "a" * 5000,
        }
        for what, token in refused.items():
            answer = people.api.get("/me", token=token)
            assert (what, answer.status, answer.code) == (what, 401, "UNAUTHORIZED")

    def test_g42_need_every_claim(self, people: People, ada: Any, clock: SettableClock) -> None:
        claims = self.claims(ada["accessToken"])
        for name in ("exp", "iat", "iss", "aud", "sub", "sid"):
            without = {key: value for key, value in claims.items() if key != name}
            assert people.api.get("/me", token=self.signed(people, without)).status == 401, name
        wrong = {
            "iss": "https://elsewhere.example",
            "aud": "another-api",
            "exp": epoch_seconds(clock.now()),
            "sid": "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "cus": "cus_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        }
        for name, value in wrong.items():
            answer = people.api.get("/me", token=self.signed(people, claims | {name: value}))
            assert (name, answer.status) == (name, 401)
        assert people.api.get("/me", token=self.signed(people, claims)).status == 200

    def test_g42_survive_a_rotation_of_the_key(self, people: People, ada: Any) -> None:
        before = people.keys.key_id()
        people.keys.secret = "the second signing key of this test"
        assert people.api.get("/me", token=ada["accessToken"]).status == 200
        again = refreshed(people, ada["refreshToken"]).data["accessToken"]
        assert jwt.get_unverified_header(again)["kid"] == people.keys.key_id() != before
        assert people.api.get("/me", token=ada["accessToken"]).status == 200
        assert people.api.get("/me", token=again).status == 200

    def test_g42_of_a_key_that_was_rotated_away_end_with_the_last_that_it_signed(
        self, people: People, ada: Any, clock: SettableClock
    ) -> None:
        """Tokens that an attacker makes with the old private key to last longer are refused."""
        old, old_id = people.keys.current(), people.keys.key_id()
        claims = self.claims(ada["accessToken"])
        forged = self.signed(people, claims | {"exp": claims["exp"] + 3600}, old, kid=old_id)
        people.keys.secret = "the second signing key of this test"
        refreshed(people, ada["refreshToken"])
        clock.advance(15 * 60 - 1)
        assert people.api.get("/me", token=forged).status == 200
        clock.advance(1)
        assert people.api.get("/me", token=forged).status == 401

    def test_g42_of_a_session_from_before_it_knew_its_keys_are_renewed(
        self, people: People, ada: Any, table: Engine
    ) -> None:
        """The previous release signed tokens with another kind of key; its refresh tokens still work."""
        user, session = people.api.get("/me", token=ada["accessToken"]).data["user"]["id"], ada["sessionId"]
        table.client.update_item(
            TableName=TABLE_NAME,
            Key={"pk": {"S": f"USER#{user}"}, "sk": {"S": f"SESSION#{session}"}},
            UpdateExpression="REMOVE token_keys",
        )
        assert people.api.get("/me", token=ada["accessToken"]).status == 401
        again = refreshed(people, ada["refreshToken"]).data
        assert (again["sessionId"], people.api.get("/me", token=again["accessToken"]).status) == (session, 200)

    def test_g42_cost_three_items_of_the_table_in_one_request(self, people: People, ada: Any) -> None:
        requested: list[tuple[str, int]] = []

        def note(model: Any, params: Any, **_: Any) -> None:
            keys = json.loads(params["body"]).get("RequestItems", {})
            requested.append((model.name, sum(len(table["Keys"]) for table in keys.values())))

        events = Record.shared_connection().client.meta.events
        events.register("before-call.dynamodb", note)
        try:
            assert people.api.get("/sessions", token=ada["accessToken"]).status == 200
        finally:
            events.unregister("before-call.dynamodb", note)
        assert requested == [("BatchGetItem", 3), ("UpdateItem", 0), ("Query", 0)]


class TestCookies:
    @pytest.fixture
    def cookies(self, people: People) -> dict[str, str]:
        """The browser's cookies after signing in."""
        people.verified(ADA)
        return people.login(ADA).cookies

    def test_say_who_is_signed_in(self, people: People, cookies: dict[str, str]) -> None:
        assert people.api.get("/me", cookies=cookies).data["user"]["email"] == ADA

    def test_cannot_be_used_by_other_sites(self, people: People) -> None:
        people.verified(ADA)
        access, refresh, csrf = people.login(ADA).set_cookies
        for cookie in (access, refresh, csrf):
            assert "Secure" in cookie
            assert "SameSite=Strict" in cookie
        assert "HttpOnly" in access
        assert "HttpOnly" in refresh
        assert "Path=/api/auth/refresh" in refresh
        assert "HttpOnly" not in csrf

    def test_change_nothing_without_the_csrf_token(self, people: People, cookies: dict[str, str]) -> None:
        for headers in ({}, {"X-CSRF-Token": "wrong"}):
            assert people.api.post("/auth/logout", cookies=cookies, headers=headers).code == "FORBIDDEN"
            assert people.api.post("/auth/refresh", cookies=cookies, headers=headers).code == "FORBIDDEN"
        without = {name: value for name, value in cookies.items() if name != "hearth_csrf"}
        headers = {"X-CSRF-Token": cookies["hearth_csrf"]}
        assert people.api.post("/auth/refresh", cookies=without, headers=headers).code == "FORBIDDEN"
        assert people.api.get("/me", cookies=cookies).status == 200

    def test_carry_a_session_on_and_end_it(self, people: People, cookies: dict[str, str]) -> None:
        refresh = people.api.post(
            "/auth/refresh", cookies=cookies, headers={"X-CSRF-Token": cookies["hearth_csrf"]}
        )
        assert refresh.status == 200
        cookies = refresh.cookies
        headers = {"X-CSRF-Token": cookies["hearth_csrf"]}
        assert people.api.post("/auth/logout", cookies=cookies, headers=headers).status == 200
        assert people.api.get("/me", cookies=cookies).status == 401

    def test_are_not_needed(self, people: People) -> None:
        assert people.api.post("/auth/refresh", {}).code == "UNAUTHORIZED"


@pytest.mark.guarantee("G42", "G46")
def test_g42_g46_nothing_secret_is_logged(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    people.verified(ADA)
    tokens = people.login(ADA).data
    refreshed(people, tokens["refreshToken"])
    people.ask("/auth/forgot-password", ADA)
    people.api.post("/auth/reset-password", {"token": people.mailbox.received[-1].token, "password": "x" * 129})
    logged = log.getvalue()
    assert '"operation":"login"' in logged
    links = [mail.token for mail in people.mailbox.received]
    for secret in [PASSWORD, "x" * 129, tokens["accessToken"], *tokens["refreshToken"].split(".")[2:], *links]:
        assert secret not in logged


class TestActingForACustomer:
    """`X-Customer-Id` names one of the sender's customers; the table says which they are."""

    @pytest.mark.guarantee("G41")
    def test_g41_a_strangers_customer_is_as_if_it_never_was(self, people: People) -> None:
        ann, bob = people.newcomer("ann@example.com"), people.newcomer("bob@example.com")
        hers = ann.get("/me").data["currentCustomerId"]
        never = new_id(Kind.CUSTOMER, START)
        answers = [
            bob.call("GET", "/ssh-keys", headers={"X-Customer-Id": customer_id}) for customer_id in (hers, never)
        ]
        assert [(answer.status, answer.code) for answer in answers] == [(404, "NOT_FOUND")] * 2
        assert answers[0].text == answers[1].text

    def test_ones_own_is_acted_for(self, people: People) -> None:
        ann = people.newcomer("ann@example.com")
        own = ann.get("/me").data["currentCustomerId"]
        assert ann.call("GET", "/ssh-keys", headers={"X-Customer-Id": own}).status == 200
