"""Topping up by itself."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, endpoint
from chalicelib.kernel.errors import Conflict, PaymentProviderError
from chalicelib.runtime.grants import PAYMENT_ACCESS
from chalicelib.wiring import bootstrap
from functions.money.auto_top_up.schemas import AutoTopUpBody, AutoTopUpView


@endpoint("GET", "/billing/auto-topup", scope=Scope.BILLING_READ)
def get_auto_topup(caller: Caller) -> AutoTopUpView:
    """Show when a saved card is charged by itself, and what has come of it."""
    return AutoTopUpView.of(bootstrap.auto_top_ups().get(caller.customer_id), bootstrap.clock().now())


@endpoint(
    "PUT",
    "/billing/auto-topup",
    scope=Scope.BILLING_WRITE,
    errors=(PaymentProviderError, Conflict),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def put_auto_topup(request: AutoTopUpBody, caller: Caller) -> AutoTopUpView:
    """Say when a saved card is to be charged by itself: at most once an hour, and within the monthly cap."""
    rule = bootstrap.auto_top_ups().put(caller.customer_id, request.wish())
    return AutoTopUpView.of(rule, bootstrap.clock().now())
