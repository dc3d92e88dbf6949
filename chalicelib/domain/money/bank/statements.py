"""Reading a statement that staff bring: CAMT.053, or our own CSV."""

from chalicelib.domain.money.bank.camt import read_camt053
from chalicelib.domain.money.bank.csv_statements import read_csv
from chalicelib.domain.money.bank.transfers import Statement, StatementRefused

LARGEST_BYTES = 8 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_statement(raw: bytes) -> Statement:
    """What the file says, line by line: a line that cannot be read is told of, and loses no other.

    Raises:
        StatementRefused: the file is of neither format, or too large; nothing of it is read.
    """
    if len(raw) > LARGEST_BYTES:
        raise StatementRefused(f"A statement has at most {LARGEST_BYTES // 1024 // 1024} MB; split this one.")
    if b"<" in raw[:64] or raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return read_camt053(raw)
    return read_csv(raw)
