"""Money: an integer number of micro-dollars inside, a decimal string outside, never a float."""

import re
from decimal import Decimal

BASE_CURRENCY = "USD"
MICROS_PER_UNIT = 1_000_000
MAX_AMOUNT_MICROS = 10**15  # a thousand million dollars: far above any real amount, far below 2**63

_DECIMAL = re.compile(r"(?P<sign>-?)(?P<whole>\d{1,10})(?:\.(?P<fraction>\d{1,6}))?", re.ASCII)


def parse_amount(text: str) -> int:
    """Micro-dollars of a decimal string such as `12.34`; at most six decimals.

    Raises:
        ValueError: not a plain decimal number, too many decimals, or beyond `MAX_AMOUNT_MICROS`.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError("an amount is a decimal number with at most six decimals, such as 12.34")
    micros = int(match["whole"]) * MICROS_PER_UNIT + int((match["fraction"] or "").ljust(6, "0"))
    if micros > MAX_AMOUNT_MICROS:
        raise ValueError("an amount is at most 1000000000.00")
    return -micros if match["sign"] else micros


def format_amount(micros: int) -> str:
    """The decimal string of `micros`: two decimals, and up to six where they are not zero."""
    whole, fraction = divmod(abs(micros), MICROS_PER_UNIT)
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{digits}"


def decimal_amount(micros: int) -> Decimal:
    """`micros` as an exact decimal number of dollars, for arithmetic outside the ledger."""
    return Decimal(micros) / MICROS_PER_UNIT
