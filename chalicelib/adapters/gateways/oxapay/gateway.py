"""OxaPay as a payment gateway. It uses white-label payments: an address for each top-up, and no hosted page.

This API cannot send money back: staff make refunds in OxaPay's panel, and `fetch` reports them.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from chalicelib.adapters.gateways.oxapay import mapping, webhook
from chalicelib.adapters.gateways.oxapay.config import OxaPayConfig
from chalicelib.adapters.gateways.oxapay.merchant import Merchant, PaymentData
from chalicelib.domain.money.top_ups.models import Checkout, GatewayUnreachable, Notice, PaymentState, TopUp
from chalicelib.kernel.clock import epoch_seconds, later

MAX_PAGES: Final = 50
CLOCK_SKEW_SECONDS: Final = 300
CREATION_SECONDS: Final = 86_400
"""A creation that was not answered for a day is given up."""


class OxaPayGateway:
    """`Gateway` and `SupportsListing` for one merchant at OxaPay."""

    name = "oxapay"

    def __init__(self, config: OxaPayConfig) -> None:
        self._config = config
        self._api = Merchant(config)

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        """Create the payment.

        OxaPay has no idempotency keys, and gives the address only in the answer to the creation. If that answer
        was lost, a repetition creates a second payment with the same order id. No money is at risk: nobody has
        seen the first payment's address, and both are found by the order id.

        Raises:
            GatewayError: see the port.
        """
        asked, fields = mapping.request(top_up, self._config)
        return mapping.checkout(top_up, self._api.create(asked.micros, fields))

    def find(self, top_up: TopUp) -> PaymentState | None:
        """The state of the payment with this order id; of several, the one with money, otherwise the newest.

        The list cannot be filtered by order id, so it is read from the top-up's creation on.
        """
        query = {
            "from_date": epoch_seconds(later(top_up.created_at, -CLOCK_SKEW_SECONDS)),
            "to_date": epoch_seconds(later(top_up.created_at, CREATION_SECONDS)),
        }
        made = [payment for payment in self._payments(query) if payment.order_id == top_up.id]
        if not made:
            return None
        best = max(made, key=lambda payment: (bool(payment.txs), payment.date, payment.track_id))
        return mapping.state(best, self._config)

    def fetch(self, provider_id: str) -> PaymentState:
        """The state of the payment with this track id."""
        return mapping.state(self._api.payment(provider_id), self._config)

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        """Verify a webhook; see `webhook.verify`. The answer to a webhook must be 200 with the text `ok`."""
        return webhook.verify(raw_body, headers, now, self._config)

    def settled(self, since: datetime, until: datetime) -> Iterator[PaymentState]:
        """The states of payments with a transfer in [since, until).

        OxaPay lists payments by creation, so the list starts `listening_days` earlier.
        """
        oldest = later(since, -86_400 * self._config.listening_days)
        query = {"from_date": epoch_seconds(oldest), "to_date": epoch_seconds(until)}
        for payment in self._payments(query):
            state = mapping.state(payment, self._config)
            if any(since <= arrived.at < until for arrived in state.payments):
                yield state

    def _payments(self, query: Mapping[str, str | int]) -> Iterator[PaymentData]:
        """The payments created in a span, oldest first, so that new ones do not shift the pages."""
        ordered = {"sort_by": "create_date", "sort_type": "asc", **query}
        for number in range(1, MAX_PAGES + 1):
            page = self._api.payments({**ordered, "page": number})
            yield from page.payments
            if number >= page.meta.last_page:
                return
        raise GatewayUnreachable(f"OxaPay lists more than {MAX_PAGES} pages of payments")
