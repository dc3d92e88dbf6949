"""Which of Stripe's customers is which of ours. Nothing is stored here: Stripe itself is asked."""

import re
from typing import TYPE_CHECKING, Final

from chalicelib.adapters.gateways.stripe.states import CUSTOMER_ID
from chalicelib.domain.money.top_ups.models import GatewayRefused

if TYPE_CHECKING:
    from stripe import StripeClient

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""What needs no escaping in Stripe's search language."""


def stripe_customer(client: "StripeClient", customer_id: str) -> str:
    """The id of Stripe's customer for ours, made at first need and then always the same.

    Stripe's search finds what is older than a minute, or than an hour in an outage; what is younger is found by
    repeating its creation, whose idempotency key lasts 24 hours. The parameters must then be the same each time,
    so nothing that can change, such as an e-mail address, is among them.

    Raises:
        stripe.StripeError: as the SDK does.
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
