"""Configuration of our PayPal account: one part of the secret for payments, which is a JSON document.

    {"paypal": {"client_id": "…", "client_secret": "…", "webhook_ids": ["5GP028458E2496506"]}}

The REST app needs the features "Accept payments", "Customer disputes" and "Transaction search".
"""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr

from chalicelib.adapters.shared.configuration import PaymentsPart

WebhookId = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,50}$")]


class PayPalConfig(PaymentsPart):
    """One REST app of one business account."""

    PART = "paypal"

    client_id: str = Field(min_length=1, max_length=200)
    client_secret: SecretStr = Field(min_length=1)
    webhook_ids: tuple[WebhookId, ...] = Field(min_length=1, max_length=5)
    """PayPal's ids of our registered webhooks, one for each URL; the signatures cover these ids."""
    api_base: AnyHttpUrl = AnyHttpUrl("https://api-m.paypal.com")
    """`https://api-m.sandbox.paypal.com` for the sandbox."""
    brand_name: str = Field(default="", max_length=127)
    """Shown on PayPal's page instead of the account's name."""
    approval_seconds: int = Field(default=3 * 3600, ge=600, le=72 * 3600)
    """How long an order waits for approval: three hours, unless PayPal's account manager has changed it."""
    webhook_max_age_seconds: int = Field(default=7200, ge=300, le=4 * 86_400)
    """PayPal repeats for three days, and does not document whether a repetition has a new time. The reconciler
    finds payments whose webhook is refused here for its age.
    """
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    read_timeout_seconds: float = Field(default=12, gt=0, le=60)
    """For one call. A capture is the slowest, because PayPal asks the payer's bank."""

    @property
    def api_url(self) -> str:
        """The URL of the API, without a slash at the end."""
        return str(self.api_base).rstrip("/")
