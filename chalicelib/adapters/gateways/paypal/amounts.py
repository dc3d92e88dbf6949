"""Amounts in PayPal's format: decimal strings with the decimals of the currency.

https://developer.paypal.com/api/rest/reference/currency-codes/
"""

from decimal import Decimal
from typing import Final

from chalicelib.domain.money.top_ups.models import Amount, GatewayRefused
from chalicelib.kernel.money import MICROS_PER_UNIT

_WITHOUT_DECIMALS: Final = frozenset({"HUF", "JPY", "TWD"})
_WITH_TWO: Final = frozenset(
    {
        *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS"),
        *("MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "USD"),
    }
)


def to_money(amount: Amount) -> dict[str, str]:
    """`amount` in PayPal's format.

    Raises:
        GatewayRefused: PayPal does not support the currency, or the amount is not positive or has too many
        decimals.
    """
    if amount.currency not in _WITH_TWO | _WITHOUT_DECIMALS:
        told = f"PayPal does not take {amount.currency}."
        raise GatewayRefused(told, told)
    decimals = 0 if amount.currency in _WITHOUT_DECIMALS else 2
    step = MICROS_PER_UNIT // 10**decimals
    if amount.micros <= 0 or amount.micros % step:
        raise GatewayRefused(
            f"{amount.micros} micros of {amount.currency} cannot be paid",
            f"This amount cannot be paid in {amount.currency}; use fewer decimals.",
        )
    value = Decimal(amount.micros) / MICROS_PER_UNIT
    return {"currency_code": amount.currency, "value": f"{value:.{decimals}f}"}


def from_money(currency_code: str, value: str) -> Amount:
    """Parse PayPal's `value` in `currency_code`.

    Raises:
        ValueError: `value` is not a decimal number, or has more than six decimals.
    """
    try:
        micros = Decimal(value) * MICROS_PER_UNIT
        whole = int(micros)
    except (ArithmeticError, ValueError):
        raise ValueError("not a decimal number") from None
    if whole != micros:
        raise ValueError("finer than a millionth")
    return Amount(whole, currency_code)
