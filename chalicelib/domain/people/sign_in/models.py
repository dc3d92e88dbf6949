"""What is kept of sign-ins, besides sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.people.accounts.models import EmailAddress, Origin

DEVICE_REMEMBERED = timedelta(days=180)


@dataclass(frozen=True)
class KnownDevice:
    """A kind of client in a network, which somebody has signed in from."""

    fingerprint: str
    last_seen_at: datetime

    def is_forgotten(self, now: datetime) -> bool:
        """Whether it was not seen for so long that it counts as new."""
        return now >= self.last_seen_at + DEVICE_REMEMBERED


POLLING_SECONDS = 5


class Answer(StrEnum):
    """What the user said to a device's request."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True)
class DeviceSignIn:
    """A device that wants a session, known by the hash of its code."""

    code_hash: str
    user_code: str
    client_name: str
    ip: str
    requested_at: datetime
    expires_at: datetime
    answer: Answer = Answer.WAITING
    user_id: str = ""
    """Who approved it; the session is theirs."""
    customer_id: str = ""
    """The customer that they acted for, and that the session acts for."""
    password_version: int = 0
    """The user's when they approved: a new password makes it void."""
    has_second_factor: bool = False
    """Whether the session that approved it stood on one; its own then does."""
    interval_seconds: int = POLLING_SECONDS
    polled_at: datetime | None = None


@dataclass(frozen=True)
class FailedSignIn:
    """A wrong password, or an address that nobody has; known by the id of its request."""

    email: EmailAddress
    origin: Origin
