"""Time as a port: the only source of "now" in Hearth, always in UTC."""

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the current time."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The operating system's clock."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC."""
        return datetime.now(UTC)


def epoch_seconds(instant: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return (instant - _EPOCH) // timedelta(seconds=1)


def from_epoch_seconds(seconds: int) -> datetime:
    """The instant that lies `seconds` after 1970-01-01T00:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC)


def isoformat(instant: datetime) -> str:
    """RFC 3339 with microseconds and `Z`: fixed in width, so that text order is time order."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_isoformat(text: str) -> datetime:
    """Parse an RFC 3339 instant; the inverse of `isoformat`. Any offset is accepted.

    Raises:
        ValueError: `text` is not an instant, or has no offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset, such as Z")
    return instant.astimezone(UTC)


def is_time_zone(name: str) -> bool:
    """Whether `name` is a time zone of the IANA database, as the package `tzdata` has it.

    `ZoneInfo` alone would take the operating system's own files too, such as `localtime` and `posixrules`.
    """
    return name in _time_zones()


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())


def later(instant: datetime, seconds: float) -> datetime:
    """`instant` moved by `seconds`."""
    return instant + timedelta(seconds=seconds)
