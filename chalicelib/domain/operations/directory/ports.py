"""What the directory needs from outside."""

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
    """The directory itself. It follows the customers through the table's stream, so it lags by moments."""

    def get(self, customer_id: str) -> Entry | None:
        """A customer's entry, as last written."""
        ...

    def replace(self, before: Entry | None, after: Entry) -> Sequence[Write]:
        """Keep `after` with its words instead of `before`; asserts ENTRY_UNCHANGED."""
        ...

    def newest(self, page: PageRequest, status: CustomerStatus | None) -> Page[Entry]:
        """Everybody, or everybody of a status, newest first."""
        ...

    def with_id(self, beginning: str, page: PageRequest) -> Page[Entry]:
        """Those whose ids begin like this, newest first."""
        ...

    def with_word(self, beginning: str, page: PageRequest, wanted: Callable[[Entry], bool]) -> Page[Entry]:
        """Those with a word that begins like this, each once, by that word; of those only the `wanted`.

        A page may come back short, with a cursor: at most ten reads are spent on filling it.
        """
        ...


class CustomerRecords(Protocol):
    """Customers as the staff change them. Reads are strongly consistent."""

    def get(self, customer_id: str) -> Customer | None:
        """The customer."""
        ...

    def replace(self, before: Customer, after: Customer) -> Write:
        """Change name, company and status; asserts CUSTOMER_UNCHANGED: it has the status that `before` has."""
        ...

    def notes(self, customer_id: str) -> Notes:
        """What the staff keep about the customer; empty at first."""
        ...

    def put_notes(self, customer_id: str, notes: Notes) -> Write:
        """Keep `notes` instead of what was there."""
        ...


class EveryCustomer(Protocol):
    """All of them."""

    def customer_ids(self) -> Iterator[str]:
        """Every customer that there is, oldest first."""
        ...


class MemberLists(Protocol):
    """Who belongs to customers."""

    def list(self, customer_id: str, page: PageRequest) -> Page[Member]:
        """Who belongs to the customer, oldest user first; the index may lag behind by moments."""
        ...


class DeploymentSlots(Protocol):
    """How many deployments customers may have."""

    def slots(self, customer_id: str) -> Slots:
        """How many the customer has, and may have."""
        ...

    def set_limit(self, customer_id: str, limit: int) -> Write:
        """Let the customer have so many from now on; those that are there stay."""
        ...


class Balances(Protocol):
    """What customers have."""

    def balance(self, customer_id: str) -> Balance:
        """The customer's money right now."""
        ...

    def open_account(self, customer_id: str) -> Sequence[Write]:
        """Give a new customer its account."""
        ...


class StandingOf(Protocol):
    """Whether customers are suspended."""

    def of(self, customer_id: str) -> Watch | None:
        """The customer's suspension; None in good standing."""
        ...


class InvoiceLists(Protocol):
    """What customers were invoiced."""

    def invoices(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """The customer's invoices, newest first."""
        ...
