"""The ledger's entries in formats of other tools: CSV, and the journals of hledger and Beancount.

The tool that reads a journal verifies it: every transaction sums to zero, and balances are asserted as the ledger
has them (hledger after each entry, Beancount at the end), to the micro-dollar.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from chalicelib.domain.money.journals.ports import Chart
from chalicelib.domain.money.ledger.models import Entry, Operator
from chalicelib.kernel.clock import isoformat
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import BASE_CURRENCY, MICROS_PER_UNIT


class ExportFormat(StrEnum):
    """The formats of an export."""

    CSV = "csv"
    HLEDGER = "hledger"
    BEANCOUNT = "beancount"

    @property
    def content_type(self) -> str:
        """The media type of such a file."""
        return "text/csv; charset=utf-8" if self is ExportFormat.CSV else "text/plain; charset=utf-8"

    @property
    def extension(self) -> str:
        """The file name extension."""
        return {ExportFormat.CSV: "csv", ExportFormat.HLEDGER: "journal", ExportFormat.BEANCOUNT: "beancount"}[
            self
        ]


class CustomersChart:
    """The customer's books: the balance is an asset, and the cost of machines is an expense."""

    sign = 1

    def own(self, customer_id: str) -> str:
        """See `Chart.own`."""
        return "Assets:Prepaid"

    def other(self, account: str) -> str:
        """See `Chart.other`."""
        kind, _, name = account.partition(":")
        match kind:
            case "gateway":
                return f"Equity:Payments:{_part(name)}"
            case "customer":
                return f"Equity:Transfers:{_part(name)}"
            case _ if account == Operator.USAGE:
                return "Expenses:Usage"
            case _ if account == Operator.FORFEITS:
                return "Expenses:Forfeits"
            case _:
                return f"Income:{_part(kind)}:{_part(name)}"


class OperatorsChart:
    """The operator's books: customers' balances are liabilities, and usage is income.

    A transfer between customers is in the books of both, and passes through an account that always returns to
    zero.
    """

    sign = -1

    def own(self, customer_id: str) -> str:
        """See `Chart.own`."""
        return f"Liabilities:Customers:{_part(customer_id)}"

    def other(self, account: str) -> str:
        """See `Chart.other`."""
        kind, _, name = account.partition(":")
        match kind:
            case "gateway":
                return f"Assets:Gateways:{_part(name)}"
            case "customer":
                return "Equity:Transfers"
            case _ if account == Operator.USAGE:
                return "Income:Usage"
            case _ if account == Operator.FORFEITS:
                return "Income:Forfeits"
            case _:
                return f"Expenses:{_part(kind)}:{_part(name)}"


def _part(text: str) -> str:
    """`text` as part of an account name: letters, digits and hyphens, starting with a capital or a digit."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-") or "Other"
    return plain[0].upper() + plain[1:]


_COLUMNS = (
    *("customer", "sequence", "id", "at", "type", "source", "destination"),
    *("amount", "change", "balance_after", "currency", "reference", "reason"),
)


def as_csv(entries: Iterable[Entry]) -> Iterator[str]:
    """The rows of a CSV file (RFC 4180)."""
    yield _row(*_COLUMNS)
    for entry in entries:
        yield _row(
            entry.customer_id,
            str(entry.sequence),
            entry.id,
            isoformat(entry.at),
            entry.type,
            entry.posting.source,
            entry.posting.destination,
            _plain(entry.posting.amount_micros),
            _plain(entry.change_micros),
            _plain(entry.balance_after_micros),
            BASE_CURRENCY,
            _no_formula(entry.reference),
            _no_formula(entry.reason),
        )


def _row(*values: str) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


def _no_formula(text: str) -> str:
    """`text`, changed so that a spreadsheet does not read it as a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _plain(micros: int) -> str:
    """Dollars with all six decimals: tools infer their tolerance from the decimals, so this leaves none."""
    whole, fraction = divmod(abs(micros), MICROS_PER_UNIT)
    return f"{'-' if micros < 0 else ''}{whole}.{fraction:06d}"


def _text(text: str) -> str:
    """`text` on one line, without characters that have a meaning in a journal."""
    return re.sub(r"\s+", " ", re.sub(r'["\\;|]', "'", text)).strip()


