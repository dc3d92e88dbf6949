"""The lab of the contract suite for payment gateways: the gateway, a payer, and the payer's bank."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol

from chalicelib.domain.money.top_ups.models import TopUp
from chalicelib.domain.money.top_ups.ports import Gateway


class Lever(StrEnum):
    """Something that a lab can do besides paying in full; cases that need a missing lever are left out."""

    DECLINE = "a payment that is declined, and can be tried again"
    DISPUTE = "disputes"
    EXPIRY = "checkouts that expire"
    LISTING = "settled payments that can be listed"
    PARTIAL = "payments of less, or more, than was asked"
    PENDING = "money that is on its way before it is final"
    REFUND = "refunds"
    REPEATED_CREATE = "creates that can be repeated even where the first answer was lost"
    SAVING = "methods that can be saved and charged off session"
    SEARCH = "objects that are found by our id before anything is paid"
    SIGNED_TIME = "webhooks that are signed for the moment of each attempt"
    TIMED_WEBHOOKS = "webhooks that say, under their signature, when they were made"
    UNASKED = "creates that ask nobody: what the provider keeps is a reference made from our id, not our id"


@dataclass(frozen=True)
class Delivery:
    """A webhook as it is sent; the names of the headers are in lower case."""

    raw_body: bytes
    headers: Mapping[str, str]


class GatewayLab(Protocol):
    """A payment service for testing a gateway, with a payer whom the suite controls."""

    name: str
    secrets: tuple[str, ...]
    """Secrets that must never appear in an error."""
    levers: frozenset[Lever]

    @property
    def gateway(self) -> Gateway:
        """A new gateway on the same account, without memory, as in another Lambda."""
        ...

    def now(self) -> datetime:
        """The present time of the service."""
        ...

    def top_up(self, amount_micros: int = ...) -> TopUp:
        """A top-up of a new customer, not yet created at the gateway."""
        ...

    def pay(self, top_up: TopUp, micros: int | None = None) -> None:
        """Pay in full, or `micros` (`PARTIAL`), and wait until the payment is final."""
        ...

    def deliveries(self, top_up: TopUp) -> list[Delivery]:
        """Every webhook about a top-up, oldest first, signed as if sent at this moment."""
        ...

    def inject(self, kind: str, **options: Any) -> object:
        """Inject a fault; `options` are the fields of `Fault`."""
        ...

    def clear_faults(self) -> None:
        """Remove all faults."""
        ...

    def close(self) -> None:
        """Stop the service."""
        ...


class PendingLab(GatewayLab, Protocol):
    """A lab with `PENDING`."""

    def begin_paying(self, top_up: TopUp) -> None:
        """Send the money."""
        ...

    def finish_paying(self, top_up: TopUp) -> None:
        """Make the money arrive."""
        ...


class ExpiringLab(GatewayLab, Protocol):
    """A lab with `EXPIRY`."""

    def expire(self, top_up: TopUp) -> None:
        """Make the time for paying end."""
        ...


class DecliningLab(GatewayLab, Protocol):
    """A lab with `DECLINE`."""

    def decline(self, top_up: TopUp) -> None:
        """Try to pay with a method that is declined."""
        ...


class DisputingLab(GatewayLab, Protocol):
    """A lab with `DISPUTE`."""

    def dispute(self, top_up: TopUp) -> str:
        """Dispute the whole payment; return the id of the dispute."""
        ...

    def rule(self, dispute_id: str, *, won: bool) -> None:
        """Close a dispute, which we win or lose."""
        ...


class SavingLab(GatewayLab, Protocol):
    """A lab with `SAVING`."""

    def save(self, provider_id: str, *, declines: bool = False) -> None:
        """Enter a payment method for the result of `begin_saving`; if it `declines`, it can be saved but not
        charged.
        """
        ...


_LABS = {
    "stripe": ("stripe_lab", "StripeLab"),
    "stripe-hosted": ("stripe_lab", "HostedStripeLab"),
    "btcpay": ("crypto_lab", "BTCPayLab"),
    "oxapay": ("crypto_lab", "OxaPayLab"),
    "paypal": ("paypal_lab", "PayPalLab"),
    "bank": ("bank_lab", "BankLab"),
}
LABS = tuple(_LABS)


def lab_class(name: str) -> type[GatewayLab]:
    """The lab called `name`, one of `LABS`; this call imports it."""
    module, class_name = _LABS[name]
    found: type[GatewayLab] = getattr(import_module(f"tests.contract.{module}"), class_name)
    return found
