"""Ports of billing, besides the records of the ledger and of the meters."""

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
    """Stores billing profiles and documents. Single reads are strongly consistent; documents never change."""

    def profile(self, customer_id: str) -> BillingProfile | None:
        """A customer's billing profile; None if the customer never set one."""
        ...

    def put_profile(self, profile: BillingProfile) -> Write:
        """Set a billing profile; asserts nothing."""
        ...

    def state(self, customer_id: str) -> BillingState | None:
        """How far a customer is invoiced; None before the first invoice."""
        ...

    def replace_state(self, before: BillingState, after: BillingState) -> Write:
        """Replace the state; asserts STATE_UNCHANGED since `before` was read."""
        ...

    def number_range(self, series: Series, seller: str, year: int) -> NumberRange:
        """The numbers that a seller has given out in a year; an unused range if there is no record."""
        ...

    def take_number(self, before: NumberRange, after: NumberRange) -> Write:
        """Give out the next number; asserts NUMBER_FREE: nobody else took it."""
        ...

    def insert_invoice(self, invoice: Invoice) -> Write:
        """Store a new invoice permanently."""
        ...

    def invoice(self, customer_id: str, invoice_id: str) -> Invoice | None:
        """A customer's invoice; None if this customer has no such invoice."""
        ...

    def invoices(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """A customer's invoices, newest first."""
        ...

    def insert_credit_note(self, note: CreditNote) -> Write:
        """Store a new credit note permanently."""
        ...

    def credit_note(self, customer_id: str, credit_note_id: str) -> CreditNote | None:
        """A customer's credit note; None if this customer has no such credit note."""
        ...

    def credit_notes(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """A customer's credit notes, newest first."""
        ...

    def credited(self, customer_id: str, invoice_id: str) -> Credited:
        """How much of an invoice was given back; zero if there is no record."""
        ...

    def replace_credited(self, customer_id: str, before: Credited, after: Credited) -> Write:
        """Record that more was given back; asserts CREDITED_UNCHANGED since `before` was read."""
        ...


class Machine(Protocol):
    """The data about a machine that invoices show."""

    @property
    def name(self) -> str:
        """The name that the customer gave it."""
        ...

    @property
    def instance_type(self) -> str:
        """The instance type that was sold."""
        ...


class Machines(Protocol):
    """Finds the customer's machines."""

    def deployment(self, customer_id: str, deployment_id: str) -> Machine | None:
        """A customer's machine; None if this customer has no such machine."""
        ...


class Printer(Protocol):
    """Makes PDFs of documents."""

    layout: str
    """The version of the layout. It must change when the PDF of the same document would change."""

    def print(self, document: Document) -> bytes:
        """The PDF of `document`; the same document gives the same bytes."""
        ...


class Fingerprints(Protocol):
    """Computes a hash of a document's content."""

    def __call__(self, document: Document) -> str:
        """A hash of everything in `document`, in lower-case hexadecimal digits."""
        ...
