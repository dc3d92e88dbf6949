"""Consecutive attempts, and the delay that follows from them."""

from datetime import datetime

from chalicelib.kernel.clock import later
from chalicelib.kernel.dataclasses import dataclass

ATTEMPTS_WITHOUT_DELAY = 3
"""People mistype; so the first failures cost no delay."""
MAX_DELAY_SECONDS = 15 * 60
FORGOTTEN_AFTER_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Tally:
    """Consecutive attempts that did not succeed, or whose result is unknown."""

    attempts: int
    last_at: datetime

    @property
    def next_at(self) -> datetime:
        """When the next attempt is allowed: 1, 2, 4, … seconds after the last one, at most 15 minutes."""
        doublings = self.attempts - ATTEMPTS_WITHOUT_DELAY - 1
        return later(self.last_at, min(2**doublings, MAX_DELAY_SECONDS) if doublings >= 0 else 0)

    @property
    def forgotten_at(self) -> datetime:
        """When the attempts are forgotten."""
        return later(self.last_at, FORGOTTEN_AFTER_SECONDS)
