"""Ports of the account services."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.foundation.access.models import StaffRole
from chalicelib.domain.people.accounts.models import (
    Customer,
    EmailAddress,
    Letter,
    Link,
    Membership,
    Password,
    User,
)
from chalicelib.kernel.transactions import Write


class Accounts(Protocol):
    """Ledger accounts, one for each customer."""

    def open_account(self, customer_id: str) -> Sequence[Write]:
        """Open an empty account for a new customer."""
        ...


class Users(Protocol):
    """Users, their customers, and their membership of the staff."""

    def get(self, user_id: str) -> User | None:
        """Return the user (strongly consistent)."""
        ...

    def by_email(self, email: EmailAddress) -> User | None:
        """Return the user with this address; the cost is the same whether one exists or not."""
        ...

    def memberships(self, user_id: str) -> Sequence[Membership]:
        """Return the user's memberships, oldest customer first; at most 100."""
        ...

    def members(self, customer_id: str) -> Sequence[Membership]:
        """Return the customer's memberships, oldest user first; at most 100. The index is eventually
        consistent.
        """
        ...

    def staff_role(self, user_id: str) -> StaffRole | None:
        """Return the user's role in the staff, or None if they have none or it is disabled."""
        ...

    def insert(self, user: User) -> Sequence[Write]:
        """Add `user`; asserts `email_is_free`."""
        ...

    def insert_customer(self, customer: Customer, owner: User) -> Sequence[Write]:
        """Add `customer` with `owner` as its first member."""
        ...

    def verify(self, user_id: str, password_version: int, now: datetime) -> Write:
        """Record that the address was proven; asserts `same_password` (the user still has this password
        version).
        """
        ...

    def change_password(self, user: User, password_hash: str, now: datetime) -> Write:
        """Set a new password and mark the address as proven; asserts `same_password` for `user`."""
        ...

    def describe(self, user: User) -> Write:
        """Store the profile of `user`; asserts `user_is_there`."""
        ...

    def choose(self, user: User) -> Write:
        """Store the notification settings and default customer of `user`; asserts `user_is_there`."""
        ...

    def rehash(self, user: User, password_hash: str) -> Write:
        """Store a new hash of the same password; asserts `same_password` for `user`."""
        ...

    def same_password(self, user: User) -> Write:
        """Change nothing; asserts `same_password` for `user`."""
        ...


class Installation(Protocol):
    """The set-up of an installation, which happens once."""

    def is_set_up(self) -> bool:
        """Whether the installation has its first owner."""
        ...

    def set_up(self, owner_user_id: str, now: datetime) -> Write:
        """Record that the first owner exists; asserts `not_set_up`."""
        ...


class Links(Protocol):
    """Mailed links."""

    def get(self, token_hash: str) -> Link | None:
        """Return the link, or None if it was used."""
        ...

    def insert(self, link: Link) -> Write:
        """Add `link`."""
        ...

    def follow(self, link: Link) -> Write:
        """Delete `link`, because it is used; asserts `link_is_unused`."""
        ...


class Letters(Protocol):
    """Mails that wait to be sent. A consumer of the table's stream sends each letter that is added."""

    def add(self, letter: Letter) -> Write:
        """Request that `letter` is sent."""
        ...

    def get(self, letter_id: str) -> Letter | None:
        """Return the letter, or None if it was sent."""
        ...

    def done(self, letter_id: str) -> Write:
        """Delete the letter."""
        ...


class Undeliverable(Exception):
    """The mail was permanently refused: a retry will not help."""


class Mailer(Protocol):
    """Renders and sends mails."""

    def send(self, to: EmailAddress, template: str, values: Mapping[str, str]) -> None:
        """Render `template` (such as a `LetterKind`) with `values` as text and HTML, and send it.

        Raises:
            Undeliverable: the mail was permanently refused; after any other error, try again.
        """
        ...


class KnownPasswords(Protocol):
    """Breached passwords."""

    def is_breached(self, password: Password) -> bool:
        """Whether `password` is on a list of breached passwords."""
        ...


class Passwords(KnownPasswords, Protocol):
    """A slow password hash, and the list of breached passwords."""

    def hash(self, password: Password) -> str:
        """Return a salted hash of `password`, for storage."""
        ...

    def matches(self, password: Password, password_hash: str | None) -> bool:
        """Whether `password` has this hash. For `None`, take equal time and return False."""
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than the current ones."""
        ...
