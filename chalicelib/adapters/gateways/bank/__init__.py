"""Bank transfers: payment instructions with a reference, and a bank's interface that reports incoming
transfers.
"""

from chalicelib.adapters.gateways.bank.config import BankConfig
from chalicelib.adapters.gateways.bank.gateway import BankGateway

__all__ = ["BankConfig", "BankGateway"]
