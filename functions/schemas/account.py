"""What the account's endpoints take and answer."""

from typing import Annotated

from pydantic import Field, StringConstraints

from chalicelib.http import ApiModel
from functions.schemas.accounts import Email, LinkToken, NewPassword, TypedPassword

AccountCode = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z -]{4,30}[0-9A-Za-z]$"),
    Field(examples=["123456"]),
]
OPTIONAL_CODE = "What the authenticator app shows, or a recovery code; needed where the second factor is on"


class ChangeEmailRequest(ApiModel):
    """The address to have from now on."""

    new_email: Email
    password: TypedPassword
    code: AccountCode | None = Field(default=None, repr=False, description=OPTIONAL_CODE)


class ConfirmEmailRequest(ApiModel):
    """The link that was mailed to the new address."""

    token: LinkToken


class RevertEmailRequest(ApiModel):
    """The link that was mailed to the address before, and the password to have from now on."""

    token: LinkToken
    password: NewPassword


class ChangePasswordRequest(ApiModel):
    """The password that you have, and the one to have from now on."""

    current_password: TypedPassword
    new_password: NewPassword
