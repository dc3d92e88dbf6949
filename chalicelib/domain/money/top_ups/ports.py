"""Ports to payment gateways."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    Notice,
    NoticeState,
    PaymentMethod,
    PaymentState,
    Rate,
    Refund,
    TopUp,
)
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class Gateway(Protocol):
    """One payment provider. Every call has a time-out and raises only `GatewayError`s.

    The contract suite (`tests/contract/test_payment_gateway.py`) tests every adapter against these promises.
    """

    name: str
    """`stripe`, `paypal`, `btcpay`, `oxapay`, `bank`; also the last part of its webhook's path."""

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        """Request payment of `top_up.amount`; the same top-up gives the same checkout, never a second one.

        The gateway's object carries `top_up.id` as its reference (idempotency key, metadata, order id).
        """
        ...

    def find(self, top_up: TopUp) -> PaymentState | None:
        """Look up by reference what an unanswered `create` has made; None if there is nothing."""
        ...

    def fetch(self, provider_id: str) -> PaymentState:
        """Everything that the gateway knows of one top-up now (G02).

        Raises:
            GatewayRefused: there is no such object.
        """
        ...

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        """Verify a webhook, on its raw body and in constant time, before anything is parsed; return its notice.

        Args:
            raw_body: exactly the bytes that arrived.
            headers: names in lower case.
            now: the time window is checked against it, in both directions.

        Raises:
            InvalidSignature: it was not signed by this gateway, is too old, or is from the future.
        """
        ...


@runtime_checkable
class SupportsRefunds(Protocol):
    """A gateway that can send money back."""

    def refund(self, provider_id: str, amount: Amount, key: str) -> Refund:
        """Send `amount` back to the payer; the same `key` gives the same refund.

        Raises:
            GatewayRefused: the amount is more than what is left, or it cannot be refunded.
        """
        ...


@runtime_checkable
class SupportsSavedMethods(Protocol):
    """A gateway that can charge a saved method while the customer is absent."""

    def begin_saving(self, customer_id: str, email: str, key: str) -> Checkout:
        """Let the customer enter a method for later use (a SetupIntent)."""
        ...

    def saved_methods(self, customer_id: str) -> Sequence[PaymentMethod]:
        """The methods that the customer has saved with the gateway."""
        ...

    def forget_method(self, customer_id: str, provider_id: str) -> None:
        """Remove a saved method; does nothing if there is none."""
        ...

    def prepare_charge(self, top_up: TopUp, method_provider_id: str) -> str:
        """Create an off-session charge without confirming it; return its id. The same top-up gives the same charge
        (G10).
        """
        ...

    def confirm_charge(self, provider_id: str) -> PaymentState:
        """Charge the saved method. A decline is returned as a state (FAILED, with a sentence), not raised."""
        ...


@runtime_checkable
class SupportsListing(Protocol):
    """A gateway that can list its settled payments, for the daily comparison with the ledger."""

    def settled(self, since: datetime, until: datetime) -> Iterator[PaymentState]:
        """Every payment that was settled in [since, until), with or without a top-up of ours."""
        ...


@runtime_checkable
class SupportsReferences(Protocol):
    """A gateway with events about objects that are not a top-up's own and do not contain our id of it."""

    def reference_of(self, provider_id: str) -> str | None:
        """Our id of the top-up that the object belongs to; None if it is not ours."""
        ...


TOP_UP_UNCHANGED = "top_up_unchanged"
NEW_TOP_UP = "new_top_up"
TOP_UP_SHARDS = 4


class TopUpRecords(Protocol):
    """Stores top-ups. Single reads are strongly consistent."""

    def top_up(self, customer_id: str, top_up_id: str) -> TopUp | None:
        """A customer's top-up; None if this customer has no such top-up."""
        ...

    def top_up_of_key(self, customer_id: str, key: str) -> str | None:
        """The id of the top-up that was created with an idempotency key; None if there is none."""
        ...

    def top_up_of_reference(self, top_up_id: str) -> TopUp | None:
        """A top-up by its id alone: a webhook does not name the customer."""
        ...

    def top_up_of_provider(self, gateway: str, provider_id: str) -> TopUp | None:
        """The top-up that a gateway's object belongs to; None if there is none."""
        ...

    def top_ups(self, customer_id: str, page: PageRequest) -> Page[TopUp]:
        """A customer's top-ups, newest first."""
        ...

    def top_ups_to_check(self, shard: int, before: datetime) -> Iterator[TopUp]:
        """The top-ups whose `check_at` is before `before`; the index may be out of date by a moment."""
        ...

    def insert_top_up(self, top_up: TopUp, key: str | None) -> Sequence[Write]:
        """Store a new top-up under its id and its key; asserts NEW_TOP_UP."""
        ...

    def replace_top_up(self, before: TopUp, after: TopUp) -> Sequence[Write]:
        """Change a top-up, and index a provider's id that it got; asserts TOP_UP_UNCHANGED."""
        ...


class NoticeRecords(Protocol):
    """Stores webhooks' events: each is recorded once and kept for 90 days."""

    def record(self, gateway: str, notice: Notice, at: datetime) -> NoticeState:
        """Record an event; return whether it is new, and otherwise whether it was queued."""
        ...

    def handed_over(self, gateway: str, event_id: str) -> None:
        """Record that the event is queued."""
        ...


class NoticeQueue(Protocol):
    """Queues notices for the worker."""

    def send(self, gateway: str, provider_id: str | None, reference: str | None) -> None:
        """Ask the worker to fetch the object of a notice; delivered at least once."""
        ...


class Rates(Protocol):
    """Stores exchange rates, which staff or a schedule update."""

    def rate(self, currency: str) -> Rate | None:
        """The latest rate of `currency`; None if there is none."""
        ...

    def put_rate(self, rate: Rate) -> None:
        """Replace the rate of its currency."""
        ...


Gateways = Callable[[str], Gateway]
