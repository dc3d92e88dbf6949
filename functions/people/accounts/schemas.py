"""Requests and responses of the account endpoints."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.money.billing.documents import Link
from chalicelib.domain.operations.departure.models import Closing, ClosingRequest, DataExport, ExportStatus
from chalicelib.http import ApiModel, Money
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind
from chalicelib.kernel.money import parse_amount
from functions.people.fields import OPTIONAL_CODE, CodeText, Email, LinkToken, NewPassword, TypedPassword

ExportId = id_of(Kind.ACCOUNT_EXPORT)


class ChangeEmailRequest(ApiModel):
    """The new address."""

    new_email: Email
    password: TypedPassword
    code: CodeText | None = Field(default=None, repr=False, description=OPTIONAL_CODE)


class ConfirmEmailRequest(ApiModel):
    """The link that was mailed to the new address."""

    token: LinkToken


class RevertEmailRequest(ApiModel):
    """The link that was mailed to the old address, and the new password."""

    token: LinkToken
    password: NewPassword


class ChangePasswordRequest(ApiModel):
    """The present password, and the new one."""

    current_password: TypedPassword
    new_password: NewPassword


def _balance(text: str) -> str:
    if parse_amount(text) < 0:
        raise ValueError("a balance that is given up is more than 0")
    return text


class CloseRequest(ApiModel):
    """The password of the owner who closes the customer, and the balance that is given up."""

    password: TypedPassword
    code: CodeText | None = Field(default=None, repr=False, description=OPTIONAL_CODE)
    forfeit_balance: Annotated[str, StringConstraints(max_length=20), AfterValidator(_balance)] | None = Field(
        default=None, description="The exact balance that you give up, if there is one", examples=["0.00"]
    )
    reason: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        default="", description="Why, if you like to tell us", examples=["I have what I came for"]
    )

    def closing_request(self, customer_id: str, user_id: str) -> ClosingRequest:
        """The request as the domain's type."""
        forfeited = None if self.forfeit_balance is None else parse_amount(self.forfeit_balance)
        return ClosingRequest(customer_id, user_id, self.password, self.code, forfeited, self.reason)


class ClosedView(ApiModel):
    """A closed customer."""

    customer_id: str = Field(examples=["cus_01J…"])
    closed_at: datetime
    forfeited: Money
    erases_you: bool = Field(
        description="Whether your account is erased too, because you belong to no other customer"
    )

    @classmethod
    def of(cls, closing: Closing) -> Self:
        """The view of `closing`."""
        return cls(
            customer_id=closing.customer_id,
            closed_at=closing.closed_at,
            forfeited=Money.of(closing.forfeited_micros),
            erases_you=closing.erases_user,
        )


class DataExportView(ApiModel):
    """An export of a user's data."""

    id: str = Field(examples=["exp_01J…"])
    status: ExportStatus
    requested_at: datetime
    expires_at: datetime = Field(description="When the file is deleted")
    size_bytes: int | None = Field(description="null until it is ready")
    url: str | None = Field(
        description="A link to the file; everybody who has it can download the file; null until it is ready"
    )
    url_expires_at: datetime | None

    @classmethod
    def of(cls, export: DataExport, link: Link | None) -> Self:
        """The view of `export`, whose file is at `link`."""
        return cls(
            id=export.id,
            status=export.status,
            requested_at=export.requested_at,
            expires_at=export.expires_at,
            size_bytes=export.size_bytes if link else None,
            url=link.url if link else None,
            url_expires_at=link.expires_at if link else None,
        )
