"""Ports of the directory."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from chalicelib.domain.cloud.deployments.models import Slots
from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.domain.foundation.access.models import CustomerStatus
from chalicelib.domain.money.billing.models import DocumentSummary
from chalicelib.domain.money.ledger.models import Balance
from chalicelib.domain.operations.directory.models import Entry, Notes
from chalicelib.domain.people.accounts.models import Customer
from chalicelib.domain.people.organisations.models import Member
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

ENTRY_UNCHANGED = "directory_entry_unchanged"
CUSTOMER_UNCHANGED = "customer_unchanged"


class Entries(Protocol):
    """Directory entries. They follow the customers through the table's stream, with a delay of moments."""

    def get(self, customer_id: str) -> Entry | None:
        """Return a customer's entry (strongly consistent)."""
        ...

    def replace(self, before: Entry | None, after: Entry) -> Sequence[Write]:
        """Replace `before` and its words by `after` and its words; asserts ENTRY_UNCHANGED."""
        ...

    def newest(self, page: PageRequest, status: CustomerStatus | None) -> Page[Entry]:
        """Return all entries, or those with a status, newest first."""
        ...

    def with_id(self, beginning: str, page: PageRequest) -> Page[Entry]:
        """Return entries whose ids begin with `beginning`, newest first."""
        ...

    def with_word(self, beginning: str, page: PageRequest, wanted: Callable[[Entry], bool]) -> Page[Entry]:
        """Return the `wanted` entries with a word that begins with `beginning`, each once, sorted by that word.

        A page may have fewer items and still a cursor: it takes at most ten reads.
        """
        ...


class CustomerRecords(Protocol):
    """Customers as changed by staff. Reads are strongly consistent."""

    def get(self, customer_id: str) -> Customer | None:
        """Return the customer."""
        ...

    def replace(self, before: Customer, after: Customer) -> Write:
        """Change name, company and status; asserts CUSTOMER_UNCHANGED: the status is that of `before`."""
        ...

    def notes(self, customer_id: str) -> Notes:
        """Return the staff's notes about the customer; empty at first."""
        ...

    def put_notes(self, customer_id: str, notes: Notes) -> Write:
        """Replace the staff's notes about the customer."""
        ...


class AllCustomers(Protocol):
    """All customers."""

    def customer_ids(self) -> Iterator[str]:
        """Yield the ids of all customers, oldest first."""
        ...


class MemberLists(Protocol):
    """The members of customers."""

    def list(self, customer_id: str, page: PageRequest) -> Page[Member]:
        """Return the customer's members, oldest user first. The index is eventually consistent."""
        ...


class DeploymentSlots(Protocol):
    """The limits of customers' deployments."""

    def slots(self, customer_id: str) -> Slots:
        """Return how many deployments the customer has, and may have."""
        ...

    def set_limit(self, customer_id: str, limit: int) -> Write:
        """Set the customer's limit; existing deployments stay."""
        ...


class Balances(Protocol):
    """The balances of customers."""

    def balance(self, customer_id: str) -> Balance:
        """Return the customer's current balance."""
        ...

    def open_account(self, customer_id: str) -> Sequence[Write]:
        """Open an account for a new customer."""
        ...


class SuspensionReader(Protocol):
    """The suspensions of customers."""

    def of(self, customer_id: str) -> Watch | None:
        """Return the customer's suspension; None in good standing."""
        ...


class InvoiceLists(Protocol):
    """The invoices of customers."""

    def invoices(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """Return the customer's invoices, newest first."""
        ...
