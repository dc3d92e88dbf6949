"""`python -m dev.simulators.paypal`: the simulated PayPal as a process of its own."""

from dev.simulators.paypal.simulator import PayPalSimulator
from dev.simulators.process import serve

if __name__ == "__main__":
    serve("paypal", PayPalSimulator)
