"""What an operator tells Hearth of its Stripe account.

It is one part of the payments' secret, which is a JSON document:

    {"stripe": {"secret_key": "sk_live_…", "webhook_secrets": ["whsec_…"], "hosted_page": false}}
"""

import json

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator


class ConfigurationError(ValueError):
    """Stripe's configuration cannot be used. The text names the field, and holds no secret."""


class StripeConfig(BaseModel):
    """One Stripe account."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret_key: SecretStr
    """A secret key (`sk_…`), or better a restricted one (`rk_…`): customers, payment intents, checkout sessions,
    setup intents, payment methods and refunds to write; charges and disputes to read."""
    webhook_secrets: tuple[SecretStr, ...] = Field(min_length=1, max_length=5)
    """Signing secrets of the webhook endpoint (`whsec_…`): several while one is being replaced."""
    hosted_page: bool = False
    """Whether customers pay on Stripe's own page (a Checkout Session) or in our front end (a PaymentIntent)."""
    api_base: AnyHttpUrl = AnyHttpUrl("https://api.stripe.com")
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    read_timeout_seconds: float = Field(default=10, gt=0, le=80)
    """For one exchange. Confirming a card is the slowest: the bank is asked."""
    retries: int = Field(default=1, ge=0, le=5)
    """How often the SDK repeats an exchange that got no answer; always with the same idempotency key."""

    @field_validator("secret_key")
    @classmethod
    def _is_secret_key(cls, key: SecretStr) -> SecretStr:
        if not key.get_secret_value().startswith(("sk_", "rk_")):
            raise ValueError("is not a secret key (sk_…) or a restricted key (rk_…)")
        return key

    @field_validator("webhook_secrets")
    @classmethod
    def _are_signing_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(secret.get_secret_value().startswith("whsec_") for secret in secrets):
            raise ValueError("a signing secret starts with whsec_")
        return secrets

    @property
    def api_url(self) -> str:
        """Where the API is, without a slash at the end."""
        return str(self.api_base).rstrip("/")

    @classmethod
    def from_secret(cls, text: str) -> "StripeConfig":
        """Read Stripe's part of the payments' secret, a JSON object with one part for each gateway.

        Raises:
            ConfigurationError: names every field that is wrong; holds none of their values.
        """
        try:
            return cls.model_validate(json.loads(text)["stripe"])
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise ConfigurationError(f"the payments' secret, part stripe: {wrong}") from None
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ConfigurationError(f"the payments' secret is not JSON at {place}") from None
        except (KeyError, TypeError):
            raise ConfigurationError("the payments' secret has no part stripe") from None
