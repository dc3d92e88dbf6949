"""Top-ups, and the state of each at its payment gateway.

A `PaymentState` is everything that a gateway knows of one top-up. It is fetched from the gateway, never taken from
a webhook (G02). Crediting makes the ledger agree with that state: each payment, refund and dispute in it has the
gateway's own id, and is booked once under that id, in whatever order and however often the state is fetched (G01).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import BASE_CURRENCY

BANK_TRANSFER_ID_PREFIX = "bt_"
"""The prefix of a bank transfer's id, among ids of other payments."""


class Method(StrEnum):
    """A way to pay."""

    CARD = "card"
    PAYPAL = "paypal"
    CRYPTO = "crypto"
    BANK_TRANSFER = "bank_transfer"


class TopUpStatus(StrEnum):
    """The status of a top-up. Money can arrive late, even after SETTLED, EXPIRED, FAILED and CANCELLED."""

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
        """Whether the customer has nothing more to do."""
        return self in _FINAL


_FINAL = frozenset({TopUpStatus.SETTLED, TopUpStatus.EXPIRED, TopUpStatus.FAILED, TopUpStatus.CANCELLED})


class Flag(StrEnum):
    """A reason for staff to look at a top-up."""

    UNDERPAID = "underpaid"
    OVERPAID = "overpaid"
    LATE = "late"
    MANUAL_REVIEW = "manual_review"


@dataclass(frozen=True)
class Amount:
    """An amount in its own currency: micro-units (millionths) of `currency` (ISO 4217, or USDT, USDC)."""

    micros: int
    currency: str = BASE_CURRENCY


@dataclass(frozen=True)
class Payment:
    """Money that has arrived for good. `id` is the gateway's own and never changes."""

    id: str
    amount: Amount
    at: datetime


class RefundStatus(StrEnum):
    """The status of a refund."""

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
    """Our key of the request; empty if the gateway's staff or the payer made the refund."""


class DisputeStatus(StrEnum):
    """The status of a dispute."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class Dispute:
    """A payer's demand, through their bank, to get the money back."""

    id: str
    amount: Amount
    status: DisputeStatus


@dataclass(frozen=True)
class PaymentState:
    """Everything that a gateway knows of one top-up at one moment."""

    provider_id: str
    status: TopUpStatus
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    failure: str = ""
    """The reason of a failure, as a sentence for the customer; empty if it did not fail."""
    method_id: str | None = None
    """The payment method that was saved with this payment; None if there is none."""
    reference: str | None = None
    """Our id of the top-up, as the gateway stores it: proves that the object is ours."""
    flags: frozenset[Flag] = frozenset()
    """Flags that only the gateway can know: late and partial, given up, accepted by hand."""
    payers: frozenset[str] = frozenset()
    """The cards or accounts that paid, as `payer_mark` values; empty if the gateway does not tell."""


@dataclass(frozen=True)
class Checkout:
    """What the customer needs in order to pay; only fields that fit the method are set."""

    provider_id: str
    expires_at: datetime | None = None
    redirect_url: str | None = None
    """The URL of a hosted page."""
    client_secret: str | None = None
    """For the gateway's script in the front end; it reveals nothing else."""
    address: str | None = None
    network: str | None = None
    pay_amount: Amount | None = None
    """The amount to send, if it differs from the top-up's amount (crypto)."""
    instructions: Mapping[str, str] = field(default_factory=dict)
    """Bank details by label: beneficiary, IBAN, BIC, reference, …"""


@dataclass(frozen=True)
class TopUp:
    """A customer's intention to pay, and its progress."""

    id: str
    customer_id: str
    gateway: str
    """The adapter: `stripe`, `paypal`, `btcpay`, `oxapay`, `bank`."""
    method: Method
    amount: Amount
    status: TopUpStatus
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime
    """When the present status must have ended. Then the gateway is asked, and the top-up expires."""
    asset: str = ""
    """`USDT`, `USDC` (crypto)."""
    network: str = ""
    """`ETH`, `BSC`, `POLYGON` (crypto)."""
    provider_id: str | None = None
    checkout: Checkout | None = None
    rate: str = ""
    """Base units for one unit of the currency. Set when the first money arrives; used for all money of this
    top-up.
    """
    credited_micros: int = 0
    """The amount posted to the ledger, in the base currency."""
    refunded_micros: int = 0
    disputed_micros: int = 0
    """The amount frozen by open disputes."""
    booked: frozenset[str] = frozenset()
    """The gateway's ids of everything that is posted: payments, `refund:…`, `dispute:…`."""
    flags: frozenset[Flag] = frozenset()
    failure: str = ""
    payers: frozenset[str] = frozenset()
    """The cards or accounts that paid, as `payer_mark` values: shows whether two customers share one."""
    automatic: bool = False
    """Whether auto top-up created it."""
    check_at: datetime | None = None
    """When the reconciler asks the gateway again; None if nothing more can arrive."""
    version: int = 0


@dataclass(frozen=True)
class PaymentMethod:
    """A saved way to pay that can be charged while the customer is absent."""

    id: str
    customer_id: str
    gateway: str
    provider_id: str
    label: str
    """For display, such as `Visa ending in 4242`."""
    expires: str = ""
    """The month in which it expires, such as `2030-12`."""
    is_default: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True)
class Notice:
    """The content of a verified webhook: it tells what to fetch, and nothing in it is believed."""

    event_id: str
    """The gateway's id of the event; each event is recorded once."""
    kind: str
    provider_id: str | None
    """The id that `fetch` takes; None if the event concerns nothing of ours."""
    reference: str | None = None
    """Our id of the top-up, if the event contains it."""


def payer_mark(kind: str, value: str) -> str:
    """A hash that is the same for the same card, PayPal account or bank account, and reveals nothing else.

    Args:
        kind: `card`, `paypal`, `iban`.
        value: the gateway's own fingerprint, or the account number; it is not stored.
    """
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()[:32]


class GatewayError(Exception):
    """A gateway did not do what was asked; the text is for staff."""


class GatewayUnreachable(GatewayError):
    """No answer, or a 5xx: the request may have taken effect. Look it up by key or reference before trying
    again.
    """


class GatewayBusy(GatewayError):
    """The gateway asked us to wait (429); nothing happened."""


class GatewayRefused(GatewayError):
    """The gateway refuses: a declined card, an unknown object, a bad parameter. `sentence` is for the customer."""

    def __init__(self, text: str, sentence: str = "The payment provider refused this.") -> None:
        super().__init__(text)
        self.sentence = sentence


class InvalidSignature(Exception):
    """The webhook was not signed by the gateway, is too old, or is from the future (G40)."""


@dataclass(frozen=True)
class Rate:
    """The value of one unit of `currency` in the base currency, and the time of that value."""

    currency: str
    value: Decimal
    at: datetime


class NoticeState(StrEnum):
    """What is known about a webhook's event."""

    NEW = "new"
    NOT_HANDED_OVER = "not_handed_over"
    HANDED_OVER = "handed_over"


DISPUTABLE = timedelta(days=180)
"""A settled payment can be refunded or disputed for this long, and is checked more and more rarely."""
