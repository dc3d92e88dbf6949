"""`python -m dev.simulators.oxapay`: the simulated OxaPay as a process of its own."""

from dev.simulators.crypto.process import serve
from dev.simulators.oxapay.simulator import OxaPaySimulator

if __name__ == "__main__":
    serve("oxapay", OxaPaySimulator)
