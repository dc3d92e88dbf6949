"""Stored data about sign-ins, besides sessions."""

from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.people.accounts.models import EmailAddress, Origin
from chalicelib.kernel.dataclasses import dataclass

DEVICE_REMEMBERED = timedelta(days=180)


@dataclass(frozen=True)
class KnownDevice:
    """A kind of client in a network from which a user has signed in."""

    fingerprint: str
    last_seen_at: datetime

    def is_forgotten(self, now: datetime) -> bool:
        """Whether it was unused for so long that it counts as new."""
        return now >= self.last_seen_at + DEVICE_REMEMBERED


POLLING_SECONDS = 5


class Answer(StrEnum):
    """The user's answer to a device's request."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True)
class DeviceSignIn:
    """A device that requests a session, found by the hash of its device code."""

    code_hash: str
    user_code: str
    client_name: str
    ip: str
    requested_at: datetime
    expires_at: datetime
    answer: Answer = Answer.WAITING
    user_id: str = ""
    """The user who approved it, and who gets the session."""
    customer_id: str = ""
    """The customer that the approver acted for, and that the session acts for."""
    password_version: int = 0
    """The user's password version at the approval; a new password voids it."""
    has_second_factor: bool = False
    """Whether the approving session was opened with a second factor; the new session inherits this."""
    interval_seconds: int = POLLING_SECONDS
    polled_at: datetime | None = None


@dataclass(frozen=True)
class FailedSignIn:
    """A failed sign-in, with a known or unknown address; identified by its request id."""

    email: EmailAddress
    origin: Origin
