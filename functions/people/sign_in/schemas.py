"""Requests and responses of the sign-in endpoints."""

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, RootModel

from chalicelib.domain.people.accounts.tokens import MAX_REFRESH_TOKEN_LENGTH
from chalicelib.domain.people.sessions.models import SessionAccess, SessionTokens
from chalicelib.domain.people.sign_in.sign_in import CodeRequired
from chalicelib.http import ApiModel
from functions.people.fields import Email, LinkToken, NewPassword, PersonName, TypedPassword


class RegisterRequest(ApiModel):
    """The data of a new account."""

    email: Email
    password: NewPassword
    name: PersonName


class EmailRequest(ApiModel):
    """The address to which a mail is sent."""

    email: Email


class VerifyEmailRequest(ApiModel):
    """The link that was mailed."""

    token: LinkToken


class ResetPasswordRequest(ApiModel):
    """The link that was mailed, and the new password."""

    token: LinkToken
    password: NewPassword


class LoginRequest(ApiModel):
    """The credentials of a sign-in."""

    email: Email
    password: TypedPassword


class RefreshRequest(ApiModel):
    """The newest refresh token; without it, the cookie is read."""

    refresh_token: str | None = Field(default=None, max_length=MAX_REFRESH_TOKEN_LENGTH, repr=False)


class Message(ApiModel):
    """A sentence that says what happens next."""

    message: str


class SessionAccessView(ApiModel):
    """An access token of a session; a cookie carries the same token."""

    session_id: str = Field(examples=["ses_01J…"])
    token_type: str = Field(default="Bearer", examples=["Bearer"])
    access_token: str = Field(repr=False, description="For `Authorization: Bearer`")
    access_token_expires_at: datetime

    @classmethod
    def of_access(cls, access: SessionAccess) -> Self:
        """The view of `access`."""
        return cls(
            session_id=access.session_id,
            access_token=access.access_token,
            access_token_expires_at=access.access_expires_at,
        )


class SessionTokensView(SessionAccessView):
    """A session's tokens; cookies carry the same tokens."""

    requires_2fa: Literal[False] = Field(default=False, alias="requires2FA")
    refresh_token: str = Field(repr=False, description="For `POST /auth/refresh`, once")
    refresh_token_expires_at: datetime = Field(description="When the session ends, even if it is refreshed")

    @classmethod
    def of(cls, tokens: SessionTokens) -> Self:
        """The view of `tokens`."""
        return cls(
            session_id=tokens.session_id,
            access_token=tokens.access_token,
            access_token_expires_at=tokens.access_expires_at,
            refresh_token=tokens.refresh_token,
            refresh_token_expires_at=tokens.refresh_expires_at,
        )


class CodeWantedView(ApiModel):
    """The password was right, and a code of the authenticator app is required."""

    requires_2fa: Literal[True] = Field(default=True, alias="requires2FA")
    pending_token: str = Field(repr=False, description="For `POST /auth/2fa`, together with a code")
    expires_at: datetime = Field(description="When it stops working")


class LoginView(RootModel[SessionTokensView | CodeWantedView]):
    """A session's tokens, or the request for a code."""

    @classmethod
    def of(cls, outcome: SessionTokens | CodeRequired) -> Self:
        """The view of `outcome`."""
        if isinstance(outcome, SessionTokens):
            return cls(SessionTokensView.of(outcome))
        return cls(CodeWantedView(pending_token=outcome.pending_token, expires_at=outcome.expires_at))
