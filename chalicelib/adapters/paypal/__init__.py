"""PayPal behind the payments port: Orders v2, Payments v2, disputes and signed webhooks."""

from chalicelib.adapters.paypal.config import PayPalConfig
from chalicelib.adapters.paypal.gateway import PayPalGateway

__all__ = ["PayPalConfig", "PayPalGateway"]
