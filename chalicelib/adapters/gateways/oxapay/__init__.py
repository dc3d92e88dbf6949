"""Crypto top-ups through OxaPay's merchant API."""

from chalicelib.adapters.gateways.oxapay.config import OxaPayConfig
from chalicelib.adapters.gateways.oxapay.gateway import OxaPayGateway

__all__ = ["OxaPayConfig", "OxaPayGateway"]
