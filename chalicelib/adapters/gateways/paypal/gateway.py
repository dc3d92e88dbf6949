"""PayPal as a payment gateway. `states` interprets its objects; `client` interprets its refusals."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from chalicelib.adapters.gateways.paypal import states, webhooks
from chalicelib.adapters.gateways.paypal.answers import (
    Capture,
    DisputeData,
    DisputeList,
    Order,
    RefundData,
    TransactionInfo,
    TransactionPage,
)
from chalicelib.adapters.gateways.paypal.certificates import Certificates
from chalicelib.adapters.gateways.paypal.client import PayPalClient, PayPalRefused
from chalicelib.adapters.gateways.paypal.config import PayPalConfig
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    DisputeStatus,
    GatewayError,
    GatewayRefused,
    Notice,
    Payment,
    PaymentState,
    Refund,
    TopUp,
    TopUpStatus,
)
from chalicelib.kernel.clock import Clock, later

_ORDERS: Final = "/v2/checkout/orders"
_CAPTURES: Final = "/v2/payments/captures"
_DISPUTES: Final = "/v1/customer/disputes"
_TRANSACTIONS: Final = "/v1/reporting/transactions"
_DISPUTES_READ: Final = 50
_PAGE: Final = 500
_MAX_PAGES: Final = 20
_MAX_LIST_SPAN: Final = timedelta(days=31)
_MAX_CLOCK_SKEW_SECONDS: Final = 300
_PAID: Final = ("T0003", "T0006", "T0007")
"""PayPal's event codes for money from a payer: preapproved, Checkout and website payments."""


