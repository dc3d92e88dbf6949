"""The API's address for browsers and programs: CORS, cookies, CSRF, unknown paths."""

from http.cookies import SimpleCookie

import httpx
import pytest

from dev.demo.client import Client
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")

FRONT_END = "http://localhost:3000"


@pytest.fixture
def visitor(cloud: LocalCloud) -> Client:
    """A client without a session."""
    return cloud.visitor()


@pytest.fixture(scope="module")
def browser_cookies(cloud: LocalCloud) -> dict[str, str]:
    """The cookies of a browser after signing in."""
    person, visitor = cloud.registered(), cloud.visitor()
    answer = visitor.post("/auth/login", {"email": person.email, "password": person.password})
    return _cookies(answer.headers)


def _cookies(headers: httpx.Headers) -> dict[str, str]:
    found = (SimpleCookie(text) for text in headers.get_list("Set-Cookie"))
    return {name: morsel.value for jar in found for name, morsel in jar.items()}


def _sent(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


@pytest.mark.parametrize(("path", "method"), [("/deployments", "POST"), ("/deployments/dep_1", "DELETE")])
def test_preflight_lets_the_front_end_in(visitor: Client, path: str, method: str) -> None:
    asked = {
        "Origin": FRONT_END,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,x-csrf-token",
    }
    answer = httpx.options(f"{visitor.base_url}{path}", headers=asked, timeout=30)
    assert answer.is_success
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert method in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert {"authorization", "content-type", "idempotency-key", "x-csrf-token"} <= set(allowed.split(","))


def test_answers_are_readable_by_the_front_end_alone(visitor: Client) -> None:
    answer = visitor.call("GET", "/regions", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END
    assert answer.headers["X-Request-Id"].startswith("req_")


def test_cookie_alone_reads_but_changes_nothing(visitor: Client, browser_cookies: dict[str, str]) -> None:
    cookie = _sent(browser_cookies)
    assert visitor.call("GET", "/me", headers={"Cookie": cookie}).status == 200
    refused = visitor.call("POST", "/ssh-keys", body={"name": "x", "publicKey": "x"}, headers={"Cookie": cookie})
    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    forged = {"Cookie": cookie, "X-CSRF-Token": "guessed"}
    assert visitor.call("POST", "/ssh-keys", body={"name": "x", "publicKey": "x"}, headers=forged).status == 403


def test_cookie_with_its_csrf_token_is_let_in_to_be_validated(
    visitor: Client, browser_cookies: dict[str, str]
) -> None:
    headers = {"Cookie": _sent(browser_cookies), "X-CSRF-Token": browser_cookies["hearth_csrf"]}
    answer = visitor.call("POST", "/ssh-keys", body={"name": "x", "publicKey": "x"}, headers=headers)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


@pytest.mark.guarantee("G47")
@pytest.mark.parametrize("wrong", ["é", "%C3%A9", "🜁", "%F0%9F%9C%81", "a%20b", "%00", "%2e%2e", "%ff", "dep_%0a"])
def test_g47_path_in_any_script_is_read_and_refused_with_its_field(cloud: LocalCloud, wrong: str) -> None:
    person, visitor = cloud.registered(), cloud.visitor()
    answer = person.sign_in(visitor).call("GET", f"/deployments/{wrong}")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


@pytest.mark.guarantee("G42")
def test_refresh_by_cookie_rotates_and_a_reuse_ends_the_session(cloud: LocalCloud, visitor: Client) -> None:
    person = cloud.registered()
    body = {"email": person.email, "password": person.password}
    first = _cookies(visitor.post("/auth/login", body).headers)
    headers = {"Cookie": _sent(first), "X-CSRF-Token": first["hearth_csrf"]}
    second = _cookies(visitor.call("POST", "/auth/refresh", headers=headers).headers)
    assert second["hearth_refresh"] != first["hearth_refresh"]
    assert visitor.call("GET", "/me", headers={"Cookie": _sent(second)}).status == 200
    assert visitor.call("POST", "/auth/refresh", headers=headers).status == 401
    assert visitor.call("GET", "/me", headers={"Cookie": _sent(second)}).status == 401


def test_unknown_address_is_refused_as_json(visitor: Client) -> None:
    answer = visitor.get("/no-such-thing")
    assert answer.status in {403, 404}
    assert answer.body


def test_health_names_every_dependency_within_a_second(visitor: Client) -> None:
    _ = visitor.get("/health")  # a cold start
    answer = visitor.get("/health")
    names = {dependency["name"] for dependency in answer.data["dependencies"]}
    assert {"table", "state-machines", "mail", "region-montreal"} <= names
    assert all(
        dependency["latencyMs"] is None or dependency["latencyMs"] < 1000
        for dependency in answer.data["dependencies"]
    )
