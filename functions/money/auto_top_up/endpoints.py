"""Endpoints for automatic top-ups."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.http import Caller, endpoint
from chalicelib.kernel.errors import Conflict
from chalicelib.runtime.grants import PAYMENT_ACCESS
from chalicelib.wiring.app import app
from functions.money.auto_top_up.schemas import AutoTopUpBody, AutoTopUpView


@endpoint("GET", "/billing/auto-topup", scope=Scope.BILLING_READ)
def get_auto_top_up(caller: Caller) -> AutoTopUpView:
    """Show your auto top-up settings, and the charges made under them."""
    return AutoTopUpView.of(app().money.auto_top_ups.get(caller.customer_id), app().core.clock.now())


@endpoint(
    "PUT",
    "/billing/auto-topup",
    scope=Scope.BILLING_WRITE,
    errors=(PaymentProviderError, Conflict),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def put_auto_top_up(request: AutoTopUpBody, caller: Caller) -> AutoTopUpView:
    """Set when a saved card is charged automatically: at most once an hour, and within the monthly cap."""
    rule = app().money.auto_top_ups.put(caller.customer_id, request.settings())
    return AutoTopUpView.of(rule, app().core.clock.now())
