"""Endpoints for a user's sessions."""

from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import NotFound
from chalicelib.wiring.app import app
from functions.people.sessions.schemas import SessionEnded, SessionId, SessionView


@endpoint("GET", "/sessions")
def list_sessions(query: PageQuery, caller: Caller) -> Listing[SessionView]:
    """List your sessions, newest first."""
    page = app().people.own_account.sessions(caller.user_id, query.page_request())
    return Listing.of(page, lambda session: SessionView.of(session, caller.session_id))


@endpoint("DELETE", "/sessions/{sessionId}", errors=(NotFound,))
def end_session(session_id: SessionId, caller: Caller) -> SessionEnded:
    """End one of your sessions; its tokens are refused at once."""
    app().people.own_account.end_session(caller.user_id, session_id)
    return SessionEnded(id=session_id)
