"""Days of a time zone, as instants."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When `day` begins: where the clocks skip midnight, the moment at which they do."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def local_day(instant: datetime, time_zone: str) -> date:
    """The day that `instant` lies in."""
    return instant.astimezone(ZoneInfo(time_zone)).date()


def day_around(second: int, time_zone: str) -> tuple[int, int]:
    """The day that a second (since 1970) lies in: its first second, and the first of the next."""
    zone = ZoneInfo(time_zone)
    day = local_day(from_epoch_seconds(second), time_zone)
    return epoch_seconds(midnight(day, zone)), epoch_seconds(midnight(day + timedelta(days=1), zone))
