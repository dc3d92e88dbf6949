"""An in-process client: each call is a real proxy event for the endpoint's Lambda handler."""

import json
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.cookies import SimpleCookie
from typing import Any

from chalicelib.runtime.registry import Function, Place, Route, load_all
from tests.support.documented import hold

DEFAULT_IP = "203.0.113.7"

serving: ContextVar[Function | None] = ContextVar("serving", default=None)
"""The function that is being called; fakes check its grants."""


@dataclass(frozen=True)
class Answer:
    """The answer to a call."""

    status: int
    text: str
    headers: Mapping[str, str]
    set_cookies: Sequence[str]

    @property
    def body(self) -> Any:
        """The whole envelope, or the text if the answer is not JSON."""
        is_text = self.headers.get("Content-Type", "").startswith("text/plain")
        return self.text if is_text else json.loads(self.text)

    @property
    def data(self) -> Any:
        """The envelope's `data` of a success."""
        assert self.body["success"] is True, self.text
        return self.body["data"]

    @property
    def next_cursor(self) -> str | None:
        """The cursor of a list's next page."""
        cursor: str | None = self.body["meta"]["nextCursor"]
        return cursor

    @property
    def error(self) -> Any:
        """The envelope's `error` of a refusal."""
        assert self.body["success"] is False, self.text
        return self.body["error"]

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.error["code"])

    @property
    def fields(self) -> set[str]:
        """The fields that the error's details name."""
        return {detail["field"] for detail in self.error["details"]}

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that were set, by name."""
        return {name: morsel.value for text in self.set_cookies for name, morsel in SimpleCookie(text).items()}


class Api:
    """Calls endpoints, and checks every answer against the OpenAPI document.

    `token` and `ip` are the defaults of calls.
    """

    def __init__(self, token: str | None = None, ip: str = DEFAULT_IP) -> None:
        self.token = token
        self.ip = ip

    def as_bearer(self, token: str | None, ip: str | None = None) -> "Api":
        """The same client with another access token."""
        return Api(token, ip or self.ip)

    def get(self, path: str, **options: Any) -> Answer:
        """GET `path`; options as of `call`."""
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        """POST `json` to `path`; options as of `call`."""
        return self.call("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> Answer:
        """PUT `json` to `path`; options as of `call`."""
        return self.call("PUT", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> Answer:
        """PATCH `path` with `json`; options as of `call`."""
        return self.call("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        """DELETE `path`; options as of `call`."""
        return self.call("DELETE", path, **options)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: str | None = None,
        query: Mapping[str, str | Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        token: str | None = None,
        ip: str | None = None,
    ) -> Answer:
        """Call the endpoint at `path`.

        Args:
            method: the HTTP method.
            path: with its values, such as `/deployments/dep_…`, and without a query.
            json: the body, as a value.
            body: the body, as text that need not be JSON.
            query: names, each with one or several values.
            headers: added to the client's headers.
            cookies: the cookies that a browser would send.
            token: the access token; the client's by default, none if it is empty.
            ip: the IP address of the caller, as the gateway reports it.
        """
        function, resource, values = find(method, path)
        event = proxy_event(
            method,
            resource,
            path_values=values,
            body=_dumped(json) if body is None and json is not None else body,
            query=query,
            headers=request_headers(self.token if token is None else token, cookies, headers),
            ip=ip or self.ip,
        )
        called = serving.set(function)
        try:
            answer = answer_of(function.handler(event, None))
        finally:
            serving.reset(called)
        hold(function.documentation, (method, resource), answer.status, answer.body)
        return answer


def find(method: str, path: str) -> tuple[Function, str, dict[str, str]]:
    """The function of a method and a path, the declared path, and its values; literal segments have precedence.

    Raises:
        LookupError: no endpoint has this path.
    """
    for (known_method, resource), template, function in _routes():
        match = template.fullmatch(path)
        if known_method == method and match:
            return function, resource, match.groupdict()
    raise LookupError(f"no endpoint at {method} {path}")


@cache
def _routes() -> tuple[tuple[Place, re.Pattern[str], Function], ...]:
    functions = [(function.trigger, function) for function in load_all()]
    routes = [
        (place, function) for route, function in functions if isinstance(route, Route) for place in route.places
    ]
    routes.sort(key=lambda route: [segment.startswith("{") for segment in route[0][1].split("/")])
    return tuple((place, _template(place[1]), function) for place, function in routes)


def _template(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def proxy_event(
    method: str,
    resource: str,
    *,
    path_values: Mapping[str, str] | None = None,
    body: str | None = None,
    query: Mapping[str, str | Sequence[str]] | None = None,
    headers: Mapping[str, str] | None = None,
    ip: str = DEFAULT_IP,
) -> dict[str, Any]:
    """A REST API proxy event ("Input format of a Lambda function for proxy integration")."""
    several = {name: [value] if isinstance(value, str) else list(value) for name, value in (query or {}).items()}
    path = resource
    for name, value in (path_values or {}).items():
        path = path.replace(f"{{{name}}}", value)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": dict(headers or {}) or None,
        "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()} or None,
        "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": dict(path_values or {}) or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/api{path}",
            "stage": "api",
            "requestId": "11111111-2222-3333-4444-555555555555",
            "identity": {"sourceIp": ip, "userAgent": (headers or {}).get("User-Agent")},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def answer_of(proxy: Mapping[str, Any]) -> Answer:
    """The answer in a handler's proxy response."""
    several: Mapping[str, Sequence[str]] = proxy["multiValueHeaders"]
    headers = {name: ", ".join(values) for name, values in several.items() if name != "Set-Cookie"}
    return Answer(proxy["statusCode"], proxy["body"], headers, several.get("Set-Cookie", ()))


def request_headers(
    token: str | None, cookies: Mapping[str, str] | None, headers: Mapping[str, str] | None
) -> dict[str, str]:
    """The headers that a client sends: token or cookies, if it has them, and given headers."""
    sent = {"User-Agent": "hearth-tests/1", "Content-Type": "application/json"}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if cookies:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return {**sent, **(headers or {})}


def _dumped(value: Any) -> str:
    return json.dumps(value)
