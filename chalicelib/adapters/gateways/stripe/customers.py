"""Finds Stripe's customer for one of ours. Nothing is stored here: Stripe itself is asked."""

import re
from typing import TYPE_CHECKING, Final

from chalicelib.adapters.gateways.stripe.states import CUSTOMER_ID
from chalicelib.domain.money.top_ups.models import GatewayRefused

if TYPE_CHECKING:
    from stripe import StripeClient

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""Text that needs no escaping in Stripe's search language."""


def stripe_customer(client: "StripeClient", customer_id: str) -> str:
    """The id of Stripe's customer for ours. It is created on first use, and then always the same.

    Stripe's search finds customers that are older than a minute, or an hour during an outage. A younger one is
    found by repeating its creation, whose idempotency key lasts 24 hours. That needs the same parameters each
    time, so none of them may be something that changes, such as an e-mail address.

    Raises:
        stripe.StripeError: the SDK's error.
    """
    if not _PLAIN.fullmatch(customer_id):
        raise GatewayRefused(f"{customer_id!r} is not a customer's id")
    query = f"metadata['{CUSTOMER_ID}']:'{customer_id}'"
    found = client.v1.customers.search({"query": query, "limit": 10}).data
    if found:
        return min(found, key=lambda customer: (customer.created, customer.id)).id
    made = client.v1.customers.create(
        {"metadata": {CUSTOMER_ID: customer_id}}, {"idempotency_key": f"customer-{customer_id}"}
    )
    return made.id
