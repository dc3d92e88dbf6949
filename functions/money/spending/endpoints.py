"""Endpoints for a customer's spend caps."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, endpoint
from chalicelib.wiring.app import app
from functions.money.spending.schemas import SpendCapsBody, SpendCapsView


@endpoint("GET", "/billing/spend-caps", scope=Scope.BILLING_READ)
def get_spend_caps(caller: Caller) -> SpendCapsView:
    """Show the spending of this day and month (UTC), the caps, and when they will be reached."""
    return SpendCapsView.of(app().money.spend_caps.get(caller.customer_id))


@endpoint("PUT", "/billing/spend-caps", scope=Scope.BILLING_WRITE)
def put_spend_caps(request: SpendCapsBody, caller: Caller) -> SpendCapsView:
    """Set how much may be spent in a day and in a month (UTC).

    When a cap is reached, running machines are switched off and no new one is started; nothing is ever deleted for
    it. Machines run again automatically when the cap restarts, or is raised or removed. Until their provider has
    switched them off, their usage may exceed the cap, by the price of five minutes at most.
    """
    return SpendCapsView.of(app().money.spend_caps.put(caller.customer_id, request.caps()))
