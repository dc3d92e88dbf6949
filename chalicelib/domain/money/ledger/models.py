"""Accounts, postings, entries, holds.

A posting moves an amount from a source to a destination, and nothing more (double entry). Only customers'
accounts keep a balance of their own; the operator's side (`operator:usage`, `operator:credits`) is the sum of
the entries that name it, so that no shared item is written by everybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.money.ledger.spending import NOTHING_SPENT, Spending
from chalicelib.kernel.clock import epoch_seconds

SECONDS_PER_HOUR = 3600


class Operator(StrEnum):
    """The operator's accounts: where customers' money comes from and goes to."""

    CREDITS = "operator:credits"
    FORFEITS = "operator:forfeits"
    USAGE = "operator:usage"
    REFERRALS = "operator:referrals"


def gateway_account(gateway: str) -> str:
    """The name of the account that stands for the money at a payment gateway."""
    return f"gateway:{gateway}"


class EntryType(StrEnum):
    """What an entry is for."""

    CREDIT = "credit"
    USAGE = "usage"
    USAGE_CORRECTION = "usage_correction"
    TOP_UP = "top_up"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    REWARD = "reward"
    """For a referral; less than zero where it is taken back."""
    TRANSFER = "transfer"
    """From one customer to another: an entry in the book of each, with the same posting and reference."""
    FORFEIT = "forfeit"
    """Given up by a customer that closed its account."""


_CUSTOMER = "customer:"


def account_name(customer_id: str) -> str:
    """The name of a customer's account in postings."""
    return f"{_CUSTOMER}{customer_id}"


def customer_of(account: str) -> str | None:
    """Whose account in postings this is; None of the operator's and the gateways'."""
    return account.removeprefix(_CUSTOMER) if account.startswith(_CUSTOMER) else None


@dataclass(frozen=True)
class Posting:
    """`amount_micros` (more than zero) goes from `source` to `destination`."""

    source: str
    destination: str
    amount_micros: int

    def __post_init__(self) -> None:
        if self.amount_micros <= 0 or self.source == self.destination:
            raise ValueError(f"not a posting: {self}")


@dataclass(frozen=True)
class Entry:
    """A posting in a customer's book, numbered without gaps and never changed."""

    id: str
    customer_id: str
    sequence: int
    at: datetime
    """Never before the previous entry's, whatever the clocks did."""
    type: EntryType
    posting: Posting
    balance_after_micros: int
    reference: str
    """What it is about: a deployment's id, a payment's id."""
    reason: str = ""
    actor_user_id: str = ""

    @property
    def change_micros(self) -> int:
        """What it did to the customer's balance."""
        into = self.posting.destination == account_name(self.customer_id)
        return self.posting.amount_micros if into else -self.posting.amount_micros

    @property
    def counterpart(self) -> str:
        """The account on the other side."""
        into = self.posting.destination == account_name(self.customer_id)
        return self.posting.source if into else self.posting.destination


@dataclass(frozen=True)
class Burn:
    """How fast running machines use money, and what they have used that is not posted yet.

    `weighted` is the sum of price × watermark over all open meters (micro-dollars per hour × epoch seconds).
    Since each meter has used price × (t − watermark) / 3600 that is not posted, all of them together have used
    (micros_per_hour × t − weighted) / 3600: known at any moment, from two numbers.
    """

    micros_per_hour: int = 0
    weighted: int = 0

    def moved(self, price_micros_per_hour: int, start: int, end: int) -> "Burn":
        """A meter of this price has been posted from `start` to `end`."""
        return Burn(self.micros_per_hour, self.weighted + price_micros_per_hour * (end - start))

    def with_meter(self, price_micros_per_hour: int, watermark: int) -> "Burn":
        """One meter more, posted up to `watermark`."""
        return Burn(
            self.micros_per_hour + price_micros_per_hour, self.weighted + price_micros_per_hour * watermark
        )

    def without_meter(self, price_micros_per_hour: int, watermark: int) -> "Burn":
        """One meter fewer, posted up to `watermark`."""
        return self.with_meter(-price_micros_per_hour, watermark)

    def unposted_micros(self, at: datetime) -> int:
        """What running machines have used up to `at` beyond what is posted (never less than zero)."""
        return max(0, (self.micros_per_hour * epoch_seconds(at) - self.weighted) // SECONDS_PER_HOUR)


@dataclass(frozen=True)
class Account:
    """A customer's money. `version` counts every change, entries or not."""

    customer_id: str
    posted_micros: int = 0
    held_micros: int = 0
    burn: Burn = Burn()
    spending: Spending = NOTHING_SPENT
    sequence: int = 0
    last_entry_at: datetime | None = None
    version: int = 0

    @property
    def available_micros(self) -> int:
        """What the customer can still spend: posted less held. Running machines alone can take it below zero."""
        return self.posted_micros - self.held_micros


class HoldPurpose(StrEnum):
    """What money is reserved for."""

    PROVISIONING = "provisioning"
    RUNNING = "running"
    DISPUTE = "dispute"
    REFUND = "refund"

    @property
    def is_frozen(self) -> bool:
        """Whether nobody may use the money, not even running machines: it may have to go back."""
        return self in {HoldPurpose.DISPUTE, HoldPurpose.REFUND}


@dataclass(frozen=True)
class Hold:
    """Money set aside for one thing, by whose id it is known: a deployment, a dispute, a refund under way."""

    customer_id: str
    reference: str
    amount_micros: int
    purpose: HoldPurpose
    placed_at: datetime
    api_key_id: str = ""
    """Which API key asked for the deployment; empty where a session did, or there is none."""


def frozen_micros(holds: Iterable[Hold]) -> int:
    """How much of what `holds` set aside is frozen."""
    return sum(hold.amount_micros for hold in holds if hold.purpose.is_frozen)


@dataclass(frozen=True)
class Balance:
    """An account as its customer sees it at one moment."""

    posted_micros: int
    held_micros: int
    available_micros: int
    debt_micros: int
    """What is owed beyond the balance, because machines ran on after it was used up."""
    burn_micros_per_hour: int
    runway_seconds: int | None
    """Until the balance is used up at the present burn; None while nothing runs."""
    at: datetime
    frozen_micros: int = 0
    """The part of what is held that may have to go back: for disputes, and refunds under way."""


def balance_at(account: Account, at: datetime, frozen_micros: int = 0) -> Balance:
    """`account` at `at`, with what running machines have used since they were last metered.

    What is frozen is held as anything is, but running machines cannot use it up, as they can their reserves.
    """
    posted = account.posted_micros - account.burn.unposted_micros(at)
    burn = account.burn.micros_per_hour
    return Balance(
        posted_micros=posted,
        held_micros=account.held_micros,
        available_micros=max(0, posted - account.held_micros),
        debt_micros=max(0, -posted),
        burn_micros_per_hour=burn,
        frozen_micros=frozen_micros,
        runway_seconds=max(0, posted - frozen_micros) * SECONDS_PER_HOUR // burn if burn else None,
        at=at,
    )
