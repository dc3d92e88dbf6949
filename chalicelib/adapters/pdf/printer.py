"""`Printer` with ReportLab. Its import takes a sixth of a second, so it happens only when a PDF is made."""

from chalicelib.domain.money.billing.models import Document, Invoice


class PdfPrinter:
    """Draws documents on A4."""

    layout = "1"

    def print(self, document: Document) -> bytes:
        """The PDF of `document`; see `Printer.print`."""
        from chalicelib.adapters.pdf import credit_notes, invoices
        from chalicelib.adapters.pdf.pages import build

        if isinstance(document, Invoice):
            title, parts = f"Invoice {document.number}", invoices.story(document)
        else:
            title, parts = f"Credit note {document.number}", credit_notes.story(document)
        return build(parts, title=title, seller=document.seller)
