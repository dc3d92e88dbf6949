"""A simulated bank: accounts that payers send money to, an interface to ask, webhooks, and statements."""

from dev.simulators.bank.simulator import BankSimulator

__all__ = ["BankSimulator"]
