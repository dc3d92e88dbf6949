"""The PDF of an invoice: its text, its sums, and its rendering."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pypdfium2
import pytest

from chalicelib.adapters.pdf import PdfPrinter, words
from chalicelib.domain.money.billing.models import (
    MICROS_PER_CENT,
    BillingProfile,
    CreditNote,
    Document,
    Invoice,
    PartyKind,
    TaxPoint,
    UsageLine,
)
from chalicelib.domain.money.ledger.models import EntryType, Operator, gateway_account
from tests.fakes.billing import CUSTOMER, SELLER, Months

DOLLAR = 1_000_000
BUYER = BillingProfile(
    CUSTOMER,
    PartyKind.COMPANY,
    "Ζωγράφου & Søn <b>GmbH</b>",
    ("Ulica Świętokrzyska 12", "株式会社 ✈"),
    "10119",
    "Đà Nẵng",
    country="DE",
    vat_number="DE123456789",
    time_zone="Europe/Berlin",
)


def issued(buyer: BillingProfile = BUYER, tax_point: TaxPoint = TaxPoint.USAGE) -> Invoice:
    """An invoice over a month of two machines, with a credit, a payment and a refund."""
    months = Months(datetime(2031, 4, 2, 9, 30, tzinfo=UTC), replace(SELLER, tax_point=tax_point))
    months.profile(buyer)
    months.post(EntryType.CREDIT, 5 * DOLLAR, Operator.CREDITS, reason="Welcome")
    months.post(EntryType.TOP_UP, 1500 * DOLLAR, gateway_account("stripe"), reference="pi_3PqL2eLkdIwHu7ix0KxZ")
    months.start_machine("dep_web", 123_457)
    months.run_for(3)
    months.start_machine("dep_gpu", 51_890_000)
    months.run_for(1)
    months.stop_machine("dep_gpu", int(months.clock.now().timestamp()))
    months.post(EntryType.REFUND, -10 * DOLLAR, gateway_account("stripe"), reference="re_3PqL2eLkdIwHu7ix0KxZ")
    months.run_for(40)
    (invoice,) = months.issue()
    return invoice


def note_of(invoice: Invoice) -> CreditNote:
    """A credit note for `invoice`."""
    return CreditNote(
        id="crn_1",
        number="HC-CN-2031-000001",
        customer_id=invoice.customer_id,
        issued_at=invoice.issued_at,
        invoice_id=invoice.id,
        invoice_number=invoice.number,
        invoice_issued_at=invoice.issued_at,
        seller=invoice.seller,
        buyer=invoice.buyer,
        currency="USD",
        reason="The machine could not be reached",
        total_cents=1190,
        tax_cents=190,
        tax=invoice.tax,
        entry_sequence=99,
    )


def text_of(document: Document) -> str:
    """The text of the PDF, page after page, on one line."""
    pdf = pypdfium2.PdfDocument(PdfPrinter().print(document))
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in pdf).split())


def test_it_says_who_what_and_how_much() -> None:
    invoice = issued()
    text = text_of(invoice)
    for expected in (
        *("Invoice HC-2031-000001", "Hearth Cloud Oy", "VAT FI01234567", "Business ID 0123456-7"),
        *("Ζωγράφου & Søn <b>GmbH</b>", "Świętokrzyska", "10119 Đà Nẵng", "VAT DE123456789"),
        *("1 April 2031", "30 April 2031 (Europe/Berlin)", "dep_web", "dep_gpu"),
        *("Payment received (card)", "pi_3PqL2eLkdIwHu7ix0KxZ", "1,500.00", "Refund (card)", "−10.00", "Welcome"),
        "Reverse charge: the recipient accounts for the VAT",
        "Page 1 of 2",
    ):
        assert expected in text, expected
    assert f"Total USD {words.cents(invoice.totals.total_cents)}" in text
    assert f"Balance at the end {words.micros(invoice.summary.closing_micros)}" in text


def test_its_figures_come_to_its_total() -> None:
    invoice = issued(replace(BUYER, country="FI", vat_number=None))
    text = text_of(invoice)

    def figure(label: str) -> int:
        digits = text.split(f"{label} ", 1)[1].split(" ", 1)[0]
        return int(digits.replace("−", "-").replace(",", "").replace(".", ""))

    total = figure("Total USD")
    assert total == invoice.totals.total_cents > 100_000
    assert figure("Usage") + figure("Credits applied") == total
    assert figure("Net amount") + figure("VAT FI 25.5 %") == total
    assert figure("Taken from your balance") == -total
    days = [line for line in invoice.lines if f"{words.day(line.day)} {words.hours(line.seconds)}" in text]
    assert len(days) == len(invoice.lines)
    assert sum(line.cents for line in days) == figure("Usage")


def test_if_tax_is_due_on_payment_it_is_on_payments() -> None:
    invoice = issued(replace(BUYER, country="FI", vat_number=None), TaxPoint.TOP_UP)
    text = text_of(invoice)
    assert "Prepaid cloud services" in text
    assert "Total USD 1,490.00 Already paid −1,490.00" in text
    assert "Usage by machine and day" in text


def test_a_credit_note_names_its_invoice() -> None:
    text = text_of(note_of(issued(replace(BUYER, vat_number=None))))
    assert "Credit note number HC-CN-2031-000001" in text
    assert "For invoice HC-2031-000001" in text
    assert "Net amount 10.00 VAT DE 19 % 1.90 Total credit USD 11.90" in text


@pytest.mark.parametrize("document", [issued, lambda: note_of(issued())], ids=["invoice", "credit note"])
def test_every_page_can_be_drawn_and_has_something_on_it(document: Callable[[], Document]) -> None:
    pdf = pypdfium2.PdfDocument(PdfPrinter().print(document()))
    for page in pdf:
        picture = page.render(scale=1).to_pil()
        assert picture.size == (596, 842)  # A4 in points
        ember, ink = picture.convert("RGB").getpixel((300, 3)), picture.convert("L").getextrema()
        assert ember == (0xB8, 0x43, 0x1A)
        assert ink[0] < 80


def test_the_same_document_is_the_same_file() -> None:
    invoice = issued()
    assert PdfPrinter().print(invoice) == PdfPrinter().print(invoice)


def test_a_thousand_lines_and_the_longest_names_fit() -> None:
    invoice = issued(
        replace(BUYER, name="W" * 100, address_lines=("W" * 100, "Ж" * 100, "字" * 100), city="W" * 100)
    )
    day = invoice.lines[0].day
    lines = tuple(
        UsageLine(day + timedelta(days=n % 28), f"dep_{n // 28:04d}", "m" * 63, "t" * 40, 86400, 10_000, 1)
        for n in range(1400)
    )
    text = text_of(replace(invoice, lines=lines))
    assert "dep_0049" in text


def test_every_language_of_the_union_has_its_letters() -> None:
    alphabets = "ÄÖÜßŒœÀÉÈÊËÎÏÔÙÛÇŁŻŹĆŃŚĄĘÓŐŰĂÂȘȚŠŽČĐĶĻŅĢĀĒĪŪŲĖĮĠĦĊΆΈΉΊΌΎΏϊЖЩЪЮЯЙÅØÆÑ¿ÕÐÞ€£"
    text = text_of(issued(replace(BUYER, name=alphabets)))
    assert alphabets in text.replace(" ", "")


@pytest.mark.parametrize(
    ("cents", "said"), [(0, "0.00"), (5, "0.05"), (-5, "−0.05"), (123456789, "1,234,567.89"), (-100, "−1.00")]
)
def test_amounts_read_well(cents: int, said: str) -> None:
    assert words.cents(cents) == said
    assert words.micros(cents * MICROS_PER_CENT) == said + "0000"


def test_times_and_rates_read_well() -> None:
    assert [words.hours(s) for s in (0, 59, 3600, 90_061, -60)] == [
        "0:00:00",
        "0:00:59",
        "1:00:00",
        "25:01:01",
        "−0:01:00",
    ]
    assert [words.percent(p) for p in (2550, 1900, 810, 2005)] == ["25.5 %", "19 %", "8.1 %", "20.05 %"]
