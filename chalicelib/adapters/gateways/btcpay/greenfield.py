"""Client for the four calls of BTCPay's Greenfield API that top-ups need.

https://docs.btcpayserver.org/API/Greenfield/v1/#tag/Invoices. Amounts are decimal strings; JSON numbers are read
as decimals too.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from chalicelib.adapters.gateways.btcpay.config import BTCPayConfig
from chalicelib.adapters.shared.http import Bounds
from chalicelib.adapters.shared.payment_api import PaymentApi

PAGE_ITEMS: Final = 50


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
    """Reads and creates a store's invoices."""

    def __init__(self, config: BTCPayConfig) -> None:
        self._api = PaymentApi(
            "BTCPay",
            f"{str(config.base_url).rstrip('/')}/api/v1/stores/{config.store_id}/invoices",
            ("Authorization", "token", config.api_key),
            Bounds(config.connect_timeout_seconds, config.read_timeout_seconds),
        )

    def create_invoice(self, body: Mapping[str, Any]) -> InvoiceData:
        """Create an invoice."""
        return self._api.call(_INVOICE, "POST", "", body=json.dumps(body).encode())

    def invoice(self, invoice_id: str) -> InvoiceData:
        """The invoice with this id."""
        return self._api.call(_INVOICE, "GET", f"/{quote(invoice_id, safe='')}")

    def payment_methods(self, invoice_id: str) -> Sequence[PaymentMethodData]:
        """The payment methods of an invoice, with the payments that BTCPay counts."""
        return self._api.call(_PAYMENT_METHODS, "GET", f"/{quote(invoice_id, safe='')}/payment-methods")

    def invoices(self, query: Mapping[str, str | int]) -> Sequence[InvoiceData]:
        """A page of at most `PAGE_ITEMS` invoices, including archived ones, which can receive money too."""
        wanted = {"take": PAGE_ITEMS, "includeArchived": "true", **query}
        return self._api.call(_INVOICES, "GET", f"?{urlencode(wanted)}")
