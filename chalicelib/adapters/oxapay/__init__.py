"""Crypto top-ups through OxaPay's merchant API."""

from chalicelib.adapters.oxapay.config import ConfigurationError, OxaPayConfig
from chalicelib.adapters.oxapay.gateway import OxaPayGateway

__all__ = ["ConfigurationError", "OxaPayConfig", "OxaPayGateway"]
