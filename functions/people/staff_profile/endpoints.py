"""Endpoints for a staff member's own profile."""

from chalicelib.http import Caller, endpoint
from chalicelib.wiring.app import app
from functions.people.staff_profile.schemas import StaffProfileBody, StaffProfileView


@endpoint("GET", "/v1/profile")
def get_staff_profile(caller: Caller) -> StaffProfileView:
    """Show yourself with your role in the staff."""
    return _profile(caller)


@endpoint("PATCH", "/v1/profile")
def change_staff_profile(request: StaffProfileBody, caller: Caller) -> StaffProfileView:
    """Change your name."""
    app().people.preferences.rename(caller.user_id, request.name)
    return _profile(caller)


def _profile(caller: Caller) -> StaffProfileView:
    profile = app().people.own_account.profile(caller.user_id)
    return StaffProfileView.of(profile, has_second_factor=caller.principal.has_second_factor)
