"""The content of an invoice's PDF."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from reportlab.platypus import CondPageBreak, Flowable, Spacer

from chalicelib.adapters.pdf import words
from chalicelib.adapters.pdf.parts import head, listing, parties, section, totals
from chalicelib.adapters.pdf.style import SMALL, paragraph
from chalicelib.domain.money.billing.models import Invoice, Movement, MovementKind, TaxPoint, UsageLine

_NEEDED = 120  # points that must be free below a section's heading, otherwise it moves to the next page
_REMAINDERS = (
    "The ledger counts in millionths of a dollar. What is left of a cent is carried from line to line, and from "
    "the last line to the next invoice. Usage is invoiced in the month in which it was booked, minutes later."
)
_KINDS = {
    MovementKind.PAYMENT: "Payment received",
    MovementKind.REPAYMENT: "Repaid",
    MovementKind.TRANSFER: "Transfer",
    MovementKind.FORFEIT: "Given up at closing",
    MovementKind.CREDIT: "Credit",
    MovementKind.CREDIT_NOTE: "Credit note",
}
_GATEWAYS = {"stripe": "card", "paypal": "PayPal", "btcpay": "crypto", "oxapay": "crypto", "bank": "bank transfer"}


def story(invoice: Invoice) -> Iterator[Flowable]:
    """The parts of an invoice, from top to bottom."""
    yield head(invoice.seller, "Invoice")
    yield parties(invoice.buyer, _facts(invoice))
    is_for_usage = invoice.totals.tax_point is TaxPoint.USAGE
    yield from _usage(invoice) if is_for_usage else _payments(invoice)
    yield Spacer(1, 8)
    yield totals(
        _sums(invoice), (f"Total {invoice.currency}", words.cents(invoice.totals.total_cents)), _paid(invoice)
    )
    note = words.tax_note(invoice.tax)
    if note:
        yield Spacer(1, 8)
        yield paragraph(note)
    yield from _statement(invoice)
    yield from _movements(invoice)
    yield from _days(invoice)


def _facts(invoice: Invoice) -> Sequence[tuple[str, str]]:
    zone = invoice.period.time_zone
    last = invoice.period.end - invoice.period.end.resolution
    return (
        ("Invoice number", invoice.number),
        ("Date of issue", words.day_in(invoice.issued_at, zone)),
        ("Service period", f"{words.day_in(invoice.period.start, zone)} –\n{words.day_in(last, zone)} ({zone})"),
        ("Customer", invoice.customer_id),
        ("Currency", invoice.currency),
    )


def _usage(invoice: Invoice) -> Iterator[Flowable]:
    """One line for each machine; a later section lists each day."""
    yield section("Cloud services")
    rows = [_machine_row(list(lines)) for lines in _by_machine(invoice.lines)]
    columns = ("Machine", "Type", "Days", "Time h:mm:ss", invoice.currency)
    yield listing(
        columns, rows or [("No machine ran in this period", "", "", "", "")], (0.4, 0.2, 0.1, 0.16, 0.14), 3
    )


def _by_machine(lines: Iterable[UsageLine]) -> Iterator[Iterable[UsageLine]]:
    return (found for _, found in groupby(lines, key=lambda line: (line.deployment_id, line.name)))


def _machine_row(lines: Sequence[UsageLine]) -> Sequence[str]:
    name = lines[0].name
    return (
        name if name == lines[0].deployment_id else f"{name}\n{lines[0].deployment_id}",
        lines[0].instance_type,
        str(len(lines)),
        words.hours(sum(line.seconds for line in lines)),
        words.cents(sum(line.cents for line in lines)),
    )


def _payments(invoice: Invoice) -> Iterator[Flowable]:
    """If tax falls due with the payment, the invoice charges for payments."""
    yield section("Prepaid cloud services")
    rows = _movement_rows(invoice, (MovementKind.PAYMENT, MovementKind.REPAYMENT))
    yield listing(
        (*_MOVEMENT_COLUMNS, invoice.currency), rows or [("No payment in this period", "", "", "")], _WIDE, 1
    )


def _sums(invoice: Invoice) -> Sequence[tuple[str, str]]:
    """The amounts that lead from the lines to the total."""
    found, is_for_usage = invoice.totals, invoice.totals.tax_point is TaxPoint.USAGE
    rows = [
        ("Brought forward", found.brought_forward_cents),
        ("Usage", found.usage_cents) if is_for_usage else ("Payments", found.payments_cents),
        ("Credits applied", -found.credits_applied_cents if is_for_usage else 0),
        ("Carried to the next invoice", found.held_over_cents),
    ]
    sums = [(name, words.cents(amount)) for name, amount in rows if amount or name in {"Usage", "Payments"}]
    return [
        *sums,
        ("Net amount", words.cents(found.net_cents)),
        (words.tax_line(invoice.tax), words.cents(found.tax_cents)),
    ]


def _paid(invoice: Invoice) -> Sequence[tuple[str, str]]:
    total = invoice.totals.total_cents
    how = "Taken from your balance" if invoice.totals.tax_point is TaxPoint.USAGE else "Already paid"
    return ((how, words.cents(-total)), ("Amount due", words.cents(0)))


def _statement(invoice: Invoice) -> Iterator[Flowable]:
    """How the balance changed."""
    found = invoice.summary
    rows = [
        ("Balance at the beginning", found.opening_micros),
        ("Payments, less repayments", found.payments_micros),
        ("Transfers", found.transfers_micros),
        ("Credits", found.credits_micros),
        ("Usage", -found.usage_micros),
        ("Balance at the end", found.closing_micros),
    ]
    kept = [(name, words.micros(amount)) for name, amount in rows if amount or name.startswith("Balance")]
    yield CondPageBreak(_NEEDED)
    yield section("Your account")
    yield listing(("As the ledger has it", invoice.currency), kept, (0.8, 0.2), 1)
    yield Spacer(1, 4)
    entries = f"Ledger entries {invoice.first_sequence} to {invoice.last_sequence}."
    owed = " The balance is below zero: please add funds." if found.closing_micros < 0 else ""
    yield paragraph(f"{entries}{owed}", SMALL)


_MOVEMENT_COLUMNS = ("Date", "What", "Reference")
_WIDE = (0.17, 0.33, 0.34, 0.16)


def _movements(invoice: Invoice) -> Iterator[Flowable]:
    """Payments (this section is their receipt), and all other movements that are not usage."""
    rows = _movement_rows(invoice, tuple(MovementKind))
    if rows:
        yield CondPageBreak(_NEEDED)
        yield section("Payments and credits")
        yield listing((*_MOVEMENT_COLUMNS, invoice.currency), rows, _WIDE, 1)


def _movement_rows(invoice: Invoice, kinds: Sequence[MovementKind]) -> list[Sequence[str]]:
    zone = invoice.period.time_zone
    wanted = (moved for moved in invoice.movements if moved.kind in kinds)
    return [
        (words.day_in(moved.at, zone), _what(moved), moved.reference, words.cents(moved.cents)) for moved in wanted
    ]


def _what(moved: Movement) -> str:
    kind, _, name = moved.source.partition(":")
    how = f" ({_GATEWAYS.get(name, name)})" if kind == "gateway" else ""
    words_ = moved.entry_type.replace("_", " ").capitalize() if moved.kind is MovementKind.REPAYMENT else ""
    return f"{words_ or _KINDS[moved.kind]}{how}" + (f"\n{moved.reason}" if moved.reason else "")


def _days(invoice: Invoice) -> Iterator[Flowable]:
    """Each day of each machine: the amount in the ledger and the amount on the invoice."""
    if not invoice.lines:
        return
    rows: list[Sequence[str]] = []
    for lines in _by_machine(invoice.lines):
        days = list(lines)
        rows.append([" · ".join(filter(None, (days[0].name, days[0].instance_type)))])
        rows += [
            (
                words.day(line.day),
                words.hours(line.seconds),
                words.micros(line.amount_micros),
                words.cents(line.cents),
            )
            for line in days
        ]
    yield CondPageBreak(_NEEDED)
    yield section("Usage by machine and day")
    columns = ("Day", "Time h:mm:ss", f"Ledger {invoice.currency}", f"Invoiced {invoice.currency}")
    yield listing(columns, rows, (0.4, 0.2, 0.2, 0.2), 3)
    yield Spacer(1, 6)
    yield paragraph(_REMAINDERS, SMALL)
