"""How a session's tokens travel: as a bearer token, or as cookies that another site cannot use.

A cookie alone is not enough to change anything: such a request must repeat the readable `hearth_csrf` cookie in
`X-CSRF-Token`, which only a script of our own front end can (the double-submit pattern of OWASP's CSRF
Prevention Cheat Sheet), and the cookies are SameSite=Strict besides.
"""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.foundation.access.key_texts import looks_like_a_key
from chalicelib.domain.foundation.access.models import Credentials, Principal
from chalicelib.domain.people.accounts.models import Origin
from chalicelib.domain.people.sessions.models import SessionAccess, SessionTokens
from chalicelib.http.callers import Visitor
from chalicelib.http.models import Cookie
from chalicelib.http.requests import ProxyRequest
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.errors import Forbidden, Unauthorized
from chalicelib.wiring.app import app

ACCESS_COOKIE = "hearth_access"
REFRESH_COOKIE = "hearth_refresh"
CSRF_COOKIE = "hearth_csrf"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def access_token_of(request: ProxyRequest) -> str | None:
    """The access token that `request` carries, if any.

    Raises:
        Forbidden: it came as a cookie of a request that changes state, without the matching CSRF token.
        Unauthorized: it is an API key in a cookie, which browsers would send along by themselves.
    """
    bearer = request.bearer_token
    if bearer is not None:
        return bearer
    cookies = request.cookies
    token = cookies.get(ACCESS_COOKIE)
    if token is not None and looks_like_a_key(token):
        raise Unauthorized("Send an API key as Authorization: Bearer, never as a cookie.")
    if token is not None and request.method not in _SAFE_METHODS:
        check_csrf(cookies.get(CSRF_COOKIE), request.headers.get(CSRF_HEADER))
    return token


def origin_of(visitor: Visitor) -> Origin:
    """Where the request comes from, in the domain's words."""
    return Origin(visitor.ip, visitor.user_agent, visitor.request_id)


def session_of(visitor: Visitor, *, changes_state: bool = True) -> Principal:
    """Who is signed in, at an endpoint that lets others in, too.

    Raises:
        Unauthorized: nobody is.
        Forbidden: it is an API key, or a cookie without the matching CSRF token where state is changed.
    """
    token = visitor.bearer_token
    if token is None:
        token = visitor.cookie(ACCESS_COOKIE)
        if token is None:
            raise Unauthorized()
        if changes_state:
            check_csrf(visitor.cookie(CSRF_COOKIE), visitor.csrf_token)
    principal = app().people.authenticator.authenticate(Credentials(token=token, ip=visitor.ip))
    if principal.api_key_id:
        raise Forbidden("This needs a person who has signed in; an API key cannot do it.")
    return principal


def check_csrf(cookie: str | None, header: str | None) -> None:
    """Refuse a request with cookies whose `X-CSRF-Token` is not the `hearth_csrf` cookie.

    Raises:
        Forbidden: they differ, or one is missing.
    """
    if not cookie or not header or not hmac.compare_digest(cookie.encode(), header.encode()):
        raise Forbidden("Send the value of the hearth_csrf cookie as X-CSRF-Token.")


def cookies_of(tokens: SessionTokens) -> Sequence[Cookie]:
    """The cookies of a session that has just begun, or been refreshed."""
    seconds = _seconds_until(tokens.refresh_expires_at)
    return (
        access_cookie(tokens),
        Cookie(REFRESH_COOKIE, tokens.refresh_token, "/api/auth/refresh", seconds),
        Cookie(CSRF_COOKIE, secrets.token_urlsafe(24), "/", seconds, http_only=False),
    )


def access_cookie(access: SessionAccess) -> Cookie:
    """The cookie of an access token."""
    return Cookie(ACCESS_COOKIE, access.access_token, "/api", _seconds_until(access.access_expires_at))


def _seconds_until(moment: datetime) -> int:
    return epoch_seconds(moment) - epoch_seconds(app().core.clock.now())


def ended_cookies() -> Sequence[Cookie]:
    """The cookies that end a session in the browser."""
    return (
        Cookie(ACCESS_COOKIE, "", "/api", 0),
        Cookie(REFRESH_COOKIE, "", "/api/auth/refresh", 0),
        Cookie(CSRF_COOKIE, "", "/", 0, http_only=False),
    )
