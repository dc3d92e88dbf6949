"""Verifies BTCPay's webhooks.

The header `BTCPay-Sig` is `sha256=` and the HMAC-SHA256 of the raw body with the webhook's secret. The time is in
the signed body, not in the header, and must be within a window. A replay within the window is accepted here, but
changes nothing: the service records each event once, and fetches what it credits (G01, G40).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chalicelib.adapters.gateways.btcpay.config import BTCPayConfig
from chalicelib.domain.money.top_ups.models import InvalidSignature, Notice
from chalicelib.kernel.clock import epoch_seconds

FUTURE_SECONDS: Final = 300
"""How far BTCPay's clock may be ahead of ours."""
_SCHEME: Final = "sha256="


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    order_id: str | None = Field(default=None, alias="orderId")


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    delivery_id: str = Field(alias="deliveryId", min_length=1, max_length=128)
    original_delivery_id: str | None = Field(default=None, alias="originalDeliveryId", max_length=128)
    type: str = Field(min_length=1, max_length=64)
    timestamp: int
    store_id: str | None = Field(default=None, alias="storeId")
    invoice_id: str | None = Field(default=None, alias="invoiceId", max_length=128)
    metadata: _Metadata | None = None


def verify(raw_body: bytes, headers: Mapping[str, str], now: datetime, config: BTCPayConfig) -> Notice:
    """Verify a webhook and return its notice. A redelivery has the id of the first delivery.

    Raises:
        InvalidSignature: it was not signed with our secret, or its time is outside the window.
    """
    secret = config.webhook_secret.get_secret_value().encode()
    expected = _SCHEME + hmac.new(secret, raw_body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), headers.get("btcpay-sig", "").encode(errors="replace")):
        raise InvalidSignature("BTCPay-Sig is not that of the body")
    try:
        event = _Event.model_validate(json.loads(raw_body))
    except (ValidationError, ValueError):
        raise InvalidSignature("the signed body is no event of BTCPay's") from None
    age_seconds = epoch_seconds(now) - event.timestamp
    if not -FUTURE_SECONDS <= age_seconds <= config.webhook_max_age_seconds:
        raise InvalidSignature(f"the event is {age_seconds} seconds old")
    is_ours = event.store_id == config.store_id
    return Notice(
        event_id=event.original_delivery_id or event.delivery_id,
        kind=event.type,
        provider_id=event.invoice_id if is_ours else None,
        reference=event.metadata.order_id if is_ours and event.metadata else None,
    )
