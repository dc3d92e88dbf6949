"""What billing needs from outside, besides the records of the ledger and of the meters."""

from typing import Protocol

from chalicelib.domain.money.billing.models import (
    BillingProfile,
    BillingState,
    Credited,
    CreditNote,
    Document,
    DocumentSummary,
    Invoice,
    NumberRange,
    Series,
)
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

STATE_UNCHANGED = "billing_state_unchanged"
NUMBER_FREE = "document_number_free"
CREDITED_UNCHANGED = "credited_unchanged"


class BillingRecords(Protocol):
    """Where profiles and documents are kept. Single reads are strongly consistent; documents never change."""

    def profile(self, customer_id: str) -> BillingProfile | None:
        """A customer's billing profile, where one was set."""
        ...

    def put_profile(self, profile: BillingProfile) -> Write:
        """Set a billing profile, whatever it was before."""
        ...

    def state(self, customer_id: str) -> BillingState | None:
        """How far a customer has been invoiced; None before the first invoice."""
        ...

    def replace_state(self, before: BillingState, after: BillingState) -> Write:
        """Move on; asserts STATE_UNCHANGED since `before` was read."""
        ...

    def number_range(self, series: Series, seller: str, year: int) -> NumberRange:
        """The numbers that a seller has given out in a year; none yet where there is no record of them."""
        ...

    def take_number(self, before: NumberRange, after: NumberRange) -> Write:
        """Give out the next number; asserts NUMBER_FREE: it is the next one still."""
        ...

    def insert_invoice(self, invoice: Invoice) -> Write:
        """Keep a new invoice for ever."""
        ...

    def invoice(self, customer_id: str, invoice_id: str) -> Invoice | None:
        """A customer's invoice; a stranger's is not found."""
        ...

    def invoices(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """A customer's invoices, newest first."""
        ...

    def insert_credit_note(self, note: CreditNote) -> Write:
        """Keep a new credit note for ever."""
        ...

    def credit_note(self, customer_id: str, credit_note_id: str) -> CreditNote | None:
        """A customer's credit note; a stranger's is not found."""
        ...

    def credit_notes(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """A customer's credit notes, newest first."""
        ...

    def credited(self, customer_id: str, invoice_id: str) -> Credited:
        """How much of an invoice was given back; nothing where there is no record of it."""
        ...

    def replace_credited(self, customer_id: str, before: Credited, after: Credited) -> Write:
        """Give more of it back; asserts CREDITED_UNCHANGED since `before` was read."""
        ...


class Machine(Protocol):
    """A machine, as far as invoices tell of it."""

    @property
    def name(self) -> str:
        """What the customer calls it."""
        ...

    @property
    def instance_type(self) -> str:
        """What was sold."""
        ...


class Machines(Protocol):
    """What the customer's machines are called."""

    def deployment(self, customer_id: str, deployment_id: str) -> Machine | None:
        """A customer's machine; a stranger's is not found."""
        ...


class Files(Protocol):
    """Where files wait for whoever has a link to them."""

    def has(self, key: str) -> bool:
        """Whether there is a file at `key`."""
        ...

    def keep(self, key: str, content: bytes, content_type: str) -> None:
        """Put a file at `key`."""
        ...

    def link(self, key: str, file_name: str, life_seconds: int) -> str:
        """A URL that gives the file, under `file_name`, to anybody who has it, for `life_seconds`."""
        ...


class Printer(Protocol):
    """Makes PDFs of documents."""

    layout: str
    """Changes with whatever changes the PDF of the same document."""

    def print(self, document: Document) -> bytes:
        """The PDF; the same document gives the same bytes."""
        ...


class Fingerprints(Protocol):
    """Knows a document by its content."""

    def __call__(self, document: Document) -> str:
        """A hash of everything in `document`, in lower-case hexadecimal digits."""
        ...
