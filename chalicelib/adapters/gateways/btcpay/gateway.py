"""BTCPay as a payment gateway.

It has no `SupportsRefunds`: a refund in BTCPay is a page on which the payer enters an address, so staff make
refunds of crypto payments by hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from chalicelib.adapters.gateways.btcpay import mapping, webhook
from chalicelib.adapters.gateways.btcpay.config import BTCPayConfig
from chalicelib.adapters.gateways.btcpay.greenfield import PAGE_ITEMS, Greenfield, InvoiceData
from chalicelib.domain.money.top_ups.models import Checkout, GatewayUnreachable, Notice, PaymentState, TopUp
from chalicelib.kernel.clock import epoch_seconds, later

MAX_PAGES: Final = 200


class BTCPayGateway:
    """`Gateway` and `SupportsListing` for one store of a BTCPay Server."""

    name = "btcpay"

    def __init__(self, config: BTCPayConfig) -> None:
        self._config = config
        self._api = Greenfield(config)

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        """Create the invoice, unless there is one with this order id: BTCPay has no idempotency keys.

        Raises:
            GatewayError: see the port.
        """
        request = mapping.invoice_request(top_up, self._config, return_url)
        made = self._made_for(top_up)
        invoice = made[0] if made else self._api.create_invoice(request)
        wanted = mapping.method_id(top_up, self._config)
        return mapping.checkout(top_up, invoice, self._api.payment_methods(invoice.id), wanted)

    def find(self, top_up: TopUp) -> PaymentState | None:
        """The state of the invoice with this order id."""
        made = self._made_for(top_up)
        return self._state(made[0]) if made else None

    def fetch(self, provider_id: str) -> PaymentState:
        """The state of an invoice."""
        return self._state(self._api.invoice(provider_id))

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        """Verify a webhook; see `webhook.verify`."""
        return webhook.verify(raw_body, headers, now, self._config)

    def settled(self, since: datetime, until: datetime) -> Iterator[PaymentState]:
        """The states of invoices with a payment received in [since, until).

        BTCPay lists invoices by creation, so the list starts as early as an invoice can still receive late
        payments.
        """
        minutes = self._config.expiration_minutes + self._config.monitoring_minutes
        oldest = later(since, -60 * minutes)
        for invoice in self._invoices({"startDate": epoch_seconds(oldest), "endDate": epoch_seconds(until)}):
            if invoice.paid_amount is None or invoice.paid_amount > 0:
                state = self._state(invoice)
                if any(since <= payment.at < until for payment in state.payments):
                    yield state

    def _state(self, invoice: InvoiceData) -> PaymentState:
        return mapping.state(invoice, self._api.payment_methods(invoice.id), self._config)

    def _made_for(self, top_up: TopUp) -> Sequence[InvoiceData]:
        """The invoices with this order id, best first: if two were created at once, the paid one is first."""
        found = [
            invoice
            for invoice in self._api.invoices({"orderId": top_up.id})
            if invoice.metadata and invoice.metadata.order_id == top_up.id
        ]
        return sorted(found, key=lambda invoice: (not invoice.paid_amount, invoice.created_time, invoice.id))

    def _invoices(self, query: Mapping[str, str | int]) -> Iterator[InvoiceData]:
        for page in range(MAX_PAGES):
            invoices = self._api.invoices({**query, "skip": page * PAGE_ITEMS})
            yield from invoices
            if len(invoices) < PAGE_ITEMS:
                return
        raise GatewayUnreachable(f"BTCPay lists more than {MAX_PAGES * PAGE_ITEMS} invoices")
