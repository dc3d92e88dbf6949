"""Endpoints of tests: behind the real door, outside the product's registry."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from chalicelib.http.door import Door
from chalicelib.http.spec import Declared, EndpointSpec, describe
from tests.support.api import DEFAULT_IP, Answer, answer_of, proxy_event, request_headers

_DECLARED: Mapping[str, Any] = {
    "method": "POST",
    "path": "/things",
    "aliases": (),
    "status": 200,
    "public": False,
    "scope": None,
    "idempotent": False,
    "audited": None,
    "rate_limited": True,
    "for_blocked": False,
    "errors": (),
    "asks_provider": False,
    "timeout_seconds": 15,
}
assert _DECLARED.keys() == {field.name for field in fields(Declared)}, "a property of endpoints is missing here"


def specification(function: Callable[..., Any], **declared: Any) -> EndpointSpec:
    """The specification that `endpoint()` makes of `function` with the arguments `declared`."""
    return describe(function, Declared(**{**_DECLARED, **declared}))


class TestDoor:
    """An endpoint made of a function, with the arguments `declared` of `endpoint()`."""

    __test__ = False

    def __init__(self, function: Callable[..., Any], **declared: Any) -> None:
        self._spec = specification(function, **declared)
        self._door = Door(self._spec, function)

    def call(
        self,
        body: Any = None,
        *,
        text: str | None = None,
        token: str | None = "token",
        path_values: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        ip: str = DEFAULT_IP,
    ) -> Answer:
        """Send `body` as JSON, or `text` unchanged."""
        event = proxy_event(
            self._spec.method,
            self._spec.path,
            path_values=path_values,
            body=json.dumps(body) if text is None and body is not None else text,
            query=query,
            headers=request_headers(token, cookies, headers),
            ip=ip,
        )
        return self.answer(event)

    def answer(self, event: Mapping[str, Any]) -> Answer:
        """The answer to an unchanged proxy event."""
        return answer_of(self._door.answer(event))
