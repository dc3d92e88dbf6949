"""What saved payment methods need from outside."""

from typing import Protocol

from chalicelib.domain.people.accounts.models import User


class PreferredMethods(Protocol):
    """Stores which saved method a customer prefers. Reads are strongly consistent."""

    def preferred(self, customer_id: str) -> str | None:
        """The id of the preferred method, which may be removed by now; None if none was chosen."""
        ...

    def prefer(self, customer_id: str, method_id: str) -> None:
        """Store the choice."""
        ...


class UserLookup(Protocol):
    """Finds users."""

    def get(self, user_id: str) -> User | None:
        """The user; None if there is no such user. Strongly consistent."""
        ...
