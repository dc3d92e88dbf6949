"""Two clocks: wall time, which the API shows, and lifecycle time, which can run faster."""

import time
from datetime import datetime, timedelta

from chalicelib.kernel.clock import Clock, SystemClock


class LifecycleClock:
    """Lifecycle seconds pass `speed` times as fast as real ones, and never backwards.

    They are counted on the monotonic clock, so a step of the wall clock neither ends nor delays a create. `wall`
    gives the wall time of a lifecycle second, so that events have plausible times at any speed.
    """

    def __init__(self, speed: float = 1.0, start_seconds: float = 0.0, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._speed = speed
        self._anchor_lifecycle_seconds = start_seconds
        self._anchor_monotonic_seconds = time.monotonic()

    @property
    def speed(self) -> float:
        """Lifecycle seconds per real second."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Change the speed from now on.

        Raises:
            ValueError: the speed is not positive.
        """
        if not speed > 0:
            raise ValueError("speed must be greater than 0")
        self._anchor_lifecycle_seconds = self.seconds()
        self._anchor_monotonic_seconds = time.monotonic()
        self._speed = speed

    def skip(self, lifecycle_seconds: float) -> None:
        """Let this many lifecycle seconds pass at once."""
        self._anchor_lifecycle_seconds += lifecycle_seconds

    def seconds(self) -> float:
        """Lifecycle seconds since the start."""
        elapsed = time.monotonic() - self._anchor_monotonic_seconds
        return self._anchor_lifecycle_seconds + elapsed * self._speed

    def now(self) -> datetime:
        """The wall time."""
        return self._clock.now()

    def wall(self, lifecycle_seconds: float) -> datetime:
        """The wall time of a lifecycle second, at the current speed."""
        return self.now() - timedelta(seconds=(self.seconds() - lifecycle_seconds) / self._speed)
