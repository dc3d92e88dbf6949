"""What payments need from outside: the gateways, first of all."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    Notice,
    PaymentMethod,
    PaymentState,
    Refund,
    TopUp,
)


class Gateway(Protocol):
    """One payment provider. Every call has a time-out and raises only `GatewayError`s.

    The contract suite (`tests/contract/test_payment_gateway.py`) holds every adapter to what is written here.
    """

    name: str
    """`stripe`, `paypal`, `btcpay`, `oxapay`, `bank`: also the end of its webhook's name."""

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        """Ask for `top_up.amount`; the same top-up again gives the same checkout, never a second one.

        The gateway's object carries `top_up.id` as its reference (idempotency key, metadata, order id).
        """
        ...

    def find(self, top_up: TopUp) -> PaymentState | None:
        """Look for what an unanswered `create` has made, by reference; None where there is nothing."""
        ...

    def fetch(self, provider_id: str) -> PaymentState:
        """Everything about one top-up, as the gateway knows it now (G02).

        Raises:
            GatewayRefused: there is no such thing.
        """
        ...

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        """The notice in a webhook, verified on its raw body, in constant time, before anything is parsed.

        Args:
            raw_body: exactly as it came.
            headers: names in lower case.
            now: for the time window, which holds in both directions.

        Raises:
            InvalidSignature: it is not this gateway's, too old, or from the future.
        """
        ...


@runtime_checkable
class SupportsRefunds(Protocol):
    """A gateway that can send money back."""

    def refund(self, provider_id: str, amount: Amount, key: str) -> Refund:
        """Send `amount` back to the payer; the same `key` again gives the same refund.

        Raises:
            GatewayRefused: more than is left of it, or it cannot be refunded.
        """
        ...


@runtime_checkable
class SupportsSavedMethods(Protocol):
    """A gateway that can charge without the customer being there."""

    def begin_saving(self, customer_id: str, email: str, key: str) -> Checkout:
        """Let the customer enter a method for later use (a SetupIntent)."""
        ...

    def saved_methods(self, customer_id: str) -> Sequence[PaymentMethod]:
        """The methods that the customer has saved there."""
        ...

    def forget_method(self, customer_id: str, provider_id: str) -> None:
        """Remove a saved method; one that is not there is fine."""
        ...

    def prepare_charge(self, top_up: TopUp, method_provider_id: str) -> str:
        """Make an off-session charge without confirming it; its id. Same top-up, same object (G10)."""
        ...

    def confirm_charge(self, provider_id: str) -> PaymentState:
        """Charge it. A decline is a state (FAILED, with a sentence), not an error."""
        ...


@runtime_checkable
class SupportsListing(Protocol):
    """A gateway whose settled payments can be listed, to be compared with the ledger every day."""

    def settled(self, since: datetime, until: datetime) -> Iterator[PaymentState]:
        """Every payment that was settled in [since, until), whoever made it."""
        ...


@runtime_checkable
class SupportsReferences(Protocol):
    """A gateway some of whose events name an object that neither is a top-up's nor tells our id of it."""

    def reference_of(self, provider_id: str) -> str | None:
        """Our id of the top-up that the object belongs to; None where it is nothing of ours."""
        ...
