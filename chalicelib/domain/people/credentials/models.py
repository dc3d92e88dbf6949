"""Changes of an account's address."""

from datetime import datetime

from chalicelib.domain.people.accounts.models import EmailAddress
from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class EmailChange:
    """An account's move from one address to another, with the time until which it can be undone."""

    id: str
    user_id: str
    before: EmailAddress
    after: EmailAddress
    revertible_until: datetime

    def is_revertible(self, now: datetime) -> bool:
        """Whether the change can still be undone."""
        return now < self.revertible_until
