"""Parts that invoices and credit notes share: heading, buyer, tables and totals."""

from collections.abc import Sequence
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer, Table, TableStyle

from chalicelib.adapters.pdf.pages import WIDTH
from chalicelib.adapters.pdf.style import (
    BODY,
    EMBER,
    HAIRLINE,
    HEAD,
    HEAD_NUMBER,
    INK,
    NUMBER,
    SECTION,
    SELLER,
    SHADE,
    STRONG,
    STRONG_NUMBER,
    TITLE,
    TOTAL,
    TOTAL_NUMBER,
    cell,
    paragraph,
)
from chalicelib.domain.money.billing.models import BillingProfile, Seller

Commands = list[Any]

_LABELS = 25 * mm
_BARE: Commands = [
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]


def head(seller: Seller, title: str) -> Table:
    """The seller's name, and the kind of document."""
    heads = [[paragraph(seller.name, SELLER), paragraph(title, TITLE)]]
    return Table(
        heads, [WIDTH * 0.55, WIDTH * 0.45], style=TableStyle([*_BARE, ("BOTTOMPADDING", (0, 0), (-1, -1), 22)])
    )


def parties(buyer: BillingProfile, facts: Sequence[tuple[str, str]]) -> Table:
    """The buyer on the left; number, dates and other facts on the right."""
    rows = [[paragraph(name, HEAD), paragraph(value)] for name, value in facts]
    right = Table(rows, [_LABELS, WIDTH * 0.45 - _LABELS], style=TableStyle([*_BARE, *_tight(1.5)]))
    left = [paragraph("Billed to", HEAD), Spacer(1, 2), *(_lines(buyer))]
    return Table([[left, right]], [WIDTH * 0.55, WIDTH * 0.45], style=TableStyle(_BARE))


def _lines(buyer: BillingProfile) -> list[Flowable]:
    place = " ".join(filter(None, (buyer.postal_code, buyer.city)))
    address = [*buyer.address_lines, place, buyer.state, buyer.country or ""]
    shown = [paragraph(buyer.name or f"Customer {buyer.customer_id}", STRONG)]
    shown += [paragraph(line) for line in address if line]
    if buyer.vat_number:
        shown.append(paragraph(f"VAT {buyer.vat_number}"))
    return list(shown)


def _tight(points: float) -> Commands:
    return [("TOPPADDING", (0, 0), (-1, -1), points), ("BOTTOMPADDING", (0, 0), (-1, -1), points)]


def section(title: str) -> Flowable:
    """The heading of a section."""
    return paragraph(title, SECTION)


def listing(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float], numbers: int) -> Table:
    """A table whose last `numbers` columns are figures. Its header is repeated on every page.

    A row with a single cell is a heading within the table.
    """
    texts = len(columns) - numbers
    cells = [[paragraph(name, HEAD if place < texts else HEAD_NUMBER) for place, name in enumerate(columns)]]
    commands: Commands = [
        *_tight(2.6),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.35, HAIRLINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    for number, row in enumerate(rows, start=1):
        if len(row) == 1:
            commands += [("SPAN", (0, number), (-1, number)), ("BACKGROUND", (0, number), (-1, number), SHADE)]
            cells.append([paragraph(row[0], STRONG), *[paragraph("")] * (len(columns) - 1)])
        else:
            cells.append([cell(text, BODY if place < texts else NUMBER) for place, text in enumerate(row)])
    return Table(
        cells, [WIDTH * width for width in widths], repeatRows=1, style=TableStyle(commands), hAlign="LEFT"
    )


def totals(
    rows: Sequence[tuple[str, str]], total: tuple[str, str], after: Sequence[tuple[str, str]] = ()
) -> Table:
    """Right-aligned amounts that lead to a total, and the amounts after it."""
    cells = [[paragraph(name), paragraph(value, NUMBER)] for name, value in rows]
    cells.append([paragraph(total[0], TOTAL), paragraph(total[1], TOTAL_NUMBER)])
    cells += [[paragraph(name, STRONG), paragraph(value, STRONG_NUMBER)] for name, value in after]
    place = len(rows)
    commands: Commands = [
        *_tight(2.6),
        ("LINEABOVE", (0, place), (-1, place), 1.2, EMBER),
        ("BACKGROUND", (0, place), (-1, place), SHADE),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    return Table(cells, [WIDTH * 0.31, WIDTH * 0.19], style=TableStyle(commands), hAlign="RIGHT")
