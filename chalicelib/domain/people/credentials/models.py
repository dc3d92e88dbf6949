"""Changes of an account's address."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.people.accounts.models import EmailAddress


@dataclass(frozen=True)
class EmailChange:
    """An account has moved from one address to another, and can be moved back until then."""

    id: str
    user_id: str
    before: EmailAddress
    after: EmailAddress
    revertible_until: datetime

    def is_revertible(self, now: datetime) -> bool:
        """Whether there is time left to move back."""
        return now < self.revertible_until
