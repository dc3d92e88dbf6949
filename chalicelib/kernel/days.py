"""Calendar days of a time zone, expressed as instants."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which `day` begins; where daylight saving skips midnight, the instant of the change."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def local_day(instant: datetime, time_zone: str) -> date:
    """The calendar day of `instant` in `time_zone` (an IANA name)."""
    return instant.astimezone(ZoneInfo(time_zone)).date()


def day_around(second: int, time_zone: str) -> tuple[int, int]:
    """The day that contains `second` (since 1970): its first second, and the first second of the next day."""
    zone = ZoneInfo(time_zone)
    day = local_day(from_epoch_seconds(second), time_zone)
    return epoch_seconds(midnight(day, zone)), epoch_seconds(midnight(day + timedelta(days=1), zone))
