"""What transfers need from outside."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from chalicelib.domain.money.transfers.models import SentOnDay, Transfer
from chalicelib.domain.people.accounts.models import Membership
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

NEW_TRANSFER = "new_transfer"
SENDER_ACTIVE = "sender_active"
RECEIVER_ACTIVE = "receiver_active"


class TransferRecords(Protocol):
    """Stores transfers for both sides. Single reads are strongly consistent."""

    def transfer_of_key(self, customer_id: str, key: str) -> Transfer | None:
        """The transfer that the sender made with an idempotency key; None if there is none."""
        ...

    def sent_on(self, customer_id: str, day: date) -> SentOnDay:
        """The amount sent on `day` so far."""
        ...

    def transfers(self, customer_id: str, page: PageRequest) -> Page[Transfer]:
        """The transfers that the customer sent or received, newest first."""
        ...

    def insert_transfer(self, transfer: Transfer, key: str) -> Sequence[Write]:
        """Store a transfer for both sides, and under the sender's key; asserts NEW_TRANSFER."""
        ...

    def active(self, customer_id: str, asserts: str) -> Write:
        """A write that changes nothing; asserts, under the name `asserts`, that the customer is neither blocked
        nor closed.
        """
        ...

    def put_sent(self, sent: SentOnDay) -> Write:
        """Store a day's sum. It asserts nothing: commit it with the sender's account, whose version guards
        both.
        """
        ...


class Memberships(Protocol):
    """Finds memberships."""

    def memberships(self, user_id: str) -> Sequence[Membership]:
        """The user's memberships in customers."""
        ...


class Revocable(Protocol):
    """Tells how much of a customer's money may be taken back."""

    def revocable_micros(self, customer_id: str) -> int:
        """The sum of the rewards that may still be taken back."""
        ...
