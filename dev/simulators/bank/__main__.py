"""`python -m dev.simulators.bank`: the simulated bank as a process of its own."""

from dev.simulators.bank.simulator import BankSimulator
from dev.simulators.process import serve

if __name__ == "__main__":
    serve("bank", BankSimulator)
