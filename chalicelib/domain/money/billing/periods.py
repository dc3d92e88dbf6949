"""Billing periods: months and days of a time zone, as instants."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chalicelib.domain.money.billing.models import Period
from chalicelib.kernel.clock import from_epoch_seconds
from chalicelib.kernel.days import day_around, local_day, midnight

_ZONES_APART = timedelta(hours=26)
"""The largest difference between two time zones: from UTC−12 to UTC+14."""


def month_of(instant: datetime, time_zone: str) -> Period:
    """The month that contains `instant`."""
    zone = ZoneInfo(time_zone)
    first = instant.astimezone(zone).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(midnight(first, zone), midnight(following, zone), time_zone)


def next_period(first_entry_at: datetime, time_zone: str, until: datetime | None, earlier_zone: str) -> Period:
    """The period of the next invoice: the month of the first entry that is on no invoice, after `until`.

    Args:
        first_entry_at: the time of that entry.
        time_zone: the customer's time zone.
        until: the end of the last invoice's period; None before the first invoice.
        earlier_zone: the time zone of the last invoice.

    When the customer has moved to another time zone, the hours between the two midnights belong to the next whole
    month.
    """
    month = month_of(max(first_entry_at, until or first_entry_at), time_zone)
    start = max(month.start, until or month.start)
    if earlier_zone != time_zone and until is not None and month.end - start < _ZONES_APART:
        month = month_of(month.end, time_zone)
    return Period(start, month.end, time_zone)


def day_of(second: int, time_zone: str) -> tuple[date, int]:
    """The day that contains `second` (since 1970), and the first second of the next day."""
    return local_day(from_epoch_seconds(second), time_zone), day_around(second, time_zone)[1]


def year_of(instant: datetime, time_zone: str) -> int:
    """The calendar year of `instant` in `time_zone`."""
    return instant.astimezone(ZoneInfo(time_zone)).year
