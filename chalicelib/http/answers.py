"""Builds the envelope and the headers of every answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from chalicelib.http.models import Cookie, Document, Listing, PlainText, Reply
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import HearthError

# OWASP REST Security Cheat Sheet, "Security headers"; answers are never for a shared cache.
_HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Answer:
    """The answer to send: a status, a JSON text, headers and cookies."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Sequence[Cookie] = ()
    is_replay: bool = False
    """Whether it is the stored answer of an earlier request with the same Idempotency-Key."""
    concerns: str = ""
    """See `Reply.concerns`."""

    def to_proxy(self, origin: str) -> dict[str, Any]:
        """Return it in API Gateway's form, with CORS headers for the front end at `origin`."""
        headers = {
            **_HEADERS,
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": "X-Request-Id, Retry-After, Idempotency-Replayed",
            "Vary": "Origin",
            **self.headers,
        }
        several: dict[str, list[str]] = {name: [value] for name, value in headers.items()}
        if self.cookies:
            several["Set-Cookie"] = [cookie.header() for cookie in self.cookies]
        return {
            "statusCode": self.status,
            "multiValueHeaders": several,
            "body": self.body,
            "isBase64Encoded": False,
        }


def success(result: Any, status: int) -> Answer:
    """Return the envelope for the `result` of an endpoint."""
    reply = result if isinstance(result, Reply) else Reply(result)
    meta: dict[str, Any] = {}
    data: Any = reply.body
    if isinstance(data, Document):
        return Answer(status, data.text, reply.headers, reply.cookies)
    if isinstance(data, PlainText):
        headers = {"Content-Type": "text/plain; charset=utf-8", **reply.headers}
        return Answer(status, data.text, headers, reply.cookies)
    if isinstance(data, Listing):
        meta["nextCursor"] = data.next_cursor
        if data.numbering is not None:
            meta |= {to_camel(name): value for name, value in asdict(data.numbering).items()}
        data = [_plain(item) for item in data.items]
    body = {"success": True, "data": _plain(data), "meta": meta}
    return Answer(status, _dumps(body), reply.headers, reply.cookies, concerns=reply.concerns)


def failure(error: HearthError) -> Answer:
    """Return the envelope for `error`."""
    details = [{"field": detail.field, "message": detail.message} for detail in error.details]
    body = {"success": False, "error": {"code": error.code, "message": error.message, "details": details}}
    headers: dict[str, str] = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 11.6.1: a 401 names its scheme
    return Answer(error.status, _dumps(body), headers)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value


def _dumps(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)
