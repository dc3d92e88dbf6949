"""`python -m dev.simulators.bank`: runs the simulated bank as a separate process."""

from dev.simulators.bank.simulator import BankSimulator
from dev.simulators.process import serve

if __name__ == "__main__":
    serve("bank", BankSimulator)
