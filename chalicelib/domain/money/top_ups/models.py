"""Top-ups, and what a payment gateway says of them.

A gateway's word is a `PaymentState`: everything that it knows of one top-up, fetched from it, never taken from a
webhook (G02). Crediting is making the ledger agree with that word: each payment, refund and dispute in it has the
gateway's own id, and is booked once under that id, in whatever order and however often the word comes (G01).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.kernel.money import BASE_CURRENCY

BANK_TRANSFER_ID_PREFIX = "bt_"
"""How the id of a bank transfer begins, among ids of payments of other kinds."""


class Method(StrEnum):
    """How a customer pays."""

    CARD = "card"
    PAYPAL = "paypal"
    CRYPTO = "crypto"
    BANK_TRANSFER = "bank_transfer"


class TopUpStatus(StrEnum):
    """Where a top-up is. Even after SETTLED, EXPIRED, FAILED and CANCELLED money can come, late."""

    CREATED = "CREATED"
    """Recorded; the gateway has not been asked yet, or has not answered."""
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    PROCESSING = "PROCESSING"
    """Money is on its way, and not final."""
    PARTIALLY_PAID = "PARTIALLY_PAID"
    SETTLED = "SETTLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether the customer need not do anything more."""
        return self in _FINAL


_FINAL = frozenset({TopUpStatus.SETTLED, TopUpStatus.EXPIRED, TopUpStatus.FAILED, TopUpStatus.CANCELLED})


class Flag(StrEnum):
    """What staff should look at."""

    UNDERPAID = "underpaid"
    OVERPAID = "overpaid"
    LATE = "late"
    MANUAL_REVIEW = "manual_review"


@dataclass(frozen=True)
class Amount:
    """Money in the currency it moved in: micro-units (millionths) of `currency` (ISO 4217, or USDT, USDC)."""

    micros: int
    currency: str = BASE_CURRENCY


@dataclass(frozen=True)
class Payment:
    """Money that has finally arrived. `id` is the gateway's own and never changes."""

    id: str
    amount: Amount
    at: datetime


class RefundStatus(StrEnum):
    """How far a refund is."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Refund:
    """Money that goes back to the payer."""

    id: str
    amount: Amount
    status: RefundStatus
    key: str = ""
    """Our own key of the request that made it; empty where the gateway's people or the payer made it."""


class DisputeStatus(StrEnum):
    """How a dispute stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class Dispute:
    """A payer asks their bank for the money back."""

    id: str
    amount: Amount
    status: DisputeStatus


@dataclass(frozen=True)
class PaymentState:
    """Everything a gateway knows of one top-up, at one look."""

    provider_id: str
    status: TopUpStatus
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    failure: str = ""
    """Why it failed, in words for the customer; empty where it did not."""
    method_id: str | None = None
    """The saved payment method that was made with it, where there is one."""
    reference: str | None = None
    """Our own id of the top-up, as the gateway keeps it: proves that the object is ours."""
    flags: frozenset[Flag] = frozenset()
    """What staff should look at, of which only the gateway knows: late and partial, given up, accepted by hand."""
    payers: frozenset[str] = frozenset()
    """What it was paid with, as `payer_mark` has it; empty where the gateway does not tell."""


@dataclass(frozen=True)
class Checkout:
    """What the customer needs in order to pay; only what fits the method is set."""

    provider_id: str
    expires_at: datetime | None = None
    redirect_url: str | None = None
    """A hosted page."""
    client_secret: str | None = None
    """For the gateway's own script in the front end; reveals nothing else."""
    address: str | None = None
    network: str | None = None
    pay_amount: Amount | None = None
    """What to send, where it differs from the top-up's amount (crypto)."""
    instructions: Mapping[str, str] = field(default_factory=dict)
    """Bank details by label: beneficiary, IBAN, BIC, reference, …"""


@dataclass(frozen=True)
class TopUp:
    """A customer's intention to pay, and what has come of it."""

    id: str
    customer_id: str
    gateway: str
    """Which adapter: `stripe`, `paypal`, `btcpay`, `oxapay`, `bank`."""
    method: Method
    amount: Amount
    status: TopUpStatus
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime
    """When the present status must have ended; then the gateway is asked, and the top-up expires."""
    asset: str = ""
    """`USDT`, `USDC` (crypto)."""
    network: str = ""
    """`ETH`, `BSC`, `POLYGON` (crypto)."""
    provider_id: str | None = None
    checkout: Checkout | None = None
    rate: str = ""
    """Base units for one unit of the currency when the first money came; it then holds for all of it."""
    credited_micros: int = 0
    """What reached the ledger, in the base currency."""
    refunded_micros: int = 0
    disputed_micros: int = 0
    """Frozen by open disputes."""
    booked: frozenset[str] = frozenset()
    """The gateway's ids of what is in the ledger: payments, `refund:…`, `dispute:…`."""
    flags: frozenset[Flag] = frozenset()
    failure: str = ""
    payers: frozenset[str] = frozenset()
    """What it was paid with, as `payer_mark` has it: tells whether two customers pay with one card or account."""
    automatic: bool = False
    """Made by auto top-up."""
    check_at: datetime | None = None
    """When the reconciler asks the gateway again; None where nothing more can come."""
    version: int = 0


@dataclass(frozen=True)
class PaymentMethod:
    """A saved way to pay without the customer being there."""

    id: str
    customer_id: str
    gateway: str
    provider_id: str
    label: str
    """Such as `Visa ending in 4242`."""
    expires: str = ""
    """`2030-12`."""
    is_default: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True)
class Notice:
    """What a verified webhook is about: something to fetch, not something to believe."""

    event_id: str
    """The gateway's id of the event: recorded once."""
    kind: str
    provider_id: str | None
    """The id that `fetch` takes; None where the event concerns nothing of ours."""
    reference: str | None = None
    """Our id of the top-up, where the event names it."""


def payer_mark(kind: str, value: str) -> str:
    """A mark of what was paid with, the same for the same card, PayPal account or bank account, and nothing more.

    Args:
        kind: `card`, `paypal`, `iban`.
        value: the gateway's own fingerprint or account number; kept by nobody.
    """
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()[:32]


class GatewayError(Exception):
    """A gateway did not do what was asked; the text is for staff."""


class GatewayUnreachable(GatewayError):
    """No answer, or a 5xx: it may have taken effect. Look by key or reference before trying again."""


class GatewayBusy(GatewayError):
    """Asked for patience (429); nothing happened."""


class GatewayRefused(GatewayError):
    """Will not do it: a declined card, an unknown object, a bad parameter. `sentence` is for the customer."""

    def __init__(self, text: str, sentence: str = "The payment provider refused this.") -> None:
        super().__init__(text)
        self.sentence = sentence


class InvalidSignature(Exception):
    """A webhook that is not the gateway's, or is too old, or comes from the future (G40)."""
