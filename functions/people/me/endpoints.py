"""Endpoint for the signed-in user."""

from chalicelib.http import Caller, endpoint
from chalicelib.wiring.app import app
from functions.people.me.schemas import ProfileView


@endpoint("GET", "/me")
def get_me(caller: Caller) -> ProfileView:
    """Show yourself, your customers with your role in each, and the customer that this session acts for."""
    profile = app().people.own_account.profile(caller.user_id)
    return ProfileView.of(profile, caller.customer_id, app().cloud.suspensions.of(caller.customer_id))
