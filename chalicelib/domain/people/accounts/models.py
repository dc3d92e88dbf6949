"""Users, customers, memberships, mail links and letters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from chalicelib.domain.foundation.access.models import CustomerStatus, Role, StaffRole

EmailAddress = NewType("EmailAddress", str)
"""An address as `normalise_email` gives it."""
Password = NewType("Password", str)
"""A password in the form in which it is hashed."""

EMAIL_REVERTIBLE = timedelta(hours=72)
"""How long a change of address can be undone from the address before."""


@dataclass(frozen=True)
class User:
    """A person who can sign in."""

    id: str
    email: EmailAddress
    name: str
    password_hash: str
    password_version: int
    """Grows with each new password; what was made under an older one does not outlive it."""
    created_at: datetime
    verified_at: datetime | None
    phone: str = ""
    locale: str = "en"
    """A language tag (BCP 47)."""
    time_zone: str = "UTC"
    """In which times are shown: a name of the IANA time zone database. Invoices have their customer's own."""
    may_be_called: bool = False
    wants_news: bool = False
    muted: "frozenset[Notification]" = frozenset()
    """The mails that the person does without."""
    default_customer_id: str = ""
    """The customer that new sessions act for; empty where it is the oldest."""

    @property
    def is_verified(self) -> bool:
        """Whether the person has shown that the address is theirs."""
        return self.verified_at is not None

    def wants(self, kind: "LetterKind") -> bool:
        """Whether the person is to get such a mail; what is about security or the law, everybody is."""
        return _NOTIFICATIONS.get(kind) not in self.muted


@dataclass(frozen=True)
class Customer:
    """A paying account; people belong to it through memberships."""

    id: str
    name: str
    created_at: datetime
    company: str = ""
    status: CustomerStatus = CustomerStatus.ACTIVE


@dataclass(frozen=True)
class Membership:
    """What a user is in a customer."""

    user_id: str
    customer_id: str
    customer_name: str
    role: Role
    since: datetime


@dataclass(frozen=True)
class Origin:
    """Where a request comes from."""

    ip: str
    user_agent: str
    request_id: str


@dataclass(frozen=True)
class Profile:
    """A user as they see themselves."""

    user: User
    memberships: Sequence[Membership]
    staff_role: StaffRole | None


class LinkPurpose(StrEnum):
    """What following a mailed link does."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 (a purpose, not a password)
    CHANGE_EMAIL = "change_email"
    REVERT_EMAIL = "revert_email"

    @property
    def life(self) -> timedelta:
        """How long such a link can be followed."""
        return _LINK_LIVES[self]


_LINK_LIVES = {
    LinkPurpose.VERIFY_EMAIL: timedelta(hours=24),
    LinkPurpose.RESET_PASSWORD: timedelta(hours=1),
    LinkPurpose.CHANGE_EMAIL: timedelta(hours=24),
    LinkPurpose.REVERT_EMAIL: EMAIL_REVERTIBLE,
}


@dataclass(frozen=True)
class Link:
    """A mailed link, known by the hash of its token; it works once."""

    token_hash: str
    purpose: LinkPurpose
    user_id: str
    password_version: int
    """The user's when the link was made: a new password makes all earlier links void."""
    expires_at: datetime
    subject: str = ""
    """What it is about: the new address of a change, or the change that a revert undoes."""


class LetterKind(StrEnum):
    """The mails that are sent; each has a pair of templates."""

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
    """What a person can do without being told by mail."""

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
    """A mail to be written to whoever has an address, if anybody does."""

    id: str
    kind: LetterKind
    email: EmailAddress
    requested_at: datetime
    values: Mapping[str, str] = field(default_factory=dict)
    """What its templates say beside the name and the link; nothing secret."""
    user_id: str = ""
    """Whose account it is about, where the address is not theirs yet, or not any more."""
    subject: str = ""
    """What its link is about; see `Link.subject`."""
