"""A client of the API as a customer would write one: it uses a base URL and none of the product's code."""

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from dev.demo.checks import StepFailed

_TIMEOUT_SECONDS = 35.0
"""A little longer than API Gateway's timeout for a function."""
_MOST_WAITS = 4
_TLS = ssl.create_default_context()
"""Made once, because making it takes longer than most calls."""
_SHOWN_CHARACTERS = 500


def ask(method: str, url: str, *, timeout_seconds: float = _TIMEOUT_SECONDS, **options: Any) -> Any:
    """Return the JSON answer of a service of the local cloud, such as the mailbox; `options` are httpx's.

    If the answer has no content, return None.

    Raises:
        StepFailed: it answers none.
    """
    text = ask_text(method, url, timeout_seconds=timeout_seconds, **options)
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise StepFailed(f"JSON from {method} {url}", text[:_SHOWN_CHARACTERS]) from error


def ask_text(method: str, url: str, *, timeout_seconds: float = _TIMEOUT_SECONDS, **options: Any) -> str:
    """Return the text answer of a service of the local cloud; `options` are httpx's.

    Raises:
        StepFailed: it answers none.
    """
    try:
        response = httpx.request(method, url, timeout=timeout_seconds, verify=_TLS, **options)
        return response.raise_for_status().text
    except httpx.HTTPError as error:
        raise StepFailed(f"an answer to {method} {url}", repr(error)) from error


@dataclass(frozen=True)
class Answer:
    """An answer in the API's envelope."""

    request: str
    status: int
    headers: httpx.Headers
    body: Mapping[str, Any]

    @property
    def data(self) -> Any:
        """The data of a successful answer.

        Raises:
            StepFailed: the answer is an error.
        """
        if not self.body.get("success"):
            raise StepFailed(f"{self.request} to succeed", self.refusal())
        return self.body["data"]

    @property
    def code(self) -> str | None:
        """The code of an error."""
        error = self.body.get("error")
        return str(error["code"]) if error else None

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the list's next page."""
        cursor: str | None = self.body["meta"].get("nextCursor")
        return cursor

    def refusal(self) -> str:
        """The error in one line, with the request id to search for in the logs."""
        error = self.body.get("error", self.body)
        return f"{self.status} {error} ({self.headers.get('X-Request-Id', 'no request id')})"


@dataclass
class Client:
    """Calls the API at `base_url`, with or without an access token."""

    base_url: str
    access_token: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of every call."""
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=_TIMEOUT_SECONDS, verify=_TLS))

    def signed_in(self, access_token: str) -> Self:
        """A client for the same API with a session."""
        return type(self)(self.base_url, access_token, self.headers, self._http)

    def get(self, path: str, **query: Any) -> Answer:
        """GET `path`."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """POST `body` as JSON; header names in snake_case."""
        return self.call("POST", path, body=body, headers=headers)

    def delete(self, path: str) -> Answer:
        """DELETE `path`."""
        return self.call("DELETE", path)

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """Every item of a list, page after page."""
        answer = self.get(path, **query)
        yield from answer.data
        while answer.next_cursor:
            answer = self.get(path, cursor=answer.next_cursor, **query)
            yield from answer.data

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call the API; while it answers that the client must wait, wait and call again.

        Raises:
            StepFailed: there is no answer, or it is not in the API's envelope.
        """
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in (headers or {}).items()}}
        if self.access_token:
            sent["Authorization"] = f"Bearer {self.access_token}"
        for attempt in range(_MOST_WAITS + 1):
            answer = self._call(method, path, body, query or {}, sent)
            if answer.status != httpx.codes.TOO_MANY_REQUESTS or attempt == _MOST_WAITS:
                return answer
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        raise AssertionError("the last attempt returns")

    def _call(
        self, method: str, path: str, body: Any, query: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answer:
        request = f"{method} {path}"
        try:
            response = self._http.request(
                method, f"{self.base_url}{path}", json=body, params=dict(query), headers=dict(headers)
            )
            return Answer(request, response.status_code, response.headers, response.json())
        except httpx.HTTPError as error:
            raise StepFailed(f"an answer to {request}", repr(error)) from error
        except ValueError as error:
            raise StepFailed(f"JSON from {request}", response.text[:_SHOWN_CHARACTERS]) from error
