"""What credentials need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.people.accounts.models import (
    User,
)
from chalicelib.domain.people.credentials.models import EmailChange
from chalicelib.kernel.transactions import Write


class EmailChanges(Protocol):
    """Changes of address, and whose addresses are."""

    def all_of(self, user_id: str) -> Sequence[EmailChange]:
        """The user's that are kept, as last written, oldest first; at most 100."""
        ...

    def move(self, user: User, change: EmailChange, now: datetime) -> Sequence[Write]:
        """Give the user the address `change.after`, which is proven now; keep the one before for them alone.

        What was made under the user's password version does not outlive it. Asserts `email_is_free`, and
        `same_user`: address and password version are still those of `user`.
        """
        ...

    def move_back(
        self, user: User, undone: Sequence[EmailChange], password_hash: str, now: datetime
    ) -> Sequence[Write]:
        """Give the user the address before the first of `undone`, with a new password, and forget all of them.

        Asserts `change_stands` of each, `address_is_kept`, and `same_user`.
        """
        ...
