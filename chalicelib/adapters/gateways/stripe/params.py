"""Parameters for creating Stripe's objects for a top-up, and the checkout for the customer. Pure functions; no
I/O.

The parameters depend only on the top-up, so that a repetition is identical: Stripe refuses an idempotency key that
is used again with other parameters.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from chalicelib.adapters.gateways.stripe.amounts import to_minor_units
from chalicelib.adapters.gateways.stripe.states import AUTOMATIC, CUSTOMER_ID, TOP_UP_ID
from chalicelib.domain.money.top_ups.models import Checkout, TopUp
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams
    from stripe.params.checkout import SessionCreateParams

_DESCRIPTION: Final = "Balance top-up"
_MIN_SESSION: Final = timedelta(hours=1)
_MAX_SESSION: Final = timedelta(hours=24)
"""A Checkout Session must end between 30 minutes and 24 hours after the call, which may be a retry."""


def intent_params(top_up: TopUp, customer: str) -> "PaymentIntentCreateParams":
    """A PaymentIntent for a card that the customer will enter."""
    return {
        "amount": to_minor_units(top_up.amount),
        "currency": top_up.amount.currency.lower(),
        "customer": customer,
        "allowed_payment_method_types": ["card"],
        "description": _DESCRIPTION,
        "metadata": _metadata(top_up),
    }


def charge_params(top_up: TopUp, customer: str, method: str) -> "PaymentIntentCreateParams":
    """A PaymentIntent for a saved card, to be confirmed while the customer is absent."""
    return {
        **intent_params(top_up, customer),
        "payment_method": method,
        "metadata": {**_metadata(top_up), AUTOMATIC: "true"},
    }


def session_params(top_up: TopUp, customer: str, return_url: str) -> "SessionCreateParams":
    """A Checkout Session: Stripe's own page, which creates a PaymentIntent when the customer pays."""
    return {
        "mode": "payment",
        "customer": customer,
        "client_reference_id": top_up.id,
        "allowed_payment_method_types": ["card"],
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": top_up.amount.currency.lower(),
                    "unit_amount": to_minor_units(top_up.amount),
                    "product_data": {"name": _DESCRIPTION},
                },
            }
        ],
        "metadata": _metadata(top_up),
        "payment_intent_data": {"metadata": _metadata(top_up), "description": _DESCRIPTION},
        "success_url": return_url,
        "cancel_url": return_url,
        "expires_at": epoch_seconds(_session_end(top_up)),
    }


def checkout_of(made: Mapping[str, Any]) -> Checkout:
    """How to pay the created object: Stripe's page, or a secret for Stripe's script in our front end."""
    if made["object"] == "checkout.session":
        return Checkout(made["id"], from_epoch_seconds(made["expires_at"]), redirect_url=made["url"])
    return Checkout(made["id"], client_secret=made["client_secret"])


def _metadata(top_up: TopUp) -> dict[str, str]:
    return {TOP_UP_ID: top_up.id, CUSTOMER_ID: top_up.customer_id}


def _session_end(top_up: TopUp) -> datetime:
    wanted = max(top_up.deadline_at, top_up.created_at + _MIN_SESSION)
    return min(wanted, top_up.created_at + _MAX_SESSION)
