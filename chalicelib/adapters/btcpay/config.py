"""What an operator tells Hearth of a BTCPay Server: one part of the payments' secret, which is a JSON document.

    {"btcpay": {
       "base_url": "https://btcpay.example.net", "store_id": "…", "api_key": "…", "webhook_secret": "…",
       "payment_methods": {"USDT-ETH": "USDT-ETHEREUM", "USDC-POLYGON": "USDC-POLYGON"}}}

The key needs `btcpay.store.canviewinvoices` and `btcpay.store.cancreateinvoice` of that store, and nothing more.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from chalicelib.payments.crypto import ASSETS, DEFAULT_TOLERANCE_PERCENT, NETWORKS

PaymentMethodId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class ConfigurationError(ValueError):
    """The configuration cannot be used. The text names the field, and holds no secret."""


class BTCPayConfig(BaseModel):
    """One store of one BTCPay Server."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: AnyHttpUrl
    store_id: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")
    api_key: SecretStr
    webhook_secret: SecretStr
    payment_methods: Mapping[str, PaymentMethodId] = Field(min_length=1)
    """The store's own id of each `<asset>-<network>`; the token plug-ins name them, so an operator must say."""
    expiration_minutes: int = Field(default=60, ge=5, le=2880)
    monitoring_minutes: int = Field(default=30 * 24 * 60, ge=60, le=525_600)
    """How long after its expiry BTCPay still listens for payments of an invoice (G11)."""
    tolerance_percent: int = Field(default=DEFAULT_TOLERANCE_PERCENT, ge=0, le=5)
    speed_policy: Literal["HighSpeed", "MediumSpeed", "LowMediumSpeed", "LowSpeed"] = "LowSpeed"
    """How many confirmations make a payment final: 0, 1, 2 and 6 for BTCPay's own chains."""
    webhook_max_age_seconds: int = Field(default=7200, ge=300, le=86_400)
    """BTCPay redelivers for about 71 minutes, with the first delivery's time."""
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

    @classmethod
    def from_secret(cls, text: str) -> "BTCPayConfig":
        """Read BTCPay's part of the payments' secret, a JSON object with one part for each gateway.

        Raises:
            ConfigurationError: names every field that is wrong; holds none of their values.
        """
        try:
            return cls.model_validate(json.loads(text)["btcpay"])
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise ConfigurationError(f"the payments' secret, part btcpay: {wrong}") from None
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ConfigurationError(f"the payments' secret is not JSON at {place}") from None
        except (KeyError, TypeError):
            raise ConfigurationError("the payments' secret has no part btcpay") from None
