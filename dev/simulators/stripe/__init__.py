"""A simulated Stripe: localstripe, and a front that adds what localstripe lacks.

localstripe has customers, cards, intents, charges and refunds. The front adds Checkout Sessions, disputes, search,
idempotency keys, limits on refunds, Stripe's error codes, all webhooks, and every fault.
"""

from dev.simulators.stripe.simulator import StripeSimulator

__all__ = ["StripeSimulator"]
