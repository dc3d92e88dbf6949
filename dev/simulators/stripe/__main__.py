"""`python -m dev.simulators.stripe`: runs the simulated Stripe as a separate process."""

from dev.simulators.process import serve
from dev.simulators.stripe.simulator import StripeSimulator

if __name__ == "__main__":
    serve("stripe", StripeSimulator)
