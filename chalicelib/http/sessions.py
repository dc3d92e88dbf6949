"""Session cookies, and optional authentication at public endpoints."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.foundation.access.models import Credentials, Principal
from chalicelib.domain.people.accounts.models import Origin
from chalicelib.domain.people.sessions.models import SessionAccess, SessionTokens
from chalicelib.http.callers import Visitor
from chalicelib.http.credentials import ACCESS_COOKIE, CSRF_COOKIE, REFRESH_COOKIE, check_csrf
from chalicelib.http.models import Cookie
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.errors import Forbidden, Unauthorized
from chalicelib.wiring.app import app


def origin_of(visitor: Visitor) -> Origin:
    """Return the source of the request as the domain's `Origin`."""
    return Origin(visitor.ip, visitor.user_agent, visitor.request_id)


def session_of(visitor: Visitor, *, changes_state: bool = True) -> Principal:
    """Authenticate the session at a public endpoint.

    Raises:
        Unauthorized: there is no valid session.
        Forbidden: the token is an API key, or a cookie without the matching CSRF token on a change of state.
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


def cookies_of(tokens: SessionTokens) -> Sequence[Cookie]:
    """Return the cookies of a session that was opened or refreshed."""
    seconds = _seconds_until(tokens.refresh_expires_at)
    return (
        access_cookie(tokens),
        Cookie(REFRESH_COOKIE, tokens.refresh_token, "/api/auth/refresh", seconds),
        Cookie(CSRF_COOKIE, secrets.token_urlsafe(24), "/", seconds, http_only=False),
    )


def access_cookie(access: SessionAccess) -> Cookie:
    """Return the cookie of an access token."""
    return Cookie(ACCESS_COOKIE, access.access_token, "/api", _seconds_until(access.access_expires_at))


def _seconds_until(moment: datetime) -> int:
    return epoch_seconds(moment) - epoch_seconds(app().core.clock.now())


def ended_cookies() -> Sequence[Cookie]:
    """Return cookies that delete the session's cookies from the browser."""
    return (
        Cookie(ACCESS_COOKIE, "", "/api", 0),
        Cookie(REFRESH_COOKIE, "", "/api/auth/refresh", 0),
        Cookie(CSRF_COOKIE, "", "/", 0, http_only=False),
    )
