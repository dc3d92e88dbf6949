"""Configuration of a BTCPay Server: one part of the secret for payments, which is a JSON document.

    {"btcpay": {
       "base_url": "https://btcpay.example.net", "store_id": "…", "api_key": "…", "webhook_secret": "…",
       "payment_methods": {"USDT-ETH": "USDT-ETHEREUM", "USDC-POLYGON": "USDC-POLYGON"}}}

The API key needs `btcpay.store.canviewinvoices` and `btcpay.store.cancreateinvoice` of that store, and nothing
more.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator

from chalicelib.adapters.shared.configuration import PaymentsPart
from chalicelib.domain.money.crypto.states import ASSETS, DEFAULT_TOLERANCE_PERCENT, NETWORKS

PaymentMethodId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class BTCPayConfig(PaymentsPart):
    """One store of one BTCPay Server."""

    PART = "btcpay"

    base_url: AnyHttpUrl
    store_id: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")
    api_key: SecretStr
    webhook_secret: SecretStr
    payment_methods: Mapping[str, PaymentMethodId] = Field(min_length=1)
    """The store's id of the payment method for each `<asset>-<network>`; the token plug-ins choose these ids."""
    expiration_minutes: int = Field(default=60, ge=5, le=2880)
    monitoring_minutes: int = Field(default=30 * 24 * 60, ge=60, le=525_600)
    """How long after an invoice's expiry BTCPay still watches for payments (G11)."""
    tolerance_percent: int = Field(default=DEFAULT_TOLERANCE_PERCENT, ge=0, le=5)
    speed_policy: Literal["HighSpeed", "MediumSpeed", "LowMediumSpeed", "LowSpeed"] = "LowSpeed"
    """How many confirmations make a payment final: 0, 1, 2 and 6 on BTCPay's own chains."""
    webhook_max_age_seconds: int = Field(default=7200, ge=300, le=86_400)
    """BTCPay redelivers for about 71 minutes, with the time of the first delivery."""
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    read_timeout_seconds: float = Field(default=10, gt=0, le=60)

    @field_validator("payment_methods")
    @classmethod
    def _knows_its_pairs(cls, methods: Mapping[str, str]) -> Mapping[str, str]:
        known = {f"{asset}-{network}" for asset in ASSETS for network in NETWORKS}
        if not methods.keys() <= known:
            raise ValueError(f"may have {', '.join(sorted(known))}")
        if len(set(methods.values())) != len(methods):
            raise ValueError("must have a different payment method for each")
        return methods
