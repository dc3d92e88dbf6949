"""What each failure costs the next attempt: a delay that doubles, for whoever is tried, known or not (G45)."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Protocol

from chalicelib.kernel.clock import Clock, later
from chalicelib.kernel.errors import RateLimited
from chalicelib.kernel.transactions import Transactor, Write, with_fresh_reads

ATTEMPTS_WITHOUT_DELAY = 3
"""People mistype."""
MAX_DELAY_SECONDS = 15 * 60
FORGOTTEN_AFTER_SECONDS = 24 * 3600

_TOO_MANY = "Too many wrong attempts; wait as long as Retry-After says."


@dataclass(frozen=True)
class Tally:
    """Attempts in a row that were not known to succeed."""

    attempts: int
    last_at: datetime

    @property
    def next_at(self) -> datetime:
        """When there may be another: 1, 2, 4, … seconds after the last, and at most a quarter of an hour."""
        doublings = self.attempts - ATTEMPTS_WITHOUT_DELAY - 1
        return later(self.last_at, min(2**doublings, MAX_DELAY_SECONDS) if doublings >= 0 else 0)

    @property
    def forgotten_at(self) -> datetime:
        """When it counts no more."""
        return later(self.last_at, FORGOTTEN_AFTER_SECONDS)


class Tallies(Protocol):
    """Tallies by the name of what is tried."""

    def get(self, name: str) -> Tally | None:
        """The tally, as last written."""
        ...

    def count(self, name: str, before: Tally | None, after: Tally) -> Write:
        """Write `after`; asserts `tally_is_fresh` (it is still `before`)."""
        ...

    def clear(self, name: str) -> Write:
        """Forget the tally."""
        ...


class Turnstile:
    """Lets attempts in, each counted before it is judged, so that many at once are no way around the delay."""

    def __init__(self, tallies: Tallies, transactor: Transactor, clock: Clock) -> None:
        self._tallies = tallies
        self._transactor = transactor
        self._clock = clock

    def enter(self, name: str) -> None:
        """Count an attempt.

        Raises:
            RateLimited: the delay after the last one is not over; nothing was counted.
        """
        with_fresh_reads(lambda: self._count(name), stale=frozenset({"tally_is_fresh"}))

    def succeeded(self, name: str) -> Write:
        """Forget the attempts, together with what they were for."""
        return self._tallies.clear(name)

    def _count(self, name: str) -> None:
        now, before = self._clock.now(), self._tallies.get(name)
        if before is not None and now < before.next_at:
            raise RateLimited(_TOO_MANY, retry_after_seconds=ceil((before.next_at - now).total_seconds()))
        remembered = before.attempts if before is not None and now < before.forgotten_at else 0
        self._transactor.commit([self._tallies.count(name, before, Tally(remembered + 1, now))])
