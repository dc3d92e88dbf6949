"""Validates exchange rates from staff and schedules."""

from datetime import datetime
from decimal import Decimal, InvalidOperation

from chalicelib.domain.money.top_ups.models import Rate
from chalicelib.domain.money.top_ups.policy import CURRENCIES
from chalicelib.kernel.errors import InvalidInput

RATED = frozenset(CURRENCIES) - {"USD"} | {"USDT", "USDC"}
_MIN_RATE, _MAX_RATE = Decimal("0.0001"), Decimal(10_000)
_MAX_DECIMALS = 8


def parse_rate(currency: str, value: str, at: datetime) -> Rate:
    """Parse a rate.

    Raises:
        InvalidInput: the currency has no rate, or the value is not plausible.
    """
    if currency not in RATED:
        raise InvalidInput.of("currency", f"There are rates of {', '.join(sorted(RATED))}.")
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise InvalidInput.of("value", "A rate is a decimal number, such as 1.0850.") from None
    exponent = parsed.as_tuple().exponent
    if not parsed.is_finite() or not isinstance(exponent, int) or exponent < -_MAX_DECIMALS:
        raise InvalidInput.of("value", f"A rate has at most {_MAX_DECIMALS} decimals.")
    if not _MIN_RATE <= parsed <= _MAX_RATE:
        raise InvalidInput.of("value", f"A rate is from {_MIN_RATE} to {_MAX_RATE}.")
    return Rate(currency, parsed, at)
