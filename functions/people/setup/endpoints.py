"""Endpoint to create the first staff account."""

from chalicelib.http import endpoint
from chalicelib.kernel.errors import Conflict
from chalicelib.wiring.app import app
from functions.people.me.schemas import UserView
from functions.people.setup.schemas import SetupRequest


@endpoint("POST", "/v1/setup", status=201, public=True, errors=(Conflict,), memory_mb=1024)
def set_up(request: SetupRequest) -> UserView:
    """Create the first staff account, an OWNER; this works only once in an installation."""
    return UserView.of(app().people.setup.create_owner(request.email, request.password, request.name))
