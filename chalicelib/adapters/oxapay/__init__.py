"""Crypto top-ups through OxaPay's merchant API."""

from chalicelib.adapters.oxapay.config import OxaPayConfig
from chalicelib.adapters.oxapay.gateway import OxaPayGateway

__all__ = ["OxaPayConfig", "OxaPayGateway"]
