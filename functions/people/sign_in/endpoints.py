"""Endpoints to register, to sign in, and to reset a password."""

from chalicelib.domain.people.second_factor.errors import InvalidTwoFactorCode
from chalicelib.domain.people.sessions.models import SessionTokens
from chalicelib.domain.people.sign_in.errors import EmailNotVerified, InvalidCredentials
from chalicelib.http import HASHING_MEMORY_MB, Caller, Reply, Visitor, endpoint
from chalicelib.http.credentials import CSRF_COOKIE, REFRESH_COOKIE, check_csrf
from chalicelib.http.sessions import cookies_of, ended_cookies, origin_of
from chalicelib.kernel.errors import Forbidden, Unauthorized
from chalicelib.runtime.grants import OPEN_SECRETS, SIGNING_KEY
from chalicelib.wiring.app import app
from functions.people.second_factor.schemas import FinishRequest
from functions.people.sign_in.schemas import (
    EmailRequest,
    LoginRequest,
    LoginView,
    Message,
    RefreshRequest,
    RegisterRequest,
    ResetPasswordRequest,
    SessionTokensView,
    VerifyEmailRequest,
)

_READ_YOUR_MAIL = "Read your mail: it says how to go on."


@endpoint("POST", "/auth/register", status=202, public=True, memory_mb=HASHING_MEMORY_MB)
def register(request: RegisterRequest, visitor: Visitor) -> Message:
    """Register, and get a mail with a link to verify the address.

    The answer is the same if the address has an account already; its owner then gets a mail that says so.
    """
    app().people.registration.register(request.email, request.password, request.name, origin_of(visitor))
    return Message(message=_READ_YOUR_MAIL)


@endpoint("POST", "/auth/verify-email", public=True)
def verify_email(request: VerifyEmailRequest, visitor: Visitor) -> Message:
    """Verify your address with the mailed link, which works once and for 24 hours."""
    app().people.registration.verify_email(request.token, origin_of(visitor))
    return Message(message="Your e-mail address is verified; you can sign in.")


@endpoint("POST", "/auth/resend-verification", status=202, public=True)
def resend_verification(request: EmailRequest, visitor: Visitor) -> Message:
    """Get another verification mail. The answer is the same for every address."""
    app().people.registration.resend_verification(request.email, origin_of(visitor))
    return Message(message=_READ_YOUR_MAIL)


@endpoint(
    "POST",
    "/auth/login",
    aliases=(("POST", "/auth/callback/credentials"),),
    public=True,
    errors=(InvalidCredentials, EmailNotVerified),
    grants=(SIGNING_KEY,),
    memory_mb=HASHING_MEMORY_MB,
)
def login(request: LoginRequest, visitor: Visitor) -> Reply[LoginView]:
    """Sign in; if the second factor is on, the answer is `requires2FA`, and `POST /auth/2fa` finishes the sign-in.

    Each IP address has thirty attempts in a quarter of an hour. For each e-mail address, with or without an
    account, the wait doubles with every attempt after the third wrong one, up to a quarter of an hour.
    """
    outcome = app().people.sign_in.login(request.email, request.password, origin_of(visitor))
    cookies = cookies_of(outcome) if isinstance(outcome, SessionTokens) else ()
    return Reply(LoginView.of(outcome), cookies=cookies)


@endpoint(
    "POST",
    "/auth/2fa",
    public=True,
    errors=(Unauthorized, InvalidTwoFactorCode),
    grants=(SIGNING_KEY, OPEN_SECRETS),
)
def finish_login(request: FinishRequest, visitor: Visitor) -> Reply[SessionTokensView]:
    """Finish a sign-in with a code of the authenticator app, or with a recovery code.

    A sign-in waits for five minutes and accepts five attempts; each code works once.
    """
    return _signed_in(app().people.second_step.finish(request.pending_token, request.code, origin_of(visitor)))


@endpoint("POST", "/auth/refresh", public=True, errors=(Unauthorized, Forbidden), grants=(SIGNING_KEY,))
def refresh(request: RefreshRequest, visitor: Visitor) -> Reply[SessionTokensView]:
    """Exchange a refresh token for new tokens; a refresh token that is used twice ends the session.

    The token comes in the body, or as a cookie together with `X-CSRF-Token`.
    """
    token = request.refresh_token
    if token is None:
        token = visitor.cookie(REFRESH_COOKIE)
        if token is None:
            raise Unauthorized("Send a refresh token, in the body or as a cookie.")
        check_csrf(visitor.cookie(CSRF_COOKIE), visitor.csrf_token)
    return _signed_in(app().people.session_renewal.refresh(token, origin_of(visitor)))


@endpoint("POST", "/auth/logout", aliases=(("POST", "/auth/signout"),))
def logout(caller: Caller) -> Reply[Message]:
    """End this session; its tokens are refused at once."""
    app().people.session_renewal.logout(caller.user_id, caller.session_id)
    return Reply(Message(message="You are signed out."), cookies=ended_cookies())


@endpoint("POST", "/auth/forgot-password", status=202, public=True)
def forgot_password(request: EmailRequest, visitor: Visitor) -> Message:
    """Get a mail with a link to choose a new password. The answer is the same for every address."""
    app().people.forgotten_password.ask(request.email, origin_of(visitor))
    return Message(message=_READ_YOUR_MAIL)


@endpoint("POST", "/auth/reset-password", public=True, memory_mb=HASHING_MEMORY_MB)
def reset_password(request: ResetPasswordRequest, visitor: Visitor) -> Message:
    """Choose a new password with the mailed link, which works once and for one hour; all your sessions end."""
    app().people.password_reset.follow(request.token, request.password, origin_of(visitor))
    return Message(message="Your password is changed and all sessions were ended; sign in again.")


def _signed_in(tokens: SessionTokens) -> Reply[SessionTokensView]:
    return Reply(SessionTokensView.of(tokens), cookies=cookies_of(tokens))
