"""Delays the next attempt after each failure; the delay doubles, for known and unknown accounts alike (G45)."""

from math import ceil

from chalicelib.domain.people.attempts.models import Tally
from chalicelib.domain.people.attempts.ports import Tallies
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import RateLimited
from chalicelib.kernel.transactions import Transactor, Write, with_fresh_reads

_TOO_MANY = "Too many wrong attempts; wait as long as Retry-After says."


class AttemptThrottle:
    """Admits attempts. Each is counted before it is checked, so that parallel attempts cannot avoid the delay."""

    def __init__(self, tallies: Tallies, transactor: Transactor, clock: Clock) -> None:
        self._tallies = tallies
        self._transactor = transactor
        self._clock = clock

    def admit(self, name: str) -> None:
        """Count an attempt.

        Raises:
            RateLimited: the delay after the last attempt is not over; this attempt was not counted.
        """
        with_fresh_reads(lambda: self._count(name), stale=frozenset({"tally_is_fresh"}))

    def succeeded(self, name: str) -> Write:
        """Delete the tally; commit this together with the change that the attempt was for."""
        return self._tallies.clear(name)

    def _count(self, name: str) -> None:
        now, before = self._clock.now(), self._tallies.get(name)
        if before is not None and now < before.next_at:
            raise RateLimited(_TOO_MANY, retry_after_seconds=ceil((before.next_at - now).total_seconds()))
        remembered = before.attempts if before is not None and now < before.forgotten_at else 0
        self._transactor.commit([self._tallies.count(name, before, Tally(remembered + 1, now))])
