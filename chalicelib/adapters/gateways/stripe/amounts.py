"""Amounts in Stripe's format: integers of a currency's smallest unit (https://docs.stripe.com/currencies)."""

from typing import Final

from chalicelib.domain.money.top_ups.models import Amount, GatewayRefused
from chalicelib.kernel.money import MICROS_PER_UNIT

_ZERO_DECIMALS: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
"""Without ISK and UGX: they have no decimals, but Stripe writes them with two."""
_THREE_DECIMALS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


def _micros_per_unit(currency: str) -> int:
    if currency in _ZERO_DECIMALS:
        return MICROS_PER_UNIT
    return MICROS_PER_UNIT // (1000 if currency in _THREE_DECIMALS else 100)


def to_minor_units(amount: Amount) -> int:
    """`amount` in Stripe's format.

    Raises:
        GatewayRefused: the amount is not positive, or has more decimals than can be charged in its currency. Of
        the
            three decimals of a dinar the last must be zero.
    """
    unit = _micros_per_unit(amount.currency)
    step = unit * 10 if amount.currency in _THREE_DECIMALS else unit
    if amount.micros <= 0 or amount.micros % step:
        raise GatewayRefused(
            f"{amount.micros} micros of {amount.currency} cannot be charged",
            f"This amount cannot be charged in {amount.currency}; use fewer decimals.",
        )
    return amount.micros // unit


def from_minor_units(units: int, currency: str) -> Amount:
    """The amount that Stripe writes as `units` of `currency`."""
    code = currency.upper()
    return Amount(units * _micros_per_unit(code), code)
