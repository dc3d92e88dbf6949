"""What an operator tells Hearth of its PayPal account: one part of the payments' secret, which is a JSON document.

    {"paypal": {"client_id": "…", "client_secret": "…", "webhook_ids": ["5GP028458E2496506"]}}

The REST app needs the features "Accept payments", "Customer disputes" and "Transaction search".
"""

import json
from typing import Annotated

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, ValidationError

WebhookId = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,50}$")]


class ConfigurationError(ValueError):
    """PayPal's configuration cannot be used. The text names the field, and holds no secret."""


class PayPalConfig(BaseModel):
    """One REST app of one business account."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    client_id: str = Field(min_length=1, max_length=200)
    client_secret: SecretStr = Field(min_length=1)
    webhook_ids: tuple[WebhookId, ...] = Field(min_length=1, max_length=5)
    """PayPal's own ids of the webhooks that were registered for us, one for each URL; signatures cover them."""
    api_base: AnyHttpUrl = AnyHttpUrl("https://api-m.paypal.com")
    """`https://api-m.sandbox.paypal.com` for the sandbox."""
    brand_name: str = Field(default="", max_length=127)
    """Shown on PayPal's page instead of the account's own name."""
    approval_seconds: int = Field(default=3 * 3600, ge=600, le=72 * 3600)
    """How long an order waits for its payer: three hours, unless the account manager has changed it."""
    webhook_max_age_seconds: int = Field(default=7200, ge=300, le=4 * 86_400)
    """PayPal repeats for three days, and does not say whether a repetition bears a new time. What is refused here
    for its age is found by the reconciler."""
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    read_timeout_seconds: float = Field(default=12, gt=0, le=60)
    """For one exchange. A capture is the slowest: the payer's bank is asked."""

    @property
    def api_url(self) -> str:
        """Where the API is, without a slash at the end."""
        return str(self.api_base).rstrip("/")

    @classmethod
    def from_secret(cls, text: str) -> "PayPalConfig":
        """Read PayPal's part of the payments' secret, a JSON object with one part for each gateway.

        Raises:
            ConfigurationError: names every field that is wrong; holds none of their values.
        """
        try:
            return cls.model_validate(json.loads(text)["paypal"])
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise ConfigurationError(f"the payments' secret, part paypal: {wrong}") from None
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ConfigurationError(f"the payments' secret is not JSON at {place}") from None
        except (KeyError, TypeError):
            raise ConfigurationError("the payments' secret has no part paypal") from None
