"""Field types that several endpoints of the area `people` share."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.people.accounts.emails import MAX_EMAIL_LENGTH, normalise_email
from chalicelib.domain.people.accounts.models import EmailAddress
from chalicelib.domain.people.accounts.passwords import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH
from chalicelib.domain.people.accounts.tokens import SECRET_PATTERN
from chalicelib.domain.people.organisations.invitation_tokens import INVITATION_TOKEN_PATTERN
from chalicelib.domain.people.organisations.models import STAFF
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind

_MAX_TYPED_LENGTH = 4 * MAX_PASSWORD_LENGTH
"""The limit before NFKC normalisation, which can combine several characters into one."""


def _email(text: str) -> EmailAddress:
    return normalise_email(text)


Email = Annotated[
    EmailAddress,
    StringConstraints(min_length=3, max_length=MAX_EMAIL_LENGTH),
    AfterValidator(_email),
    Field(examples=["ada@example.com"]),
]
NewPassword = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_MAX_TYPED_LENGTH, strip_whitespace=False),
    Field(
        repr=False,
        description=f"{MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters, and not the e-mail address",
        examples=["correct horse battery staple"],
    ),
]
PasswordText = Annotated[
    str, StringConstraints(min_length=1, max_length=_MAX_TYPED_LENGTH, strip_whitespace=False)
]
"""An optional password; each field that uses it must set `repr=False`."""
TypedPassword = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_MAX_TYPED_LENGTH, strip_whitespace=False),
    Field(repr=False, examples=["correct horse battery staple"]),
]
PersonName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f<>]+$"),
    Field(examples=["Ada Lovelace"]),
]
LinkToken = Annotated[
    str,
    StringConstraints(pattern=SECRET_PATTERN),
    Field(repr=False, description="The value of `?token=` in the mailed link"),
]
CodeText = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z -]{4,30}[0-9A-Za-z]$"),
    Field(examples=["123456"]),
]
"""An optional code; each field that uses it must set `repr=False`."""
AnyCode = Annotated[
    CodeText,
    Field(repr=False, description="A code of the authenticator app, or a recovery code"),
]
OPTIONAL_CODE = "A code of the authenticator app, or a recovery code; required if the second factor is on"
UserId = id_of(Kind.USER)
InvitationId = id_of(Kind.INVITATION)
_ULID = "01RAQ7HDSGC3KD77NGYFSWP6WV"
InvitationToken = Annotated[
    str,
    StringConstraints(pattern=INVITATION_TOKEN_PATTERN),
    Field(
        repr=False,
        description="The value of `?token=` in the mailed link",
        examples=[f"{place}.{_ULID}.{'a' * 43}" for place in (_ULID, STAFF)],
    ),
]
