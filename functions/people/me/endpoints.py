"""Who is signed in."""

from chalicelib.http import Caller, endpoint
from chalicelib.wiring import bootstrap
from functions.people.me.schemas import ProfileView


@endpoint("GET", "/me")
def get_me(caller: Caller) -> ProfileView:
    """See yourself, your customers with your role in each, and which of them this session acts for."""
    profile = bootstrap.own_account().profile(caller.user_id)
    return ProfileView.of(profile, caller.customer_id, bootstrap.suspensions().of(caller.customer_id))
