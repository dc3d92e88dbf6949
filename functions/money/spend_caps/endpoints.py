"""A customer's own spend caps."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, endpoint
from chalicelib.wiring.app import app
from functions.money.spend_caps.schemas import SpendCapsBody, SpendCapsView


@endpoint("GET", "/billing/spend-caps", scope=Scope.BILLING_READ)
def get_spend_caps(caller: Caller) -> SpendCapsView:
    """Show what was spent in this day and month (UTC), their caps, and when these are reached."""
    return SpendCapsView.of(app().money.spend_caps.get(caller.customer_id))


@endpoint("PUT", "/billing/spend-caps", scope=Scope.BILLING_WRITE)
def put_spend_caps(request: SpendCapsBody, caller: Caller) -> SpendCapsView:
    """Say how much may be spent in a day and in a month (UTC).

    Where a cap is reached, running machines are switched off and nothing new is started; nothing is ever deleted
    for it. Machines run again by themselves when the cap starts anew, or is raised or removed. What they use until
    their provider has switched them off may pass the cap, by five minutes of their price at most.
    """
    return SpendCapsView.of(app().money.spend_caps.put(caller.customer_id, request.caps()))
