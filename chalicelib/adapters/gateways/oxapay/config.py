"""Configuration of OxaPay: one part of the secret for payments, which is a JSON document.

{"oxapay": {"merchant_api_key": "…", "callback_url": "https://webhooks.example.net/oxapay"}}
"""

from collections.abc import Mapping

from pydantic import AnyHttpUrl, ConfigDict, Field, SecretStr, field_validator

from chalicelib.adapters.shared.configuration import PaymentsPart
from chalicelib.domain.money.crypto.states import DEFAULT_TOLERANCE_PERCENT, NETWORKS


class OxaPayConfig(PaymentsPart):
    """One merchant at OxaPay."""

    PART = "oxapay"
    model_config = ConfigDict(validate_default=True)

    base_url: AnyHttpUrl = Field(default=AnyHttpUrl("https://api.oxapay.com/v1"))
    merchant_api_key: SecretStr
    """The key of the API, which also signs the webhooks."""
    callback_url: AnyHttpUrl | None = None
    """The URL for webhooks. Without it OxaPay sends none, and only the reconciler finds payments."""
    networks: Mapping[str, str] = Field(default={"ETH": "ERC20", "BSC": "BEP20", "POLYGON": "POLYGON"})
    """OxaPay's name for each of our networks (its `GET /common/networks` lists them)."""
    lifetime_minutes: int = Field(default=60, ge=15, le=2880)
    tolerance_percent: int = Field(default=DEFAULT_TOLERANCE_PERCENT, ge=0, le=5)
    listening_days: int = Field(default=30, ge=1, le=365)
    """How long after a payment's creation the daily comparison still expects money (G11)."""
    webhook_max_age_seconds: int = Field(default=4 * 86_400, ge=300, le=7 * 86_400)
    """OxaPay retries for 3 h 34 min, and a webhook has the time of the payment, which lives for up to two days."""
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    read_timeout_seconds: float = Field(default=10, gt=0, le=60)

    @field_validator("networks")
    @classmethod
    def _knows_its_networks(cls, networks: Mapping[str, str]) -> Mapping[str, str]:
        if not networks or not networks.keys() <= set(NETWORKS):
            raise ValueError(f"may have {', '.join(NETWORKS)}")
        return networks
