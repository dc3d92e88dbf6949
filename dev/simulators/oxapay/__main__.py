"""`python -m dev.simulators.oxapay`: runs the simulated OxaPay as a separate process."""

from dev.simulators.oxapay.simulator import OxaPaySimulator
from dev.simulators.process import serve

if __name__ == "__main__":
    serve("oxapay", OxaPaySimulator)
