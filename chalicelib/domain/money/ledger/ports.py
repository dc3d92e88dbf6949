"""Ports of the ledger."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.money.ledger.models import Account, Entry, EntryType, Hold, Spending
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

ACCOUNT_UNCHANGED = "account_unchanged"
NOT_POSTED_BEFORE = "not_posted_before"


@dataclass(frozen=True)
class EntryFilter:
    """Selects entries: from `start` (inclusive) to `end` (exclusive), of one type or of all."""

    start: datetime | None = None
    end: datetime | None = None
    type: EntryType | None = None


class LedgerRecords(Protocol):
    """Stores the books. Reads of accounts and holds are strongly consistent."""

    def account(self, customer_id: str) -> Account | None:
        """A customer's account; None if there is no such customer."""
        ...

    def insert_account(self, account: Account) -> Sequence[Write]:
        """Open an account that does not exist yet."""
        ...

    def replace_account(self, before: Account, after: Account) -> Write:
        """Change an account; asserts ACCOUNT_UNCHANGED since `before` was read."""
        ...

    def key_spending(self, customer_id: str, api_key_id: str) -> Spending:
        """What the machines of a customer's API key have cost; zero if it never had any."""
        ...

    def put_key_spending(self, customer_id: str, api_key_id: str, spending: Spending) -> Write:
        """Store it. Commit it together with the account, whose version guards both."""
        ...

    def insert_entry(self, entry: Entry) -> Write:
        """Append an entry. If its number is taken, the transaction fails with ACCOUNT_UNCHANGED."""
        ...

    def insert_marker(self, customer_id: str, key: str) -> Write:
        """Record permanently that `key` was posted; asserts NOT_POSTED_BEFORE."""
        ...

    def was_posted(self, customer_id: str, key: str) -> bool:
        """Whether `key` was posted before."""
        ...

    def entries(self, customer_id: str, wanted: EntryFilter, page: PageRequest) -> Page[Entry]:
        """A customer's entries, newest first."""
        ...

    def all_entries(self, customer_id: str, since: datetime | None = None) -> Iterator[Entry]:
        """Every entry of a customer, or those from `since` on, oldest first; read while the caller iterates."""
        ...

    def customer_ids(self) -> Iterator[str]:
        """Every customer with an account, for jobs that check or invoice all of them."""
        ...

    def hold(self, customer_id: str, reference: str) -> Hold | None:
        """The hold for `reference`; None if there is none."""
        ...

    def holds(self, customer_id: str) -> Iterator[Hold]:
        """Every hold of a customer."""
        ...

    def insert_hold(self, hold: Hold) -> Write:
        """Place a hold; asserts that there is none for its reference."""
        ...

    def replace_hold(self, before: Hold, after: Hold) -> Write:
        """Change a hold; asserts ACCOUNT_UNCHANGED since `before` was read."""
        ...

    def delete_hold(self, hold: Hold) -> Write:
        """Remove a hold; asserts ACCOUNT_UNCHANGED since it was read."""
        ...
