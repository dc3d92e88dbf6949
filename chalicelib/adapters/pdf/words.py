"""Formats amounts, dates and tax notes for PDFs."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from chalicelib.domain.money.billing.models import BASIS_POINTS, MICROS_PER_CENT, Tax, TaxTreatment
from chalicelib.kernel.money import format_amount

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MINUS = "−"
_PER_PERCENT = BASIS_POINTS // 100
_SECONDS_PER_HOUR = 3600


def cents(amount: int) -> str:
    """123450 as `1,234.50`."""
    return _signed(format_amount(abs(amount) * MICROS_PER_CENT), is_negative=amount < 0)


def micros(amount: int) -> str:
    """1234567891 as `1,234.567891`: always six decimals, so that columns align."""
    whole, _, fraction = format_amount(abs(amount)).partition(".")
    return _signed(f"{whole}.{fraction.ljust(6, '0')}", is_negative=amount < 0)


def _signed(digits: str, *, is_negative: bool) -> str:
    whole, _, fraction = digits.partition(".")
    return f"{_MINUS if is_negative else ''}{int(whole):,}.{fraction}"


def hours(seconds: int) -> str:
    """Seconds as `23:59:30`."""
    minutes, rest = divmod(abs(seconds), 60)
    whole, minutes = divmod(minutes, 60)
    return f"{_MINUS if seconds < 0 else ''}{whole:,}:{minutes:02d}:{rest:02d}"


def percent(basis_points: int) -> str:
    """2550 basis points as `25.5 %`."""
    whole, fraction = divmod(basis_points, _PER_PERCENT)
    return f"{whole}{f'.{fraction:02d}'.rstrip('0') if fraction else ''} %"


def day(value: date) -> str:
    """`4 May 2031`."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def short_day(value: date) -> str:
    """`4 May`."""
    return f"{value.day} {_MONTHS[value.month - 1][:3]}"


def day_in(instant: datetime, time_zone: str) -> str:
    """The day of `instant` in a time zone."""
    return day(instant.astimezone(ZoneInfo(time_zone)).date())


def tax_line(tax: Tax) -> str:
    """The label of the tax amount."""
    if tax.treatment is TaxTreatment.CHARGED:
        return f"VAT {tax.country} {percent(tax.rate_basis_points)}"
    return "VAT (reverse charge)" if tax.treatment is TaxTreatment.REVERSE_CHARGE else "VAT"


def tax_note(tax: Tax) -> str:
    """The note that the law requires on the document (Directive 2006/112/EC, article 226); empty if none."""
    match tax.treatment:
        case TaxTreatment.REVERSE_CHARGE:
            return (
                "Reverse charge: the recipient accounts for the VAT (Directive 2006/112/EC, articles 44 and 196)."
            )
        case TaxTreatment.OUT_OF_SCOPE:
            return "No VAT is charged: the place of supply is outside the seller's country's VAT."
        case TaxTreatment.CHARGED:
            return ""
