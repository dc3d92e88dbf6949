"""Endpoints for saved payment methods."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.http import Caller, Listing, endpoint
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.runtime.grants import PAYMENT_ACCESS
from chalicelib.wiring.app import app
from functions.money.payment_methods.schemas import MethodId, PaymentMethodForgotten, PaymentMethodView, SavingView


@endpoint(
    "GET",
    "/billing/payment-methods",
    scope=Scope.BILLING_READ,
    errors=(PaymentProviderError,),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def list_payment_methods(caller: Caller) -> Listing[PaymentMethodView]:
    """List the saved payment methods, newest first."""
    found = app().money.payment_methods.list(caller.customer_id)
    return Listing([PaymentMethodView.of(method) for method in found])


@endpoint(
    "POST",
    "/billing/payment-methods",
    status=201,
    scope=Scope.BILLING_WRITE,
    errors=(Conflict, NotFound, PaymentProviderError),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def save_payment_method(caller: Caller) -> SavingView:
    """Start to save a card. The payment provider's form needs the secret in the response."""
    begun = app().money.payment_methods.begin_saving(caller.customer_id, caller.user_id, caller.request_id)
    return SavingView.of(begun)


@endpoint(
    "POST",
    "/billing/payment-methods/{methodId}/default",
    scope=Scope.BILLING_WRITE,
    errors=(NotFound, PaymentProviderError),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def prefer_payment_method(method_id: MethodId, caller: Caller) -> PaymentMethodView:
    """Make a saved payment method the default."""
    return PaymentMethodView.of(app().money.payment_methods.prefer(caller.customer_id, method_id))


@endpoint(
    "DELETE",
    "/billing/payment-methods/{methodId}",
    scope=Scope.BILLING_WRITE,
    errors=(Conflict, NotFound, PaymentProviderError),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def forget_payment_method(method_id: MethodId, caller: Caller) -> PaymentMethodForgotten:
    """Remove a saved payment method."""
    app().money.payment_methods.forget(caller.customer_id, method_id)
    return PaymentMethodForgotten(id=method_id)
