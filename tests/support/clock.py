"""A clock that only tests advance."""

from datetime import UTC, datetime, timedelta

START = datetime(2031, 5, 4, 12, 0, 30, tzinfo=UTC)
"""A time far from the real one, so that code that uses the machine's clock fails the tests."""


class SettableClock:
    """`Clock` for tests."""

    def __init__(self, at: datetime = START) -> None:
        self._now = at

    def now(self) -> datetime:
        """The time that the test set."""
        return self._now

    def advance(self, seconds: float) -> datetime:
        """Advance by `seconds`; return the new time."""
        self._now += timedelta(seconds=seconds)
        return self._now

    def set(self, at: datetime) -> None:
        """Set the time to `at`, which must be timezone-aware."""
        if at.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        self._now = at.astimezone(UTC)
