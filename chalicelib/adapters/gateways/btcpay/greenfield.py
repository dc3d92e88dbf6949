"""Client for the four calls of BTCPay's Greenfield API that top-ups need; raises the errors of the gateway port.

https://docs.btcpayserver.org/API/Greenfield/v1/#tag/Invoices. Amounts are decimal strings; JSON numbers are read
as decimals too.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import urllib3
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chalicelib.adapters.gateways.btcpay.config import BTCPayConfig
from chalicelib.domain.money.top_ups.models import GatewayBusy, GatewayRefused, GatewayUnreachable

PAGE_ITEMS: Final = 50
_TEXT_SHOWN: Final = 200

T = TypeVar("T")


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Metadata(_Answer):
    """Our data in an invoice."""

    order_id: str | None = Field(default=None, alias="orderId")


class InvoiceData(_Answer):
    """An invoice without its payments."""

    id: str = Field(min_length=1)
    amount: Decimal
    currency: str
    paid_amount: Decimal | None = Field(default=None, alias="paidAmount")
    status: str
    additional_status: str = Field(default="None", alias="additionalStatus")
    checkout_link: str | None = Field(default=None, alias="checkoutLink")
    created_time: int = Field(alias="createdTime")
    expiration_time: int = Field(alias="expirationTime")
    metadata: Metadata | None = None


class PaymentData(_Answer):
    """One payment to an invoice."""

    id: str = Field(min_length=1)
    received_date: int = Field(alias="receivedDate")
    value: Decimal
    status: str


class PaymentMethodData(_Answer):
    """One way to pay an invoice, and the payments made that way."""

    id: str = Field(alias="paymentMethodId")
    currency: str
    destination: str | None = None
    amount: Decimal
    payments: tuple[PaymentData, ...] = ()


_INVOICE: Final = TypeAdapter(InvoiceData)
_INVOICES: Final = TypeAdapter(list[InvoiceData])
_PAYMENT_METHODS: Final = TypeAdapter(list[PaymentMethodData])


class Greenfield:
    """Reads and creates a store's invoices. It repeats no call: only the caller knows whether that is safe."""

    def __init__(self, config: BTCPayConfig) -> None:
        self._config = config
        self._store = f"{str(config.base_url).rstrip('/')}/api/v1/stores/{config.store_id}/invoices"
        timeout = urllib3.Timeout(connect=config.connect_timeout_seconds, read=config.read_timeout_seconds)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def create_invoice(self, body: Mapping[str, Any]) -> InvoiceData:
        """Create an invoice."""
        return self._call(_INVOICE, "POST", "", body=body)

    def invoice(self, invoice_id: str) -> InvoiceData:
        """The invoice with this id."""
        return self._call(_INVOICE, "GET", f"/{quote(invoice_id, safe='')}")

    def payment_methods(self, invoice_id: str) -> Sequence[PaymentMethodData]:
        """The payment methods of an invoice, with the payments that BTCPay counts."""
        return self._call(_PAYMENT_METHODS, "GET", f"/{quote(invoice_id, safe='')}/payment-methods")

    def invoices(self, query: Mapping[str, str | int]) -> Sequence[InvoiceData]:
        """A page of at most `PAGE_ITEMS` invoices, including archived ones, which can receive money too."""
        wanted = {"take": PAGE_ITEMS, "includeArchived": "true", **query}
        return self._call(_INVOICES, "GET", f"?{urlencode(wanted)}")

    def _call(self, answer: TypeAdapter[T], method: str, path: str, *, body: Mapping[str, Any] | None = None) -> T:
        headers = {
            "Authorization": f"token {self._config.api_key.get_secret_value()}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        content = None if body is None else json.dumps(body).encode()
        where = f"BTCPay, {method} invoices{path.partition('?')[0]}"
        try:
            response = self._pool.request(
                method, self._store + path, body=content, headers=headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise GatewayUnreachable(f"{where}: {type(error).__name__}") from error
        _check(response.status, response.data, where)
        try:
            return answer.validate_python(json.loads(response.data, parse_float=Decimal))
        except (ValidationError, ValueError) as error:
            raise GatewayUnreachable(f"{where}: an answer that cannot be read") from error


def _check(status: int, content: bytes, where: str) -> None:
    """Raise the error for an answer other than 2xx."""
    if 200 <= status < 300:
        return
    text = f"{where}: {status} {content[:_TEXT_SHOWN].decode(errors='replace')}".rstrip()
    if status == 429:
        raise GatewayBusy(text)
    if 400 <= status < 500:
        raise GatewayRefused(text)
    raise GatewayUnreachable(text)
