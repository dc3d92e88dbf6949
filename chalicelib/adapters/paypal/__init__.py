"""PayPal behind the payments port: Orders v2, Payments v2, disputes and signed webhooks."""

from chalicelib.adapters.paypal.config import ConfigurationError, PayPalConfig
from chalicelib.adapters.paypal.gateway import PayPalGateway

__all__ = ["ConfigurationError", "PayPalConfig", "PayPalGateway"]
