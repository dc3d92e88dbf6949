"""What the counting of attempts needs from outside."""

from typing import Protocol

from chalicelib.domain.people.attempts.models import Tally
from chalicelib.kernel.transactions import Write


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
