"""Ports of the credential services."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.people.accounts.models import (
    User,
)
from chalicelib.domain.people.credentials.models import EmailChange
from chalicelib.kernel.transactions import Write


class EmailChanges(Protocol):
    """Changes of address, and the reservations of addresses."""

    def all_of(self, user_id: str) -> Sequence[EmailChange]:
        """Return the stored changes of the user (strongly consistent), oldest first; at most 100."""
        ...

    def move(self, user: User, change: EmailChange, now: datetime) -> Sequence[Write]:
        """Set the user's address to `change.after`, as proven, and reserve the previous address for this user.

        Voids what was made under the user's password version. Asserts `email_is_free`, and `same_user`: address
        and password version are still those of `user`.
        """
        ...

    def move_back(
        self, user: User, undone: Sequence[EmailChange], password_hash: str, now: datetime
    ) -> Sequence[Write]:
        """Restore the address from before the first of `undone`, set a new password, and delete these changes.

        Asserts `change_stands` for each change, `address_is_kept`, and `same_user`.
        """
        ...
