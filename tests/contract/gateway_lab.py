"""What the contract suite of payment gateways needs besides the gateway: a payer, and the payer's bank."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.payments.models import Amount, Method, TopUp
from chalicelib.payments.ports import Gateway
from dev.simulators.faults import RequestFault

DECLINE = "a payment that can be declined, and tried again"
DISPUTE = "disputes"
LISTING = "settled payments that can be listed"
REFUND = "refunds"
SAVING = "methods that can be saved and charged off session"
SIGNED_TIME = "signatures over the time of sending"


@dataclass(frozen=True)
class Sent:
    """A webhook as it goes over the wire; the names of the headers are in lower case."""

    raw_body: bytes
    headers: Mapping[str, str]


class GatewayLab(Protocol):
    """A payment service to try a gateway on, with a payer who does what the suite says."""

    gateway: Gateway
    levers: frozenset[str]
    """Which of the words above it can do; the suite leaves the other cases out."""
    method: Method
    amount: Amount
    """A usual top-up; a third of it can be refunded, too."""
    asset: str
    network: str

    def again(self) -> Gateway:
        """Another gateway on the same account, as another Lambda has it: it remembers nothing."""
        ...

    def objects_of(self, top_up: TopUp) -> int:
        """How many of the service's objects carry the top-up's id."""
        ...

    def pay(self, provider_id: str) -> None:
        """Pay in full, until it is final."""
        ...

    def sent(self) -> list[Sent]:
        """Every webhook since the start, oldest first, signed as if sent at this moment."""
        ...

    def signed(self, raw_body: bytes, at: datetime) -> Mapping[str, str]:
        """The headers of a webhook with this body, sent at `at`."""
        ...

    def strike(self, kind: RequestFault, *, times: int | None, path: str = "", status: int = 503) -> None:
        """Let a fault strike the next requests whose path matches."""
        ...

    def calm(self) -> None:
        """Take every fault away."""
        ...

    def close(self) -> None:
        """Stop the service."""
        ...


class DecliningLab(Protocol):
    """A lab with `DECLINE`."""

    def decline(self, provider_id: str) -> None:
        """Try to pay with something that is declined."""
        ...


class DisputingLab(Protocol):
    """A lab with `DISPUTE`."""

    def dispute(self, provider_id: str) -> str:
        """Dispute the whole payment; the dispute's id."""
        ...

    def rule(self, dispute_id: str, *, won: bool) -> None:
        """Close a dispute: won by us, or lost."""
        ...


class SavingLab(Protocol):
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


LABS: dict[str, Callable[[], GatewayLab]] = {
    "stripe": _stripe,
    "stripe-hosted": _stripe_hosted,
}
