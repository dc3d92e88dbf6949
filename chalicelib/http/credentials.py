"""Finds the credentials of a request: a bearer token, or a cookie that other sites cannot use.

A cookie alone is not enough to change anything: such a request must repeat the readable `hearth_csrf` cookie in
`X-CSRF-Token`, which only a script of our own front end can (the double-submit pattern of OWASP's CSRF Prevention
Cheat Sheet), and the cookies are SameSite=Strict as well.
"""

import hmac

from chalicelib.domain.foundation.access.key_texts import looks_like_a_key
from chalicelib.http.requests import ProxyRequest
from chalicelib.kernel.errors import Forbidden, Unauthorized

ACCESS_COOKIE = "hearth_access"
REFRESH_COOKIE = "hearth_refresh"
CSRF_COOKIE = "hearth_csrf"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def access_token_of(request: ProxyRequest) -> str | None:
    """Return the access token that `request` carries, or None.

    Raises:
        Forbidden: the token is in a cookie of a request that changes state, without the matching CSRF token.
        Unauthorized: an API key is in a cookie, which browsers would send automatically.
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


def check_csrf(cookie: str | None, header: str | None) -> None:
    """Refuse a request with cookies whose `X-CSRF-Token` is not the `hearth_csrf` cookie.

    Raises:
        Forbidden: they differ, or one is missing.
    """
    if not cookie or not header or not hmac.compare_digest(cookie.encode(), header.encode()):
        raise Forbidden("Send the value of the hearth_csrf cookie as X-CSRF-Token.")
