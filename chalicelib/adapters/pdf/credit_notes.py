"""The content of a credit note's PDF."""

from collections.abc import Iterator

from reportlab.platypus import Flowable, Spacer

from chalicelib.adapters.pdf import words
from chalicelib.adapters.pdf.parts import head, listing, parties, section, totals
from chalicelib.adapters.pdf.style import SMALL, paragraph
from chalicelib.domain.money.billing.models import CreditNote


def story(note: CreditNote) -> Iterator[Flowable]:
    """The parts of a credit note, from top to bottom."""
    zone = note.buyer.time_zone
    yield head(note.seller, "Credit note")
    yield parties(
        note.buyer,
        (
            ("Credit note number", note.number),
            ("Date of issue", words.day_in(note.issued_at, zone)),
            ("For invoice", f"{note.invoice_number}\nof {words.day_in(note.invoice_issued_at, zone)}"),
            ("Customer", note.customer_id),
            ("Currency", note.currency),
        ),
    )
    yield section("Given back")
    yield listing(("Reason", note.currency), [(note.reason, words.cents(note.total_cents))], (0.84, 0.16), 1)
    yield Spacer(1, 8)
    net_cents = note.total_cents - note.tax_cents
    yield totals(
        (
            ("Net amount", words.cents(net_cents)),
            (words.tax_line(note.tax), words.cents(note.tax_cents)),
        ),
        (f"Total credit {note.currency}", words.cents(note.total_cents)),
    )
    yield Spacer(1, 8)
    law = words.tax_note(note.tax)
    if law:
        yield paragraph(law)
    booked = f"The amount was added to your balance by ledger entry {note.entry_sequence}."
    yield paragraph(f"{booked} Invoice {note.invoice_number} stays as it was issued.", SMALL)
