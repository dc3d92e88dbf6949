"""Configuration of our Stripe account.

It is one part of the secret for payments, which is a JSON document:

    {"stripe": {"secret_key": "sk_live_…", "webhook_secrets": ["whsec_…"], "hosted_page": false}}
"""

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator

from chalicelib.adapters.shared.configuration import PaymentsPart


class StripeConfig(PaymentsPart):
    """One Stripe account."""

    PART = "stripe"

    secret_key: SecretStr
    """A secret key (`sk_…`), or better a restricted key (`rk_…`). It must be allowed to write customers, payment
    intents, checkout sessions, setup intents, payment methods and refunds, and to read charges and disputes.
    """
    webhook_secrets: tuple[SecretStr, ...] = Field(min_length=1, max_length=5)
    """The signing secrets of the webhook endpoint (`whsec_…`); several while one is being replaced."""
    hosted_page: bool = False
    """Whether customers pay on Stripe's page (a Checkout Session); otherwise in our front end (a
    PaymentIntent).
    """
    api_base: AnyHttpUrl = AnyHttpUrl("https://api.stripe.com")
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    read_timeout_seconds: float = Field(default=10, gt=0, le=80)
    """For one call. Confirming a card is the slowest, because Stripe asks the bank."""
    retries: int = Field(default=1, ge=0, le=5)
    """How often the SDK repeats a call that got no answer; always with the same idempotency key."""

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
        """The URL of the API, without a slash at the end."""
        return str(self.api_base).rstrip("/")
