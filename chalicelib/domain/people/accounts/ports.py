"""What identity needs from outside."""

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
    """The ledger's accounts, one a customer."""

    def open_account(self, customer_id: str) -> Sequence[Write]:
        """Give a new customer its account, with nothing on it."""
        ...


class Users(Protocol):
    """People, the customers they belong to, and their place in the staff."""

    def get(self, user_id: str) -> User | None:
        """The user, as last written."""
        ...

    def by_email(self, email: EmailAddress) -> User | None:
        """Who has this address, at the same cost whether anybody does or not."""
        ...

    def memberships(self, user_id: str) -> Sequence[Membership]:
        """What the user is in which customers, oldest first; at most 100."""
        ...

    def members(self, customer_id: str) -> Sequence[Membership]:
        """Who belongs to the customer, oldest user first; at most 100, and the index may lag behind by moments."""
        ...

    def staff_role(self, user_id: str) -> StaffRole | None:
        """The user's place in the operator's staff, while it is in force."""
        ...

    def insert(self, user: User) -> Sequence[Write]:
        """Add `user`; asserts `email_is_free`."""
        ...

    def insert_customer(self, customer: Customer, owner: User) -> Sequence[Write]:
        """Add `customer` with `owner` as its first member."""
        ...

    def verify(self, user_id: str, password_version: int, now: datetime) -> Write:
        """Note that the address was proven; asserts `same_password` (the version is still this one)."""
        ...

    def change_password(self, user: User, password_hash: str, now: datetime) -> Write:
        """Set a new password, which proves the address too; asserts `same_password` as `user` has it."""
        ...

    def describe(self, user: User) -> Write:
        """Keep what `user` says of themselves; asserts `user_is_there`."""
        ...

    def choose(self, user: User) -> Write:
        """Keep what `user` wants to be told, and which customer they choose; asserts `user_is_there`."""
        ...

    def rehash(self, user: User, password_hash: str) -> Write:
        """Keep the same password in a newer form; asserts `same_password` as `user` has it."""
        ...

    def same_password(self, user: User) -> Write:
        """Change nothing; asserts `same_password` as `user` has it."""
        ...


class Installation(Protocol):
    """What happens once in the life of an installation."""

    def is_set_up(self) -> bool:
        """Whether there is a first owner."""
        ...

    def set_up(self, owner_user_id: str, now: datetime) -> Write:
        """Note that there is; asserts `not_set_up`."""
        ...


class Links(Protocol):
    """Mailed links."""

    def get(self, token_hash: str) -> Link | None:
        """The link, unless it was followed."""
        ...

    def insert(self, link: Link) -> Write:
        """Add `link`."""
        ...

    def follow(self, link: Link) -> Write:
        """Use `link` up; asserts `link_is_unused`."""
        ...


class Letters(Protocol):
    """Mails that wait to be written. Adding one starts the writing (through the table's stream)."""

    def add(self, letter: Letter) -> Write:
        """Ask for `letter`."""
        ...

    def get(self, letter_id: str) -> Letter | None:
        """The letter, unless it was sent."""
        ...

    def done(self, letter_id: str) -> Write:
        """Forget the letter."""
        ...


class Undeliverable(Exception):
    """The mail was refused for good: sending it again will not help."""


class Mailer(Protocol):
    """Writes and sends mails."""

    def send(self, to: EmailAddress, template: str, values: Mapping[str, str]) -> None:
        """Render `template` (a `LetterKind`, say) with `values` as text and HTML, and send it.

        Raises:
            Undeliverable: it was refused for good; any other failure is worth another attempt.
        """
        ...


class KnownPasswords(Protocol):
    """Passwords that others know."""

    def is_breached(self, password: Password) -> bool:
        """Whether `password` is on a list of known ones, and therefore worth nothing."""
        ...


class Passwords(KnownPasswords, Protocol):
    """A slow hash, and what is not worth hashing."""

    def hash(self, password: Password) -> str:
        """What is kept of `password`, salted."""
        ...

    def matches(self, password: Password, password_hash: str | None) -> bool:
        """Whether `password` is the one; against nobody's (None) it takes as long and is never."""
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than today's."""
        ...
