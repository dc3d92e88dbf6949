"""Signing in by its alternative paths (docs/api-names.md), for staff and customers."""

from chalicelib.domain.people.accounts.models import SessionTokens
from chalicelib.http import Caller, Reply, Visitor, endpoint
from chalicelib.http.sessions import cookies_of, ended_cookies, origin_of, session_of
from chalicelib.kernel.errors import EmailNotVerified, Forbidden, InvalidCredentials, Unauthorized
from chalicelib.runtime.grants import SIGNING_KEY
from chalicelib.wiring.app import app
from functions.people.me.schemas import ProfileView, SessionStateView
from functions.people.sign_in.schemas import LoginRequest, LoginView, Message


@endpoint(
    "POST",
    "/auth/callback/credentials",
    public=True,
    errors=(InvalidCredentials, EmailNotVerified),
    grants=(SIGNING_KEY,),
    memory_mb=1024,
)
def sign_in_with_credentials(request: LoginRequest, visitor: Visitor) -> Reply[LoginView]:
    """Sign in; the same as `POST /auth/login`."""
    outcome = app().people.sign_in.login(request.email, request.password, origin_of(visitor))
    cookies = cookies_of(outcome) if isinstance(outcome, SessionTokens) else ()
    return Reply(LoginView.of(outcome), cookies=cookies)


@endpoint("GET", "/auth/session", public=True, grants=(SIGNING_KEY,))
def get_session(visitor: Visitor) -> SessionStateView:
    """See who is signed in: as `GET /me`, or null where nobody is, or not any more."""
    try:
        principal = session_of(visitor, changes_state=False)
    except (Unauthorized, Forbidden):
        return SessionStateView(session=None)
    profile = app().people.own_account.profile(principal.user_id)
    suspension = app().cloud.suspensions.of(principal.customer_id)
    return SessionStateView(session=ProfileView.of(profile, principal.customer_id, suspension))


@endpoint("POST", "/auth/signout")
def sign_out(caller: Caller) -> Reply[Message]:
    """End this session; the same as `POST /auth/logout`."""
    app().people.session_renewal.logout(caller.user_id, caller.session_id)
    return Reply(Message(message="You are signed out."), cookies=ended_cookies())
