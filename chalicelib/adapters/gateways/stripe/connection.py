"""Creates the SDK's client on first use: importing the SDK takes a fifth of a second and more."""

from typing import TYPE_CHECKING

from chalicelib.adapters.gateways.stripe.config import StripeConfig

if TYPE_CHECKING:
    from stripe import StripeClient


def connect(config: StripeConfig) -> "StripeClient":
    """A client for one account, with time-outs. It sends nothing until it is used."""
    import stripe

    http_client = stripe.RequestsClient(
        timeout=(config.connect_timeout_seconds, config.read_timeout_seconds), verify_ssl_certs=True
    )
    return stripe.StripeClient(
        config.secret_key.get_secret_value(),
        base_addresses={"api": config.api_url},
        max_network_retries=config.retries,
        http_client=http_client,
    )
