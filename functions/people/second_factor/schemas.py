"""Requests and responses of the second-factor endpoints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, RootModel, StringConstraints

from chalicelib.domain.people.accounts.tokens import SECRET_PATTERN
from chalicelib.domain.people.second_factor.models import Enrolment, SecondFactorStatus
from chalicelib.http import ApiModel
from functions.people.fields import AnyCode, TypedPassword
from functions.people.sign_in.schemas import SessionTokensView

AppCode = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{3} ?[0-9]{3}$"),
    Field(repr=False, description="A code of the authenticator app", examples=["123456"]),
]
PendingToken = Annotated[str, StringConstraints(pattern=SECRET_PATTERN)]


class EnrolmentRequest(ApiModel):
    """The password that is required to set up a second factor."""

    password: TypedPassword


class AppCodeRequest(ApiModel):
    """A code of the authenticator app."""

    code: AppCode


class DisableRequest(ApiModel):
    """The password and a code."""

    password: TypedPassword
    code: AnyCode


class FinishRequest(ApiModel):
    """A sign-in that waits for a code, and the code."""

    pending_token: PendingToken = Field(repr=False, description="From the answer of the sign-in")
    code: AnyCode


class VerifyRequest(ApiModel):
    """A code: with `token` it finishes the sign-in that waits; without, it turns on the second factor."""

    token: PendingToken | None = Field(
        default=None, repr=False, description="`pendingToken` of the sign-in that waits, if there is one"
    )
    code: AnyCode


class EnrolmentView(ApiModel):
    """The secret for an authenticator app in three forms; it is shown only once."""

    secret: str = Field(repr=False, description="Base32, for typing", examples=["JBSWY3DPEHPK3PXP"])
    otpauth_uri: str = Field(repr=False, examples=["otpauth://totp/Hearth:ada%40example.com?secret=…"])
    qr_svg: str = Field(repr=False, description="The URI as a QR code: an SVG document", examples=["<svg …"])

    @classmethod
    def of(cls, enrolment: Enrolment, qr_svg: str) -> Self:
        """The view of `enrolment`, drawn as `qr_svg`."""
        return cls(secret=enrolment.secret, otpauth_uri=enrolment.uri, qr_svg=qr_svg)


class RecoveryCodesView(ApiModel):
    """Ten recovery codes, each valid for one sign-in; they are shown only once."""

    recovery_codes: Sequence[str] = Field(repr=False, examples=[["7k2m-x9qd-w4hr-0abc"]])


class SecondFactorView(ApiModel):
    """Whether sign-ins require a code."""

    enabled: bool
    enabled_at: datetime | None = None
    recovery_codes_left: int = Field(examples=[10])

    @classmethod
    def of(cls, status: SecondFactorStatus) -> Self:
        """The view of `status`."""
        return cls(
            enabled=status.on_since is not None,
            enabled_at=status.on_since,
            recovery_codes_left=status.recovery_codes_left,
        )


class VerifiedView(RootModel[SessionTokensView | RecoveryCodesView]):
    """The session of the finished sign-in, or the recovery codes of the new second factor."""
