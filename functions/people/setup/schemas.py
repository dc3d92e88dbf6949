"""Request of `POST /v1/setup`."""

from chalicelib.http import ApiModel
from functions.people.fields import Email, NewPassword, PersonName


class SetupRequest(ApiModel):
    """The first owner in the staff."""

    email: Email
    password: NewPassword
    name: PersonName
