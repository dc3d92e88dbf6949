"""Two times: the wall's, which stands on everything the API shows, and the lifecycles', which can run fast."""

import time
from datetime import datetime, timedelta

from chalicelib.kernel.clock import Clock, SystemClock


class LifecycleClock:
    """Lifecycle seconds pass `speed` times as fast as real ones, and never backwards.

    They are counted on the monotonic clock, so a step of the wall clock neither ends nor stalls a create.
    `wall` gives the instant at which a lifecycle second fell, so that events bear believable times whatever
    the speed is.
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
        """Run at another speed from now on.

        Raises:
            ValueError: the speed is not positive.
        """
        if not speed > 0:
            raise ValueError("speed must be greater than 0")
        self._anchor_lifecycle_seconds = self.seconds()
        self._anchor_monotonic_seconds = time.monotonic()
        self._speed = speed

    def skip(self, lifecycle_seconds: float) -> None:
        """Let so much time have passed at once."""
        self._anchor_lifecycle_seconds += lifecycle_seconds

    def seconds(self) -> float:
        """Lifecycle seconds since the beginning."""
        elapsed = time.monotonic() - self._anchor_monotonic_seconds
        return self._anchor_lifecycle_seconds + elapsed * self._speed

    def now(self) -> datetime:
        """The wall's time."""
        return self._clock.now()

    def wall(self, lifecycle_seconds: float) -> datetime:
        """When, by the wall, that lifecycle second fell (at the speed of today)."""
        return self.now() - timedelta(seconds=(self.seconds() - lifecycle_seconds) / self._speed)
