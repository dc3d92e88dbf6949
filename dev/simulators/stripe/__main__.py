"""`python -m dev.simulators.stripe`: the simulated Stripe as a process of its own."""

from dev.simulators.process import serve
from dev.simulators.stripe.simulator import StripeSimulator

if __name__ == "__main__":
    serve("stripe", StripeSimulator)
