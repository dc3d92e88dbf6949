"""A simulated bank: accounts that receive transfers, an API, webhooks, and statements."""

from dev.simulators.bank.simulator import BankSimulator

__all__ = ["BankSimulator"]
