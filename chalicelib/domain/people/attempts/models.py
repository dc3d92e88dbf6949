"""Attempts in a row, and the delay that they cost."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.kernel.clock import later

ATTEMPTS_WITHOUT_DELAY = 3
"""People mistype."""
MAX_DELAY_SECONDS = 15 * 60
FORGOTTEN_AFTER_SECONDS = 24 * 3600


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
