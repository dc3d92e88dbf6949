"""The session by its alternative path (docs/api-names.md), for staff and customers."""

from chalicelib.http import Visitor, endpoint
from chalicelib.http.sessions import session_of
from chalicelib.kernel.errors import Forbidden, Unauthorized
from chalicelib.wiring.app import app
from functions.people.me.schemas import ProfileView, SessionStateView


@endpoint("GET", "/auth/session", public=True)
def get_session(visitor: Visitor) -> SessionStateView:
    """Show who is signed in, as `GET /me` does; null if nobody is."""
    try:
        principal = session_of(visitor, changes_state=False)
    except (Unauthorized, Forbidden):
        return SessionStateView(session=None)
    profile = app().people.own_account.profile(principal.user_id)
    suspension = app().cloud.suspensions.of(principal.customer_id)
    return SessionStateView(session=ProfileView.of(profile, principal.customer_id, suspension))
