"""PDFs of invoices and credit notes, drawn with ReportLab."""

from chalicelib.adapters.pdf.printer import PdfPrinter

__all__ = ["PdfPrinter"]
