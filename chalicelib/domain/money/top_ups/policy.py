"""Limits, deadlines and rates of top-ups."""

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from types import MappingProxyType

from chalicelib.domain.money.top_ups.models import DISPUTABLE, Amount, Method, Rate, TopUp, TopUpStatus
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import InvalidInput, Unavailable
from chalicelib.kernel.money import BASE_CURRENCY, MICROS_PER_UNIT, format_amount, parse_amount

RATE_LIFETIME = timedelta(hours=24)
LISTENING_AFTER_END = timedelta(days=30)
"""Money that arrives after a top-up has ended is still credited (G11); BTCPay, too, watches for this long."""


@dataclass(frozen=True)
class CurrencyRule:
    """The limits of a top-up in one currency."""

    decimals: int
    least: str
    most: str


CURRENCIES = MappingProxyType(
    {
        "USD": CurrencyRule(2, "5.00", "10000.00"),
        "EUR": CurrencyRule(2, "5.00", "10000.00"),
        "GBP": CurrencyRule(2, "5.00", "10000.00"),
        "CAD": CurrencyRule(2, "5.00", "10000.00"),
        "CHF": CurrencyRule(2, "5.00", "10000.00"),
        "AED": CurrencyRule(2, "20.00", "40000.00"),
    }
)
CURRENCIES_OF = MappingProxyType(
    {
        Method.CARD: frozenset({"USD"}),
        Method.PAYPAL: frozenset({"USD", "EUR", "GBP", "CAD"}),
        Method.CRYPTO: frozenset({"USD"}),
        Method.BANK_TRANSFER: frozenset(CURRENCIES),
    }
)
_PATIENCE = MappingProxyType(
    {
        Method.CARD: timedelta(hours=24),
        Method.PAYPAL: timedelta(hours=6),
        Method.CRYPTO: timedelta(hours=2),
        Method.BANK_TRANSFER: timedelta(days=30),
    }
)


def parse_top_up(method: Method, amount: str, currency: str) -> Amount:
    """Parse the amount that a customer wants to pay.

    Raises:
        InvalidInput: an unknown currency, too many decimals, or an amount outside the limits.
    """
    if currency not in CURRENCIES_OF[method]:
        known = ", ".join(sorted(CURRENCIES_OF[method]))
        raise InvalidInput.of("currency", f"This way to pay takes {known}.")
    rule = CURRENCIES[currency]
    try:
        micros = parse_amount(amount)
    except ValueError as error:
        raise InvalidInput.of("amount", str(error)) from error
    if micros % (MICROS_PER_UNIT // 10**rule.decimals):
        raise InvalidInput.of("amount", f"{currency} has {rule.decimals} decimals.")
    least, most = parse_amount(rule.least), parse_amount(rule.most)
    if not least <= micros <= most:
        raise InvalidInput.of(
            "amount", f"A top-up is from {format_amount(least)} to {format_amount(most)} {currency}."
        )
    return Amount(micros, currency)


def parse_refund(amount: str, currency: str) -> Amount:
    """Parse the amount that staff want to send back, in the currency that was paid.

    Raises:
        InvalidInput: not a positive amount, or too many decimals.
    """
    try:
        micros = parse_amount(amount)
    except ValueError as error:
        raise InvalidInput.of("amount", str(error)) from error
    decimals = CURRENCIES[currency].decimals
    if micros <= 0 or micros % (MICROS_PER_UNIT // 10**decimals):
        raise InvalidInput.of("amount", f"Give more than 0 {currency}, with at most {decimals} decimals.")
    return Amount(micros, currency)


def current_rate(currency: str, rate: Rate | None, now: datetime) -> str:
    """The value of `rate` as decimal text; 1 for the base currency.

    Raises:
        Unavailable: there is no rate, or it is too old.
    """
    if currency == BASE_CURRENCY:
        return "1"
    if rate is None or now - rate.at > RATE_LIFETIME:
        raise Unavailable(f"There is no current exchange rate for {currency}; try again later.")
    return str(rate.value)


def to_base_micros(amount: Amount, rate: str, rounding: str = ROUND_DOWN) -> int:
    """The value of `amount` in the base currency at `rate`, rounded to a micro-dollar by a mode of `decimal`."""
    return int((Decimal(amount.micros) * Decimal(rate)).to_integral_value(rounding))


def first_deadline(method: Method, now: datetime) -> datetime:
    """The deadline of a payment that is requested at `now`."""
    return now + _PATIENCE[method]


def next_check(top_up: TopUp, now: datetime) -> datetime | None:
    """When to ask the gateway again, in case its webhooks were lost: more and more rarely, and None in the end."""
    age = now - top_up.created_at
    if not top_up.status.is_final:
        return now + min(max(timedelta(minutes=2), age / 4), timedelta(hours=6))
    if top_up.status is TopUpStatus.SETTLED:
        return now + max(timedelta(days=1), age / 2) if age < DISPUTABLE else None
    late = now - top_up.deadline_at
    return now + max(timedelta(hours=1), age / 2) if late < LISTENING_AFTER_END else None
