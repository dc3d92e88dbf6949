"""A simulated BTCPay Server: the part of its Greenfield API that hosted invoices need."""

from dev.simulators.btcpay.simulator import BTCPaySimulator

__all__ = ["BTCPaySimulator"]
