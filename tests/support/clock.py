"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta

START = datetime(2031, 5, 4, 12, 0, 30, tzinfo=UTC)
"""Far from the real now, so that code which asks the machine for the time does not pass by chance."""


class SettableClock:
    """`Clock` for tests."""

    def __init__(self, at: datetime = START) -> None:
        self._now = at

    def now(self) -> datetime:
        """What the test said last."""
        return self._now

    def advance(self, seconds: float) -> datetime:
        """Let `seconds` pass; the new now."""
        self._now += timedelta(seconds=seconds)
        return self._now

    def set(self, at: datetime) -> None:
        """Make it `at`, which must be timezone-aware."""
        if at.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        self._now = at.astimezone(UTC)
