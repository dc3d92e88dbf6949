"""Crypto top-ups through a BTCPay Server's Greenfield API."""

from chalicelib.adapters.btcpay.config import BTCPayConfig
from chalicelib.adapters.btcpay.gateway import BTCPayGateway

__all__ = ["BTCPayConfig", "BTCPayGateway"]
