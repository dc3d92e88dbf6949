"""Closings, the obstacles to them, and data exports."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.kernel.dataclasses import dataclass


class Obstacle(StrEnum):
    """A reason why a customer cannot be closed; the refusal lists each as if it were a field."""

    MACHINES = "machines"
    DEBT = "debt"
    RESERVED = "reserved"
    TOP_UPS = "topUps"
    AUTO_TOP_UP = "autoTopUp"
    INVOICES = "invoices"
    MEMBERS = "members"
    BALANCE = "forfeitBalance"


@dataclass(frozen=True)
class ClosingRequest:
    """The owner's request to close a customer."""

    customer_id: str
    user_id: str
    password: str
    code: str | None = None
    forfeited_micros: int | None = None
    """The balance that the owner gives up, exact to the micro-dollar; None if not stated."""
    reason: str = ""


@dataclass(frozen=True)
class Closing:
    """A closed customer, and the progress of its erasure."""

    customer_id: str
    user_id: str
    """The user who closed it."""
    erases_user: bool
    """Whether that user belonged to nothing else, so that they are erased too."""
    closed_at: datetime
    forfeited_micros: int
    reason: str = ""
    erased_at: datetime | None = None


EXPORT_KEPT = timedelta(days=7)
"""The same as in the bucket's lifecycle rule, which deletes the file."""


class ExportStatus(StrEnum):
    """The status of an export."""

    REQUESTED = "REQUESTED"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True)
class DataExport:
    """An export that a user requested for one customer."""

    id: str
    user_id: str
    customer_id: str
    """The customer that the user acted for; empty if none."""
    requested_at: datetime
    status: ExportStatus = ExportStatus.REQUESTED
    attempts: int = 0
    leased_until: datetime | None = None
    size_bytes: int = 0

    @property
    def key(self) -> str:
        """The key of its file."""
        return f"account-exports/{self.user_id}/{self.id}.zip"

    @property
    def expires_at(self) -> datetime:
        """When it expires."""
        return self.requested_at + EXPORT_KEPT


@dataclass(frozen=True)
class Member:
    """A file of the archive; its content is made while it is read."""

    name: str
    content: Iterable[bytes]
