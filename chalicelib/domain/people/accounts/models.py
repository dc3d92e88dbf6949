"""Users, customers, memberships, mail links and letters."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from chalicelib.domain.foundation.access.models import CustomerStatus, Role, StaffRole
from chalicelib.kernel.dataclasses import dataclass

EmailAddress = NewType("EmailAddress", str)
"""An address as returned by `normalise_email`."""
Password = NewType("Password", str)
"""A password in the normalised form that is hashed."""

EMAIL_REVERTIBLE = timedelta(hours=72)
"""How long the owner of the previous address can undo a change of address."""


@dataclass(frozen=True)
class User:
    """A person who can sign in."""

    id: str
    email: EmailAddress
    name: str
    password_hash: str
    password_version: int
    """Increases with each new password; links, sessions and codes made under an older version are void."""
    created_at: datetime
    verified_at: datetime | None
    phone: str = ""
    locale: str = "en"
    """A language tag (BCP 47)."""
    time_zone: str = "UTC"
    """An IANA time zone name, used to display times to the user. Invoices use the customer's own time zone."""
    may_be_called: bool = False
    wants_news: bool = False
    muted: "frozenset[Notification]" = frozenset()
    """The mails that the user has turned off."""
    default_customer_id: str = ""
    """The customer that new sessions act for; empty means the user's oldest customer."""

    @property
    def is_verified(self) -> bool:
        """Whether the user has proven that they own the address."""
        return self.verified_at is not None

    def wants(self, kind: "LetterKind") -> bool:
        """Whether to send the user a letter of this kind; mails about security or legal matters cannot be turned
        off.
        """
        return _NOTIFICATIONS.get(kind) not in self.muted


@dataclass(frozen=True)
class Customer:
    """An organisation that pays; users belong to it through memberships."""

    id: str
    name: str
    created_at: datetime
    company: str = ""
    status: CustomerStatus = CustomerStatus.ACTIVE


@dataclass(frozen=True)
class Membership:
    """The role of a user in a customer."""

    user_id: str
    customer_id: str
    customer_name: str
    role: Role
    since: datetime


@dataclass(frozen=True)
class Origin:
    """The source of a request."""

    ip: str
    user_agent: str
    request_id: str


@dataclass(frozen=True)
class Profile:
    """A user's own view of their account."""

    user: User
    memberships: Sequence[Membership]
    staff_role: StaffRole | None


class LinkPurpose(StrEnum):
    """The purpose of a mailed link."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 (a purpose, not a password)
    CHANGE_EMAIL = "change_email"
    REVERT_EMAIL = "revert_email"

    @property
    def life(self) -> timedelta:
        """How long a link of this purpose is valid."""
        return _LINK_LIVES[self]


_LINK_LIVES = {
    LinkPurpose.VERIFY_EMAIL: timedelta(hours=24),
    LinkPurpose.RESET_PASSWORD: timedelta(hours=1),
    LinkPurpose.CHANGE_EMAIL: timedelta(hours=24),
    LinkPurpose.REVERT_EMAIL: EMAIL_REVERTIBLE,
}


@dataclass(frozen=True)
class Link:
    """A mailed link, found by the hash of its token; it works once."""

    token_hash: str
    purpose: LinkPurpose
    user_id: str
    password_version: int
    """The user's password version when the link was made; a new password voids all earlier links."""
    expires_at: datetime
    subject: str = ""
    """What the link concerns: the new address of a change, or the id of the change that a revert undoes."""


class LetterKind(StrEnum):
    """The kinds of mail; each has a pair of templates."""

    VERIFY_EMAIL = "verify_email"
    ALREADY_REGISTERED = "already_registered"
    RESET_PASSWORD = "reset_password"  # noqa: S105 (a mail, not a password)
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 (a mail, not a password)
    SESSION_ENDED = "session_ended"
    CONFIRM_EMAIL = "confirm_email"
    EMAIL_TAKEN = "email_taken"
    EMAIL_CHANGED = "email_changed"
    ACCOUNT_CLOSED = "account_closed"
    EXPORT_READY = "export_ready"
    TWO_FACTOR_ON = "two_factor_on"
    TWO_FACTOR_OFF = "two_factor_off"
    NEW_DEVICE = "new_device"
    LOW_BALANCE = "low_balance"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    DELETION_NEAR = "deletion_near"
    MACHINES_DELETED = "machines_deleted"
    SPEND_CAP_NEAR = "spend_cap_near"
    SPEND_CAP_REACHED = "spend_cap_reached"
    SPEND_CAP_LIFTED = "spend_cap_lifted"
    AUTO_TOP_UP_PAUSED = "auto_top_up_paused"
    PRICE_CHANGE = "price_change"
    INVITATION = "invitation"
    STAFF_INVITATION = "staff_invitation"
    OWNERSHIP_OFFER = "ownership_offer"
    OWNERSHIP_CHANGED = "ownership_changed"
    ROLE_CHANGED = "role_changed"
    MEMBER_REMOVED = "member_removed"
    ACCOUNT_OPENED = "account_opened"
    CUSTOMER_BLOCKED = "customer_blocked"
    CUSTOMER_UNBLOCKED = "customer_unblocked"


class Notification(StrEnum):
    """The mails that a user can turn off."""

    LOW_BALANCE = "low_balance"
    RESUMED = "resumed"
    SPEND_CAPS = "spend_caps"
    AUTO_TOP_UP = "auto_top_up"


_NOTIFICATIONS = {
    LetterKind.LOW_BALANCE: Notification.LOW_BALANCE,
    LetterKind.RESUMED: Notification.RESUMED,
    LetterKind.SPEND_CAP_NEAR: Notification.SPEND_CAPS,
    LetterKind.SPEND_CAP_LIFTED: Notification.SPEND_CAPS,
    LetterKind.AUTO_TOP_UP_PAUSED: Notification.AUTO_TOP_UP,
}


@dataclass(frozen=True)
class Letter:
    """A request to send a mail to an address, which may belong to no account."""

    id: str
    kind: LetterKind
    email: EmailAddress
    requested_at: datetime
    values: Mapping[str, str] = field(default_factory=dict)
    """Values for the templates, besides the name and the link; nothing secret."""
    user_id: str = ""
    """The account that the letter is about, if the address is not that account's current address."""
    subject: str = ""
    """The subject of the letter's link; see `Link.subject`."""
