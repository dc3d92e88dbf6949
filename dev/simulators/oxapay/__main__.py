"""`python -m dev.simulators.oxapay`: the simulated OxaPay as a process of its own."""

from dev.simulators.oxapay.simulator import OxaPaySimulator
from dev.simulators.process import serve

if __name__ == "__main__":
    serve("oxapay", OxaPaySimulator)
