"""Client for the three calls of OxaPay's merchant API v1 that top-ups need; raises the errors of the gateway port.

https://docs.oxapay.com/api-reference/payment. Amounts are JSON numbers. They are read and written as decimals, so
that no binary fraction is involved.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import urllib3
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from chalicelib.adapters.gateways.oxapay.config import OxaPayConfig
from chalicelib.domain.money.top_ups.models import GatewayBusy, GatewayRefused, GatewayUnreachable
from chalicelib.kernel.money import format_amount

PAGE_ITEMS: Final = 200
"""The most that OxaPay allows."""
_TEXT_SHOWN: Final = 200

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


class Merchant:
    """Reads and creates a merchant's payments. It repeats no call: only the caller knows whether that is safe."""

    def __init__(self, config: OxaPayConfig) -> None:
        self._config = config
        self._base_url = f"{str(config.base_url).rstrip('/')}/payment"
        timeout = urllib3.Timeout(connect=config.connect_timeout_seconds, read=config.read_timeout_seconds)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def create(self, amount_micros: int, fields: Mapping[str, Any]) -> WhiteLabel:
        """Create a payment."""
        content = f'{{"amount": {format_amount(amount_micros)}, {json.dumps(fields)[1:]}'
        return self._call(Envelope[WhiteLabel], "POST", "/white-label", content.encode())

    def payment(self, track_id: str) -> PaymentData:
        """The payment with this id."""
        return self._call(Envelope[PaymentData], "GET", f"/{quote(track_id, safe='')}")

    def payments(self, query: Mapping[str, str | int]) -> PaymentPage:
        """A page of at most `PAGE_ITEMS` payments."""
        return self._call(Envelope[PaymentPage], "GET", f"?{urlencode({'size': PAGE_ITEMS, **query})}")

    def _call(self, answer: type[Envelope[T]], method: str, path: str, content: bytes | None = None) -> T:
        headers = {
            "merchant_api_key": self._config.merchant_api_key.get_secret_value(),
            "Content-Type": "application/json",
        }
        where = f"OxaPay, {method} payment{path.partition('?')[0]}"
        try:
            response = self._pool.request(
                method, self._base_url + path, body=content, headers=headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise GatewayUnreachable(f"{where}: {type(error).__name__}") from error
        _check(response.status, response.data, where)
        try:
            return answer.model_validate(json.loads(response.data, parse_float=Decimal)).data
        except (ValidationError, ValueError) as error:
            raise GatewayUnreachable(f"{where}: an answer that cannot be read") from error


def _check(status: int, content: bytes, where: str) -> None:
    """Raise the error for an answer other than 2xx. OxaPay's documents repeat the status code."""
    if 200 <= status < 300:
        return
    text = f"{where}: {status} {content[:_TEXT_SHOWN].decode(errors='replace')}".rstrip()
    if status == 429:
        raise GatewayBusy(text)
    if 400 <= status < 500:
        raise GatewayRefused(text)
    raise GatewayUnreachable(text)
