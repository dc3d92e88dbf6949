"""`python -m dev.simulators.paypal`: runs the simulated PayPal as a separate process."""

from dev.simulators.paypal.simulator import PayPalSimulator
from dev.simulators.process import serve

if __name__ == "__main__":
    serve("paypal", PayPalSimulator)
