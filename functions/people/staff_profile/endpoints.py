"""A member of the staff as they see themselves."""

from chalicelib.http import HASHING_MEMORY_MB, Caller, endpoint
from chalicelib.kernel.errors import Forbidden
from chalicelib.wiring.app import app
from functions.people.accounts.schemas import ChangePasswordRequest
from functions.people.sign_in.schemas import Message
from functions.people.staff_profile.schemas import StaffProfileBody, StaffProfileView


@endpoint("GET", "/v1/profile")
def get_staff_profile(caller: Caller) -> StaffProfileView:
    """See yourself with your role in the staff."""
    return _profile(caller)


@endpoint("PATCH", "/v1/profile")
def change_staff_profile(request: StaffProfileBody, caller: Caller) -> StaffProfileView:
    """Change your name."""
    app().people.preferences.rename(caller.user_id, request.name)
    return _profile(caller)


@endpoint("POST", "/v1/profile/password", errors=(Forbidden,), memory_mb=HASHING_MEMORY_MB)
def change_staff_password(request: ChangePasswordRequest, caller: Caller) -> Message:
    """Choose another password; the same as `POST /account/change-password`."""
    app().people.password_change.change(
        caller.user_id, caller.session_id, request.current_password, request.new_password
    )
    return Message(message="Your password is changed; your other sessions were ended.")


def _profile(caller: Caller) -> StaffProfileView:
    profile = app().people.own_account.profile(caller.user_id)
    return StaffProfileView.of(profile, has_second_factor=caller.principal.has_second_factor)
