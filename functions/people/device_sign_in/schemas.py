"""Requests and responses of the device sign-in."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.people.accounts.tokens import SECRET_PATTERN
from chalicelib.domain.people.sign_in.device_sign_in import DeviceCodes, read_user_code
from chalicelib.domain.people.sign_in.models import DeviceSignIn
from chalicelib.http import ApiModel

UserCode = Annotated[
    str,
    StringConstraints(max_length=40),
    AfterValidator(read_user_code),
    Field(
        description="The eight letters that the device shows, in any case, however they are grouped",
        examples=["WDJB-MJHT"],
    ),
]


class DeviceRequest(ApiModel):
    """The device that asks to be signed in."""

    client_name: Annotated[
        str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f<>]+$")
    ] = Field(
        description="A name by which the user recognises the device; it becomes the session's name",
        examples=["hearth-cli on ada-laptop"],
    )


class DeviceTokenRequest(ApiModel):
    """The device code."""

    device_code: Annotated[str, StringConstraints(pattern=SECRET_PATTERN)] = Field(repr=False)


class UserCodeRequest(ApiModel):
    """The user code."""

    user_code: UserCode


class DeviceCodesView(ApiModel):
    """Device code, user code, and the address at which to type the user code (RFC 8628, section 3.2)."""

    device_code: str = Field(repr=False)
    user_code: str = Field(examples=["WDJB-MJHT"])
    verification_uri: str
    verification_uri_complete: str = Field(description="With the code in it, for a QR code")
    expires_in: int = Field(description="Seconds")
    interval: int = Field(description="Seconds to wait between two calls")

    @classmethod
    def of(cls, codes: DeviceCodes, public_url: str) -> Self:
        """The view of `codes`, to be typed at `public_url`."""
        page = f"{public_url.rstrip('/')}/device"
        return cls(
            device_code=codes.device_code,
            user_code=codes.user_code,
            verification_uri=page,
            verification_uri_complete=f"{page}?userCode={codes.user_code}",
            expires_in=codes.expires_in_seconds,
            interval=codes.interval_seconds,
        )


class DeviceRequestView(ApiModel):
    """A device that asks to be signed in: approve it only if it is the one in front of you."""

    client_name: str
    ip: str = Field(description="Where it asked from", examples=["203.0.113.7"])
    requested_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, request: DeviceSignIn) -> Self:
        """The view of `request`."""
        return cls(
            client_name=request.client_name,
            ip=request.ip,
            requested_at=request.requested_at,
            expires_at=request.expires_at,
        )
