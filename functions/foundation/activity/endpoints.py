"""Endpoint for a customer's activity log."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.wiring.app import app
from functions.foundation.activity.schemas import ActivityView


@endpoint("GET", "/activity/recent", scope=Scope.ACTIVITY_READ)
def list_recent_activity(query: PageQuery, caller: Caller) -> Listing[ActivityView]:
    """List actions, done or denied, newest first; they are kept for 400 days."""
    page = app().foundation.activity_log.list(caller.customer_id, query.page_request())
    return Listing.of(page, ActivityView.of)
