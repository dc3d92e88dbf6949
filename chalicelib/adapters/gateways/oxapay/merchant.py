"""Client for the three calls of OxaPay's merchant API v1 that top-ups need.

https://docs.oxapay.com/api-reference/payment. Amounts are JSON numbers. They are read and written as decimals, so
that no binary fraction is involved.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from chalicelib.adapters.gateways.oxapay.config import OxaPayConfig
from chalicelib.adapters.shared.http import Bounds
from chalicelib.adapters.shared.payment_api import PaymentApi
from chalicelib.kernel.money import format_amount

PAGE_ITEMS: Final = 200
"""The most that OxaPay allows."""

T = TypeVar("T")
TrackId = Annotated[str, BeforeValidator(str), Field(min_length=1, max_length=64)]
"""A string in the documentation, a number in some answers."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Envelope(_Answer, Generic[T]):
    """The envelope of every answer."""

    data: T


class WhiteLabel(_Answer):
    """A payment in the answer to its creation, which is the only one with the address."""

    track_id: TrackId
    address: str = Field(min_length=1)
    pay_amount: Decimal
    expired_at: int


class Transfer(_Answer):
    """One transfer on the chain to a payment's address."""

    tx_hash: str = Field(min_length=1)
    amount: Decimal
    currency: str
    status: str
    date: int


class PaymentData(_Answer):
    """A payment and its transfers."""

    track_id: TrackId
    status: str
    amount: Decimal
    currency: str
    order_id: str | None = None
    expired_at: int
    date: int
    txs: tuple[Transfer, ...] = ()


class Meta(_Answer):
    """The position of a page in its list."""

    last_page: int = 1


class PaymentPage(_Answer):
    """A page of payments."""

    payments: tuple[PaymentData, ...] = Field(alias="list")
    meta: Meta = Meta()


_CREATED: Final = TypeAdapter(Envelope[WhiteLabel])
_PAYMENT: Final = TypeAdapter(Envelope[PaymentData])
_PAYMENTS: Final = TypeAdapter(Envelope[PaymentPage])


class Merchant:
    """Reads and creates a merchant's payments."""

    def __init__(self, config: OxaPayConfig) -> None:
        self._api = PaymentApi(
            "OxaPay",
            f"{str(config.base_url).rstrip('/')}/payment",
            ("merchant_api_key", "", config.merchant_api_key),
            Bounds(config.connect_timeout_seconds, config.read_timeout_seconds),
        )

    def create(self, amount_micros: int, fields: Mapping[str, Any]) -> WhiteLabel:
        """Create a payment."""
        content = f'{{"amount": {format_amount(amount_micros)}, {json.dumps(fields)[1:]}'
        return self._api.call(_CREATED, "POST", "/white-label", body=content.encode()).data

    def payment(self, track_id: str) -> PaymentData:
        """The payment with this id."""
        return self._api.call(_PAYMENT, "GET", f"/{quote(track_id, safe='')}").data

    def payments(self, query: Mapping[str, str | int]) -> PaymentPage:
        """A page of at most `PAGE_ITEMS` payments."""
        return self._api.call(_PAYMENTS, "GET", f"?{urlencode({'size': PAGE_ITEMS, **query})}").data
