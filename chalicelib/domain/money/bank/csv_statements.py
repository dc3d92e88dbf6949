"""Reads statements in CSV, in a format of our own for banks that offer no better one.

UTF-8, commas, one line per booking, quotes where a field contains a comma (RFC 4180, except that no field spans
lines: a missing closing quote must not swallow the following lines). The first line names the columns, in any
order:

    account,bank_reference,booked_on,amount,currency,status,payer_name,payer_account,text
    GB29NWBK60161331926819,FP-7781,2026-11-20,100.00,GBP,booked,A Payer,GB94BARC10201530093459,RF… top-up

| column | |
|---|---|
| `account` | our account: IBAN or number |
| `bank_reference` | the bank's own id of the booking, unique in the account |
| `booked_on` | `2026-11-20` |
| `amount` | decimal with a point, up to six decimals; negative for a debit |
| `currency` | ISO 4217 |
| `status` | `booked` or `pending`; optional, `booked` if missing |
| `payer_name`, `payer_account`, `text` | optional |
"""

import csv

from chalicelib.domain.money.bank.models import (
    Invalid,
    Line,
    Passed,
    PassedOver,
    Received,
    Statement,
    StatementRefused,
    Transfer,
    read_amount,
    read_day,
    shown,
)

REQUIRED = ("account", "bank_reference", "booked_on", "amount", "currency")
OPTIONAL = ("status", "payer_name", "payer_account", "text")
MAX_LINES = 20_000
MAX_LINE_BYTES = 8_000
_MAX_LENGTHS = {"account": 34, "bank_reference": 64, "payer_name": 200, "payer_account": 64, "text": 2_000}


def read_csv(raw: bytes) -> Statement:
    """Read every line after the first; blank lines are ignored.

    Raises:
        StatementRefused: the columns are not those of the format, or the file is too long.
    """
    head, *rest = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    columns = _read_columns(head)
    lines = [(number, raw_line) for number, raw_line in enumerate(rest, 2) if raw_line.strip()]
    if len(lines) > MAX_LINES:
        raise StatementRefused(f"A statement has at most {MAX_LINES} lines; split this one.")
    return Statement.of([_read_line(number, raw_line, columns) for number, raw_line in lines])


def _read_columns(head: bytes) -> list[str]:
    try:
        columns = _split(head)
    except ValueError as error:
        raise StatementRefused(f"The first line names the columns, and cannot be read. {error}") from error
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in {*REQUIRED, *OPTIONAL}]
    if missing:
        raise StatementRefused(f"The first line does not name {', '.join(missing)}.")
    if unknown:
        raise StatementRefused(f"The column {shown(unknown[0])} is not known.")
    if len(columns) > len(set(columns)):
        raise StatementRefused("A column is named twice.")
    return columns


def _read_line(number: int, raw_line: bytes, columns: list[str]) -> Line:
    try:
        return _line_of(number, _named(_split(raw_line), columns))
    except ValueError as error:
        return Invalid(number, str(error))


def _split(raw_line: bytes) -> list[str]:
    if len(raw_line) > MAX_LINE_BYTES:
        raise ValueError(f"The line is longer than {MAX_LINE_BYTES} bytes.")
    try:
        text = raw_line.removesuffix(b"\r").decode()
        [fields] = csv.reader([text], strict=True)
    except UnicodeDecodeError as error:
        raise ValueError("The line is not UTF-8.") from error
    except csv.Error as error:
        raise ValueError(f"The line is not CSV: {error}.") from error
    return [field.strip() for field in fields]


def _named(fields: list[str], columns: list[str]) -> dict[str, str]:
    if len(fields) != len(columns):
        raise ValueError(f"The line has {len(fields)} fields; the first line names {len(columns)}.")
    return dict(zip(columns, fields, strict=True))


def _line_of(number: int, fields: dict[str, str]) -> Line:
    for name in ("account", "bank_reference"):
        if not fields[name]:
            raise ValueError(f"The field {name} is empty.")
    for name, longest in _MAX_LENGTHS.items():
        if len(fields.get(name, "")) > longest:
            raise ValueError(f"The field {name} is longer than {longest} characters.")
    transfer = Transfer(
        account=fields["account"],
        amount=read_amount(fields["amount"], fields["currency"]),
        booked_on=read_day(fields["booked_on"]),
        bank_reference=fields["bank_reference"],
        text=fields.get("text", ""),
        payer_name=fields.get("payer_name", ""),
        payer_account=fields.get("payer_account", ""),
    )
    status = fields.get("status") or "booked"
    if status not in {"booked", "pending"}:
        raise ValueError(f"The status {shown(status)} is neither booked nor pending.")
    if transfer.amount.micros < 0:
        return PassedOver(number, Passed.DEBIT)
    if status == "pending":
        return PassedOver(number, Passed.PENDING)
    return Received(number, transfer)
