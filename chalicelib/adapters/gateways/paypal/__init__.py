"""PayPal as a payment gateway: Orders v2, Payments v2, disputes and signed webhooks."""

from chalicelib.adapters.gateways.paypal.config import PayPalConfig
from chalicelib.adapters.gateways.paypal.gateway import PayPalGateway

__all__ = ["PayPalConfig", "PayPalGateway"]
