"""Crypto top-ups through a BTCPay Server's Greenfield API."""

from chalicelib.adapters.gateways.btcpay.config import BTCPayConfig
from chalicelib.adapters.gateways.btcpay.gateway import BTCPayGateway

__all__ = ["BTCPayConfig", "BTCPayGateway"]
