"""What `POST /v1/setup` takes."""

from chalicelib.http import ApiModel
from functions.people.fields import Email, NewPassword, PersonName


class SetupRequest(ApiModel):
    """The first owner."""

    email: Email
    password: NewPassword
    name: PersonName
