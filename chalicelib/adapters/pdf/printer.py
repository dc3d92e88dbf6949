"""`Printer` on ReportLab."""

from chalicelib.adapters.pdf import credit_notes, invoices
from chalicelib.adapters.pdf.pages import build
from chalicelib.adapters.pdf.style import register_fonts
from chalicelib.billing.models import Document, Invoice


class PdfPrinter:
    """Draws documents on A4."""

    layout = "1"

    def print(self, document: Document) -> bytes:
        """The PDF of `document`; see `Printer.print`."""
        register_fonts()
        if isinstance(document, Invoice):
            title, parts = f"Invoice {document.number}", list(invoices.story(document))
        else:
            title, parts = f"Credit note {document.number}", list(credit_notes.story(document))
        return build(parts, title=title, seller=document.seller)
