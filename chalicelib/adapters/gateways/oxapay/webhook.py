"""Verifies OxaPay's webhooks.

The header `HMAC` is the HMAC-SHA512 of the raw body with the merchant's key; the answer must be 200 and `ok`
(https://docs.oxapay.com/webhook). There is no time in the header, and the event has no id. The signed body
contains the times of the payment and its transfers; the latest must be within a window. A replay within the window
has the same id, a digest of the body, and changes nothing: the service records each event once, and fetches what
it credits (G01, G40).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from chalicelib.adapters.gateways.oxapay.config import OxaPayConfig
from chalicelib.domain.money.top_ups.models import InvalidSignature, Notice
from chalicelib.kernel.clock import epoch_seconds

FUTURE_SECONDS: Final = 300
"""How far OxaPay's clock may be ahead of ours."""
_OF_PAYOUTS: Final = "payout"
_DIGEST_SHOWN: Final = 32


class _Transfer(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    date: int = 0


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    track_id: Annotated[str, BeforeValidator(str), Field(min_length=1, max_length=64)]
    type: str = Field(min_length=1, max_length=64)
    status: str = Field(min_length=1, max_length=64)
    date: int
    order_id: str | None = Field(default=None, max_length=128)
    txs: tuple[_Transfer, ...] = ()


def verify(raw_body: bytes, headers: Mapping[str, str], now: datetime, config: OxaPayConfig) -> Notice:
    """Verify a webhook and return its notice.

    Raises:
        InvalidSignature: it was not signed with our key, or its time is outside the window.
    """
    key = config.merchant_api_key.get_secret_value().encode()
    expected = hmac.new(key, raw_body, hashlib.sha512).hexdigest()
    given = headers.get("hmac", "").strip().lower()
    if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
        raise InvalidSignature("HMAC is not that of the body")
    try:
        event = _Event.model_validate(json.loads(raw_body))
    except (ValidationError, ValueError):
        raise InvalidSignature("the signed body is no event of OxaPay's") from None
    latest = max(event.date, *(transfer.date for transfer in event.txs), 0)
    age_seconds = epoch_seconds(now) - latest
    if not -FUTURE_SECONDS <= age_seconds <= config.webhook_max_age_seconds:
        raise InvalidSignature(f"the event is {age_seconds} seconds old")
    is_ours = event.type.lower() != _OF_PAYOUTS
    status = event.status.lower()
    return Notice(
        event_id=f"{event.track_id}:{status}:{hashlib.sha256(raw_body).hexdigest()[:_DIGEST_SHOWN]}",
        kind=status,
        provider_id=event.track_id if is_ours else None,
        reference=event.order_id or None if is_ours else None,
    )
