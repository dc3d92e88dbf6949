"""Reads a bank statement that staff upload: CAMT.053, or our own CSV format."""

from chalicelib.domain.money.bank.camt import read_camt053
from chalicelib.domain.money.bank.csv_statements import read_csv
from chalicelib.domain.money.bank.models import Statement, StatementRefused

MAX_BYTES = 8 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_statement(raw: bytes) -> Statement:
    """Read the file line by line. A line that cannot be read is reported as invalid; the others are still read.

    Raises:
        StatementRefused: the file has neither format, or is too large; no line was read.
    """
    if len(raw) > MAX_BYTES:
        raise StatementRefused(f"A statement has at most {MAX_BYTES // 1024 // 1024} MB; split this one.")
    if b"<" in raw[:64] or raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return read_camt053(raw)
    return read_csv(raw)
