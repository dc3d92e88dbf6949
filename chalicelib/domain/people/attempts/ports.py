"""Ports of the attempt counter."""

from typing import Protocol

from chalicelib.domain.people.attempts.models import Tally
from chalicelib.kernel.transactions import Write


class Tallies(Protocol):
    """Tallies by name (of an account, for example)."""

    def get(self, name: str) -> Tally | None:
        """Return the tally (strongly consistent)."""
        ...

    def count(self, name: str, before: Tally | None, after: Tally) -> Write:
        """Replace the tally `before` by `after`; asserts `tally_is_fresh` (it is still `before`)."""
        ...

    def clear(self, name: str) -> Write:
        """Delete the tally."""
        ...
