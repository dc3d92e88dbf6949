"""Pages: a footer with the seller's data and the page number on each, and a coloured band at the top."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from chalicelib.adapters.pdf.style import EMBER, HAIRLINE, QUIET, REGULAR, register_fonts
from chalicelib.domain.money.billing.models import Seller

MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN
_FOOT = 24 * mm
_FOOT_SIZE = 7
_FOOT_LEADING = 9.5
_BAND = 3 * mm


def build(story: Iterable[Flowable], *, title: str, seller: Seller) -> bytes:
    """The PDF with the parts in `story`; the same parts give the same bytes."""
    register_fonts()
    file = BytesIO()
    document = BaseDocTemplate(
        file,
        pagesize=A4,
        title=title,
        author=seller.name,
        lang="en",
        invariant=1,  # no creation time, no random id
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=_FOOT,
    )
    frame = Frame(
        MARGIN, _FOOT, WIDTH, A4[1] - MARGIN - _FOOT, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0
    )
    document.addPageTemplates([PageTemplate(id="page", frames=[frame])])
    document.build(list(story), canvasmaker=_numbered(title, seller))
    return file.getvalue()


def _numbered(title: str, seller: Seller) -> Callable[..., Canvas]:
    """A canvas class that keeps its pages until it knows their number."""

    class Numbered(Canvas):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 (ReportLab's name)
            self._pages.append(dict(self.__dict__))
            self._startPage()  # type: ignore[attr-defined]

        def save(self) -> None:
            for number, page in enumerate(self._pages, start=1):
                self.__dict__.update(page)
                _draw_frame(self, title, seller, number, len(self._pages))
                super().showPage()
            super().save()

    return Numbered


def _draw_frame(canvas: Canvas, title: str, seller: Seller, number: int, count: int) -> None:
    """Draw the band at the top, and the footer."""
    canvas.setFillColor(EMBER)
    canvas.rect(0, A4[1] - _BAND, A4[0], _BAND, stroke=0, fill=1)
    canvas.setStrokeColor(HAIRLINE)
    canvas.setLineWidth(0.5)
    canvas.line(MARGIN, _FOOT - 4 * mm, A4[0] - MARGIN, _FOOT - 4 * mm)
    canvas.setFillColor(QUIET)
    canvas.setFont(REGULAR, _FOOT_SIZE)
    address = " · ".join((seller.name, *seller.address_lines, seller.country))
    particulars = " · ".join(filter(None, (seller.registration, _vat(seller), seller.email, seller.website)))
    top = _FOOT - 9 * mm
    canvas.drawString(MARGIN, top, address)
    canvas.drawString(MARGIN, top - _FOOT_LEADING, particulars)
    canvas.drawRightString(A4[0] - MARGIN, top, title)
    canvas.drawRightString(A4[0] - MARGIN, top - _FOOT_LEADING, f"Page {number} of {count}")


def _vat(seller: Seller) -> str:
    return f"VAT {seller.vat_number}" if seller.vat_number else ""