def _title(entry: Entry) -> str:
    words = entry.type.replace("_", " ")
    return _text(f"{words}: {entry.reason}" if entry.reason else words)


@dataclass(frozen=True)
class _Opening:
    """A customer's balance before the first entry of a journal."""

    customer_id: str
    at: datetime
    micros: int


def _with_openings(entries: Iterable[Entry]) -> Iterator[Entry | _Opening]:
    """`entries`, with each customer's opening balance before the first entry, unless it is zero."""
    seen: set[str] = set()
    for entry in entries:
        if entry.customer_id not in seen:
            seen.add(entry.customer_id)
            before = entry.balance_after_micros - entry.change_micros
            if before:
                yield _Opening(entry.customer_id, entry.at, before)
        yield entry


def as_hledger(entries: Iterable[Entry], chart: Chart) -> Iterator[str]:
    """A journal for hledger (https://hledger.org/hledger.html#journal): each entry asserts its balance."""
    yield f"commodity 1000.000000 {BASE_CURRENCY}\n"
    for found in _with_openings(entries):
        own = chart.own(found.customer_id)
        if isinstance(found, _Opening):
            yield f"\n{_day(found.at)} * opening balance\n"
            yield f"    {own}  {_money(chart.sign * found.micros)}\n    {_OPENING}\n"
            continue
        change, after = chart.sign * found.change_micros, chart.sign * found.balance_after_micros
        yield f"\n{_day(found.at)} * ({found.sequence}) {_title(found)}  ; {_tags(found)}\n"
        yield f"    {own}  {_money(change)} = {_money(after)}\n"
        yield f"    {chart.other(found.counterpart)}  {_money(-change)}\n"


def _tags(entry: Entry) -> str:
    return f"id:{entry.id}, at:{isoformat(entry.at)}, reference:{_text(entry.reference).replace(',', ' ')}"


def as_beancount(entries: Iterable[Entry], chart: Chart) -> Iterator[str]:
    """A journal for Beancount (https://beancount.github.io/docs/beancount_language_syntax.html).

    Accounts are opened before their first use. Each customer's balance is asserted on the day after the last
    entry.
    """
    opened: set[str] = set()
    last: dict[str, Entry] = {}

    def opening(*names: str) -> Iterator[str]:
        for name in names:
            if name not in opened:
                opened.add(name)
                yield f"\n1970-01-01 open {name} {BASE_CURRENCY}\n"

    yield f'option "operating_currency" "{BASE_CURRENCY}"\n'
    for found in _with_openings(entries):
        own = chart.own(found.customer_id)
        if isinstance(found, _Opening):
            yield from opening(own, _OPENING)
            yield f'\n{_day(found.at)} * "opening balance"\n'
            yield f"  {own}  {_money(chart.sign * found.micros)}\n  {_OPENING}\n"
            continue
        last[found.customer_id] = found
        change, other = chart.sign * found.change_micros, chart.other(found.counterpart)
        yield from opening(own, other)
        yield f'\n{_day(found.at)} * "{_title(found)}"\n  id: "{found.id}"\n  at: "{isoformat(found.at)}"\n'
        yield f'  sequence: {found.sequence}\n  reference: "{_text(found.reference)}"\n'
        yield f"  {own}  {_money(change)}\n  {other}  {_money(-change)}\n"
    for customer_id, entry in last.items():
        after = _plain(chart.sign * entry.balance_after_micros)
        following = _day(entry.at) + timedelta(days=1)
        yield f"\n{following} balance {chart.own(customer_id)}  {after} ~ 0 {BASE_CURRENCY}\n"


_OPENING = "Equity:Opening-Balances"


def _money(micros: int) -> str:
    return f"{_plain(micros)} {BASE_CURRENCY}"


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def journal(format_: ExportFormat, entries: Iterable[Entry], chart: Chart) -> Iterator[str]:
    """The text of an export, in pieces."""
    match format_:
        case ExportFormat.CSV:
            return as_csv(entries)
        case ExportFormat.HLEDGER:
            return as_hledger(entries, chart)
        case ExportFormat.BEANCOUNT:
            return as_beancount(entries, chart)
