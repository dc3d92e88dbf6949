"""Shows invoices and credit notes, as data and as PDFs."""

from datetime import datetime

from chalicelib.domain.foundation.files.ports import Files
from chalicelib.domain.money.billing.models import CreditNote, Document, DocumentSummary, Invoice
from chalicelib.domain.money.billing.ports import BillingRecords, Fingerprints, Printer
from chalicelib.kernel.clock import Clock, later
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.pages import Page, PageRequest

LINK_LIFE_SECONDS = 300
_PDF = "application/pdf"


@dataclass(frozen=True)
class Link:
    """A link to a file. Everybody who has the link can download the file until `expires_at`."""

    url: str
    expires_at: datetime


class Documents:
    """Finds customers' documents. A PDF is made on first request and stored under the hash of its content."""

    def __init__(
        self, records: BillingRecords, files: Files, printer: Printer, fingerprint: Fingerprints, clock: Clock
    ) -> None:
        self._records = records
        self._files = files
        self._printer = printer
        self._fingerprint = fingerprint
        self._clock = clock

    def invoices(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """A customer's invoices, newest first."""
        return self._records.invoices(customer_id, page)

    def credit_notes(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """A customer's credit notes, newest first."""
        return self._records.credit_notes(customer_id, page)

    def invoice(self, customer_id: str, invoice_id: str) -> Invoice:
        """One invoice.

        Raises:
            NotFound: this customer has no such invoice.
        """
        found = self._records.invoice(customer_id, invoice_id)
        if found is None:
            raise NotFound("You have no such invoice.")
        return found

    def credit_note(self, customer_id: str, credit_note_id: str) -> CreditNote:
        """One credit note.

        Raises:
            NotFound: this customer has no such credit note.
        """
        found = self._records.credit_note(customer_id, credit_note_id)
        if found is None:
            raise NotFound("You have no such credit note.")
        return found

    def pdf(self, document: Document) -> Link:
        """A link to the document's PDF; the PDF is made if there is none yet."""
        content = f"{self._fingerprint(document)}-{self._printer.layout}"
        key = f"invoices/{document.customer_id}/{document.id}/{content}.pdf"
        if not self._files.has(key):
            self._files.keep(key, self._printer.print(document), _PDF)
        url = self._files.link(key, f"{document.number}.pdf", LINK_LIFE_SECONDS)
        return Link(url, later(self._clock.now(), LINK_LIFE_SECONDS))
