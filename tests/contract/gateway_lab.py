"""What the contract suite of payment gateways needs besides the gateway: a payer, and the payer's bank."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from chalicelib.payments.models import TopUp
from chalicelib.payments.ports import Gateway


class Lever(StrEnum):
    """What a lab can do beyond paying in full; the suite leaves the cases out that need what it lacks."""

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
    """A webhook as it goes over the wire; the names of the headers are in lower case."""

    raw_body: bytes
    headers: Mapping[str, str]


class GatewayLab(Protocol):
    """A payment service to try a gateway on, with a payer who does what the suite says."""

    name: str
    secrets: tuple[str, ...]
    """What must never be seen in an error."""
    levers: frozenset[Lever]

    @property
    def gateway(self) -> Gateway:
        """A new gateway on the same account, as another Lambda has it: it remembers nothing."""
        ...

    def now(self) -> datetime:
        """The service's time."""
        ...

    def top_up(self, amount_micros: int = ...) -> TopUp:
        """A top-up of a new customer, not yet created at the gateway."""
        ...

    def pay(self, top_up: TopUp, micros: int | None = None) -> None:
        """Pay, until it is final: in full, or `micros` (`PARTIAL`)."""
        ...

    def deliveries(self, top_up: TopUp) -> list[Delivery]:
        """Every webhook about a top-up, oldest first, signed as if sent at this moment."""
        ...

    def inject(self, kind: str, **options: Any) -> object:
        """Let a fault strike; `options` are the fields of `Fault`."""
        ...

    def clear_faults(self) -> None:
        """Take every fault away."""
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
        """Let it arrive."""
        ...


class ExpiringLab(GatewayLab, Protocol):
    """A lab with `EXPIRY`."""

    def expire(self, top_up: TopUp) -> None:
        """Let the time for paying run out."""
        ...


class DecliningLab(GatewayLab, Protocol):
    """A lab with `DECLINE`."""

    def decline(self, top_up: TopUp) -> None:
        """Try to pay with something that is declined."""
        ...


class DisputingLab(GatewayLab, Protocol):
    """A lab with `DISPUTE`."""

    def dispute(self, top_up: TopUp) -> str:
        """Dispute the whole payment; the dispute's id."""
        ...

    def rule(self, dispute_id: str, *, won: bool) -> None:
        """Close a dispute: won by us, or lost."""
        ...


class SavingLab(GatewayLab, Protocol):
    """A lab with `SAVING`."""

    def save(self, provider_id: str, *, declines: bool = False) -> None:
        """Enter a method for what `begin_saving` gave; one that `declines` can be saved but not charged."""
        ...


def _stripe() -> GatewayLab:
    from tests.contract.stripe_lab import StripeLab

    return StripeLab()


def _stripe_hosted() -> GatewayLab:
    from tests.contract.stripe_lab import StripeLab

    return StripeLab(hosted_page=True)


def _paypal() -> GatewayLab:
    from tests.contract.paypal_lab import PayPalLab

    return PayPalLab()


def _btcpay() -> GatewayLab:
    from tests.contract.crypto_lab import BTCPayLab

    return BTCPayLab()


def _oxapay() -> GatewayLab:
    from tests.contract.crypto_lab import OxaPayLab

    return OxaPayLab()


def _bank() -> GatewayLab:
    from tests.contract.bank_lab import BankLab

    return BankLab()


LABS: dict[str, Callable[[], GatewayLab]] = {
    "stripe": _stripe,
    "stripe-hosted": _stripe_hosted,
    "btcpay": _btcpay,
    "oxapay": _oxapay,
    "paypal": _paypal,
    "bank": _bank,
}
