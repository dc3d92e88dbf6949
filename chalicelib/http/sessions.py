"""The cookies of a session, and who is signed in where an endpoint lets others in, too."""

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
