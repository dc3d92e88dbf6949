"""Months and days of a time zone, as instants."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chalicelib.domain.money.billing.models import Period
from chalicelib.kernel.clock import from_epoch_seconds
from chalicelib.kernel.days import day_around, local_day, midnight

_ZONES_APART = timedelta(hours=26)
"""From UTC−12 to UTC+14."""


def month_of(instant: datetime, time_zone: str) -> Period:
    """The month that `instant` lies in."""
    zone = ZoneInfo(time_zone)
    first = instant.astimezone(zone).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(midnight(first, zone), midnight(following, zone), time_zone)


def next_period(first_entry_at: datetime, time_zone: str, until: datetime | None, earlier_zone: str) -> Period:
    """The month of the first entry that is on no invoice, or what earlier invoices (`until`) have left of it.

    Where the customer has moved to another time zone since, the hours between the two midnights go to the next
    whole month.
    """
    month = month_of(max(first_entry_at, until or first_entry_at), time_zone)
    start = max(month.start, until or month.start)
    if earlier_zone != time_zone and until is not None and month.end - start < _ZONES_APART:
        month = month_of(month.end, time_zone)
    return Period(start, month.end, time_zone)


def day_of(second: int, time_zone: str) -> tuple[date, int]:
    """The day that an epoch second lies in, and the second at which the next one begins."""
    return local_day(from_epoch_seconds(second), time_zone), day_around(second, time_zone)[1]


def year_of(instant: datetime, time_zone: str) -> int:
    """The year that `instant` lies in."""
    return instant.astimezone(ZoneInfo(time_zone)).year
