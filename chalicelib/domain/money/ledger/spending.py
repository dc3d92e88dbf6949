"""What was spent in the current day and month: exact at any second, whatever the schedule of metering.

A second counts for the day (UTC) in which it lies, not for the day on which it was posted. An interval that spans
midnight is divided by the meter's own formula, so late metering takes nothing from the next day's cap.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice

_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86_400
_WINDOWS_AHEAD = 3
"""The current window and two more: of any two consecutive months, one has 31 days, which is the longest."""

Charge = Callable[[int], int]
"""A meter's whole charge from its opening to a second (since 1970), in micro-dollars."""


class Period(StrEnum):
    """The length of a window."""

    DAY = "day"
    MONTH = "month"

    def start_of(self, second: int) -> int:
        """The first second of the day or month (UTC) that contains `second` (since 1970)."""
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
    """What was posted in one day or month."""

    start: int = 0
    """The first second of the window (since 1970)."""
    posted_micros: int = 0
    ahead: int = 0
    """The sum over all open meters of price × the seconds of this window that are posted."""

    def at(self, start: int) -> "Window":
        """The window that begins at `start`; empty if it is later than this one. Windows never go back.

        When a window is left, no open meter is posted beyond `start`: otherwise it would have been left before.
        """
        return self if start <= self.start else Window(start)

    def posted(self, price_micros_per_hour: int, start: int, end: int, charge: Charge) -> "Window":
        """The window after a meter was posted from `start` to `end`; if `end` is before `start`, charges are taken
        back.
        """
        start, end = max(start, self.start), max(end, self.start)
        return replace(
            self,
            posted_micros=self.posted_micros + charge(end) - charge(start),
            ahead=self.ahead + price_micros_per_hour * (end - start),
        )

    def beyond(self, price_micros_per_hour: int, second: int) -> "Window":
        """The window with one more meter, posted up to `second`; one meter less if the price is negative."""
        return replace(self, ahead=self.ahead + price_micros_per_hour * (max(second, self.start) - self.start))

    def spent_micros(self, micros_per_hour: int, second: int) -> int:
        """What was spent up to `second`, including unposted usage; `micros_per_hour` is the price of all open
        meters.
        """
        used = micros_per_hour * (max(second, self.start) - self.start) - self.ahead
        return self.posted_micros + max(0, used // _SECONDS_PER_HOUR)

    def reaches(self, limit_micros: int, micros_per_hour: int) -> int | None:
        """The first second at which `limit_micros` are spent at this burn, even if the window ends before; None if
        never.
        """
        left = limit_micros - self.posted_micros
        if left <= 0:
            return self.start
        if micros_per_hour <= 0:
            return None
        return self.start + -(-(left * _SECONDS_PER_HOUR + self.ahead) // micros_per_hour)


@dataclass(frozen=True)
class Spending:
    """The spending of a customer or of one API key in the current windows, and its rate."""

    micros_per_hour: int = 0
    """The sum of the prices of all open meters."""
    day: Window = Window()
    month: Window = Window()

    def with_meter(self, price_micros_per_hour: int, watermark: int) -> "Spending":
        """The spending with one more meter, which counts from `watermark` on."""
        return self._changed(
            watermark, lambda window: window.beyond(price_micros_per_hour, watermark), price_micros_per_hour
        )

    def moved(self, price_micros_per_hour: int, start: int, end: int, charge: Charge) -> "Spending":
        """The spending after a meter of this price and charge was posted from `start` to `end`."""
        return self._changed(end, lambda window: window.posted(price_micros_per_hour, start, end, charge))

    def without_meter(self, price_micros_per_hour: int, watermark: int, end: int, charge: Charge) -> "Spending":
        """The spending after a meter that was posted up to `watermark` closed at `end`; `end` may be earlier."""
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
        """The day or month that contains `second`."""
        window = self.day if period is Period.DAY else self.month
        return window.at(period.start_of(second))

    def spent_micros(self, period: Period, second: int) -> int:
        """What was spent up to `second` in its day or month."""
        return self.window(period, second).spent_micros(self.micros_per_hour, second)

    def reaches(self, period: Period, limit_micros: int, second: int, *, skip: int = 0) -> int | None:
        """The first second at which `limit_micros` are spent within one day or month, at the current burn.

        Args:
            period: the length of the windows.
            limit_micros: the amount.
            second: selects the first window; the two windows after it are searched too.
            skip: how many of these windows to leave out.

        Returns:
            The start of the first window if the amount is reached already; None if it is never reached.
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
