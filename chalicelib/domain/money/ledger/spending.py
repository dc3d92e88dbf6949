"""What was spent in the current day and month: exact, at any second, whatever the schedule of metering does.

Seconds count for the day (UTC) that they lie in, not for the one in which they were posted. So an interval that
spans midnight is divided by the meter's own formula, and metering late takes nothing from the next day's cap.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice

_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86_400
_WINDOWS_AHEAD = 3
"""This one and two more: of any two months that follow, one is as long as any."""

Charge = Callable[[int], int]
"""A meter's whole charge from its opening to a second (since 1970), in micro-dollars."""


class Period(StrEnum):
    """How long a window is."""

    DAY = "day"
    MONTH = "month"

    def start_of(self, second: int) -> int:
        """The first second of the day or month (UTC) in which `second` (since 1970) lies."""
        if self is Period.DAY:
            return second - second % _SECONDS_PER_DAY
        day = datetime.fromtimestamp(second, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp())

    def end_of(self, start: int) -> int:
        """The first second after the window that begins at `start`."""
        if self is Period.DAY:
            return start + _SECONDS_PER_DAY
        return self.start_of(start + 31 * _SECONDS_PER_DAY)


@dataclass(frozen=True)
class Window:
    """What was spent in one day or month, as far as it is posted."""

    start: int = 0
    """Its first second (since 1970)."""
    posted_micros: int = 0
    ahead: int = 0
    """Of all open meters together, price × the window's seconds that are posted."""

    def at(self, start: int) -> "Window":
        """The window from `start` on, which is empty where this one is over; windows never go back.

        No open meter is posted beyond `start` then, or this window would have been left before.
        """
        return self if start <= self.start else Window(start)

    def posted(self, price_micros_per_hour: int, start: int, end: int, charge: Charge) -> "Window":
        """With a meter of this price posted from `start` to `end` (before `start`: taken back to it)."""
        start, end = max(start, self.start), max(end, self.start)
        return replace(
            self,
            posted_micros=self.posted_micros + charge(end) - charge(start),
            ahead=self.ahead + price_micros_per_hour * (end - start),
        )

    def beyond(self, price_micros_per_hour: int, second: int) -> "Window":
        """With a meter more (fewer, where its price is negative) that is posted up to `second`."""
        return replace(self, ahead=self.ahead + price_micros_per_hour * (max(second, self.start) - self.start))

    def spent_micros(self, micros_per_hour: int, second: int) -> int:
        """With what meters of this price in total have used up to `second` and is not posted yet."""
        used = micros_per_hour * (max(second, self.start) - self.start) - self.ahead
        return self.posted_micros + max(0, used // _SECONDS_PER_HOUR)

    def reaches(self, limit_micros: int, micros_per_hour: int) -> int | None:
        """The first second at which `limit_micros` are spent at this burn, be it after the window's end."""
        left = limit_micros - self.posted_micros
        if left <= 0:
            return self.start
        if micros_per_hour <= 0:
            return None
        return self.start + -(-(left * _SECONDS_PER_HOUR + self.ahead) // micros_per_hour)


@dataclass(frozen=True)
class Spending:
    """What meters have cost in the current windows, and how fast they go on; of a customer, or of one API key."""

    micros_per_hour: int = 0
    """The prices of all open meters."""
    day: Window = Window()
    month: Window = Window()

    def with_meter(self, price_micros_per_hour: int, watermark: int) -> "Spending":
        """One meter more, which counts from `watermark` on."""
        return self._changed(
            watermark, lambda window: window.beyond(price_micros_per_hour, watermark), price_micros_per_hour
        )

    def moved(self, price_micros_per_hour: int, start: int, end: int, charge: Charge) -> "Spending":
        """A meter of this price and charge has been posted from `start` to `end`."""
        return self._changed(end, lambda window: window.posted(price_micros_per_hour, start, end, charge))

    def without_meter(self, price_micros_per_hour: int, watermark: int, end: int, charge: Charge) -> "Spending":
        """A meter that was posted up to `watermark` has closed at `end`, and is posted or taken back to it."""
        return self._changed(
            end,
            lambda window: window.posted(price_micros_per_hour, watermark, end, charge).beyond(
                -price_micros_per_hour, end
            ),
            -price_micros_per_hour,
        )

    def _changed(
        self, second: int, change: Callable[[Window], Window], price_micros_per_hour: int = 0
    ) -> "Spending":
        return Spending(
            self.micros_per_hour + price_micros_per_hour,
            change(self.window(Period.DAY, second)),
            change(self.window(Period.MONTH, second)),
        )

    def window(self, period: Period, second: int) -> Window:
        """The day or month of `second`."""
        window = self.day if period is Period.DAY else self.month
        return window.at(period.start_of(second))

    def spent_micros(self, period: Period, second: int) -> int:
        """What was spent in the day or month of `second`, up to it."""
        return self.window(period, second).spent_micros(self.micros_per_hour, second)

    def reaches(self, period: Period, limit_micros: int, second: int, *, skip: int = 0) -> int | None:
        """The first second at which `limit_micros` are spent in a day or month, at the present burn.

        Args:
            period: of what length.
            limit_micros: what is to be reached.
            second: which window comes first; the two after it follow.
            skip: how many of them do not matter.

        Returns:
            Where it is reached already, the start of the first window; None where it never is.
        """
        for window in islice(self._windows(period, second), skip, None):
            reached = window.reaches(limit_micros, self.micros_per_hour)
            if reached is not None and reached < period.end_of(window.start):
                return reached
        return None

    def _windows(self, period: Period, second: int) -> Iterator[Window]:
        window = self.window(period, second)
        for _ in range(_WINDOWS_AHEAD):
            yield window
            window = Window(period.end_of(window.start))


NOTHING_SPENT = Spending()