class PayPalGateway:
    """`Gateway`, `SupportsRefunds` and `SupportsListing` for one business account.

    A top-up is an order with one purchase unit, whose custom id and invoice id are the top-up's id. The payer
    approves the order on PayPal's page, and then we must capture it. Only the capture moves money; it is the
    payment that is credited.
    """

    name = "paypal"

    def __init__(self, config: PayPalConfig, clock: Clock) -> None:
        self._config = config
        self._client = PayPalClient(config, clock)
        self._certificates = Certificates(self._client, config.api_url)

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        """Create the order of a top-up.

        The request id is the top-up's id; PayPal recognises a repetition for six hours. A later repetition creates
        a second order, which does no harm: only the order whose link was given out can be approved, and of two
        orders with the same invoice id only one can be captured.
        """
        body = states.order_request(top_up, return_url, self._config)
        return states.checkout(self._client.post(Order, _ORDERS, body, top_up.id), self._config)

    def find(self, top_up: TopUp) -> PaymentState | None:
        """Search the account's statement, from the top-up's creation on, for its payment.

        PayPal cannot search orders. If the answer of `create` was lost, nobody has the order's link, so the order
        cannot be paid until `create` is repeated and returns the same order. So None is correct for an order that
        is not paid. Statements are up to three hours late.
        """
        if top_up.provider_id:
            return self.fetch(top_up.provider_id)
        # An order is approved within that time after its creation, and captured within the same time again.
        last = later(top_up.created_at, 2 * self._config.approval_seconds + _MAX_CLOCK_SKEW_SECONDS)
        lines = self._paid(later(top_up.created_at, -_MAX_CLOCK_SKEW_SECONDS), last)
        found = next((line for line in lines if line.custom_field == top_up.id), None)
        return self.fetch(states.CAPTURE_PREFIX + found.transaction_id) if found else None

    def fetch(self, provider_id: str) -> PaymentState:
        """Read an order with its captures, refunds and disputes; capture it first if the payer has approved it.

        An approval moves no money and lapses after hours, so it must be captured. This happens here, because every
        source that reports an approval (the webhook, the payer's return, the reconciler) leads to a fetch. So no
        approved order is forgotten, and the returned state is final (G02).

        Capturing is idempotent for two reasons. An order with the intent CAPTURE is captured at most once. And the
        request id consists of the order's id and the time of the approval: a lost answer is returned again, and a
        new approval after a declined source is a new attempt.

        PayPal forgets an order that was not approved in time, and then it is refused like one that never existed.

        Args:
            provider_id: an order's id, or `capture:` and the id of one of its captures, as some webhooks name it.
        """
        order = self._order(provider_id)
        if order.status != "APPROVED":
            return states.order_state(order, self._disputes(order.captures))
        try:
            order = self._capture(order)
        except PayPalRefused as refused:
            if refused.issue == "ORDER_ALREADY_CAPTURED":
                order = self._order(order.id)
            elif refused.issue in states.ANOTHER_SOURCE | states.NEVER | {"ORDER_COMPLETION_IN_PROGRESS"}:
                return states.order_state(order, refusal=refused.issue)
            else:
                # Not the port's "there is no such object": something is wrong with our account or our request.
                raise GatewayError(str(refused)) from refused
        return states.order_state(order, self._disputes(order.captures))

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        """Verify a webhook; see `webhooks.verify`."""
        config = self._config
        return webhooks.verify(
            raw_body, headers, now, config.webhook_ids, config.webhook_max_age_seconds, self._certificates
        )

    def refund(self, provider_id: str, amount: Amount, key: str) -> Refund:
        """Refund part of a payment, or the rest of it.

        PayPal may count a refund of a disputed payment as the dispute's outcome; the same money would then leave
        twice in our books. So a disputed payment is refused until the dispute has ended.
        """
        order = self._order(provider_id)
        for made in order.refunds:
            if (known := states.refund_of(made, order.reference)).key == key:
                return known
        capture = next(iter(order.captures), None)
        if capture is None:
            raise GatewayRefused(f"order {order.id} was not captured", "Nothing was paid yet.")
        if any(states.dispute_of(item).status is DisputeStatus.OPEN for item in self._disputes([capture])):
            sentence = "This payment is disputed; it can be refunded once that is decided."
            raise GatewayRefused(f"capture {capture.id} is disputed", sentence)
        body = states.refund_request(amount, order.reference, key)
        made = self._client.post(RefundData, f"{_CAPTURES}/{_quoted(capture.id)}/refund", body, key)
        return states.refund_of(made, order.reference)

    def settled(self, since: datetime, until: datetime) -> Iterator[PaymentState]:
        """Every payment in the account's statement of [since, until), with or without a top-up of ours.

        The statement is up to three hours late. It names captures, not orders. It is used for received payments
        only, not for refunds and disputes.
        """
        return (_of_statement(line) for line in self._paid(since, until))

    def _order(self, provider_id: str) -> Order:
        order_id = provider_id
        if provider_id.startswith(states.CAPTURE_PREFIX):
            capture_id = provider_id.removeprefix(states.CAPTURE_PREFIX)
            capture = self._client.get(Capture, f"{_CAPTURES}/{_quoted(capture_id)}")
            order_id = capture.supplementary_data.related_ids.order_id or ""
            if not order_id:
                raise GatewayRefused(f"capture {capture_id} belongs to no order")
        return self._client.get(Order, f"{_ORDERS}/{_quoted(order_id)}")

    def _capture(self, order: Order) -> Order:
        approval = f"{order.approved_at:%Y%m%dT%H%M%SZ}" if order.approved_at else "approval"
        return self._client.post(Order, f"{_ORDERS}/{_quoted(order.id)}/capture", {}, f"{order.id}-{approval}")

    def _disputes(self, captures: Sequence[Capture]) -> list[DisputeData]:
        """The disputes of `captures`, oldest first; resolved ones are read one by one, because lists omit the
        outcome.
        """
        found: list[DisputeData] = []
        for capture in captures:
            query: dict[str, str | int] = {"disputed_transaction_id": capture.id, "page_size": _DISPUTES_READ}
            for item in self._client.get(DisputeList, _DISPUTES, query).items:
                whole = item.status == "RESOLVED"
                path = f"{_DISPUTES}/{_quoted(item.dispute_id)}"
                found.append(self._client.get(DisputeData, path) if whole else item)
        return sorted(found, key=lambda dispute: (dispute.create_time, dispute.dispute_id))

    def _paid(self, since: datetime, until: datetime) -> Iterator[TransactionInfo]:
        """The statement lines of payments to us in [since, until)."""
        start = since
        while start < until:
            end = min(start + _MAX_LIST_SPAN, until)
            for line in self._statement(start, end):
                if line.transaction_event_code in _PAID and start <= line.transaction_initiation_date < end:
                    yield line
            start = end

    def _statement(self, start: datetime, end: datetime) -> Iterator[TransactionInfo]:
        query: dict[str, str | int] = {
            "start_date": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end_date": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "transaction_status": "S",
            "fields": "transaction_info",
            "page_size": _PAGE,
        }
        for page in range(1, _MAX_PAGES + 1):
            answer = self._client.get(TransactionPage, _TRANSACTIONS, {**query, "page": page})
            yield from (detail.transaction_info for detail in answer.transaction_details)
            if page >= answer.total_pages:
                return
        raise GatewayError(f"PayPal lists more than {_MAX_PAGES * _PAGE} transactions from {start:%Y-%m-%d} on")


def _of_statement(line: TransactionInfo) -> PaymentState:
    amount = line.transaction_amount.amount
    return PaymentState(
        provider_id=line.transaction_id,
        status=TopUpStatus.SETTLED,
        payments=(Payment(line.transaction_id, amount, line.transaction_initiation_date),),
        reference=line.custom_field,
    )


def _quoted(text: str) -> str:
    return quote(text, safe="")
