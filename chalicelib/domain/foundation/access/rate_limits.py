"""Rate limits."""

from chalicelib.domain.foundation.access.ports import RateCounters
from chalicelib.kernel.clock import Clock, epoch_seconds, from_epoch_seconds
from chalicelib.kernel.errors import RateLimited


class RateLimiter:
    """Limits calls per fixed window (G45)."""

    def __init__(self, counters: RateCounters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock

    def check(self, name: str, limit: int, window_seconds: int) -> None:
        """Count a call by `name`.

        Raises:
            RateLimited: more than `limit` calls in this window; the error says when the next window starts.
        """
        now = epoch_seconds(self._clock.now())
        start = now - now % window_seconds
        if self._counters.hit(name, from_epoch_seconds(start), window_seconds) > limit:
            raise RateLimited(retry_after_seconds=start + window_seconds - now)
