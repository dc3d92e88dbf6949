"""Closings, and what stands in their way."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Obstacle(StrEnum):
    """What a customer cannot be closed with; a refusal names each, as if it were a field."""

    MACHINES = "machines"
    DEBT = "debt"
    RESERVED = "reserved"
    TOP_UPS = "topUps"
    AUTO_TOP_UP = "autoTopUp"
    INVOICES = "invoices"
    MEMBERS = "members"
    BALANCE = "forfeitBalance"


@dataclass(frozen=True)
class ClosingWish:
    """What the owner asks for."""

    customer_id: str
    user_id: str
    password: str
    code: str | None = None
    forfeited_micros: int | None = None
    """The balance that the owner gives up, to the micro-dollar; None where none was named."""
    reason: str = ""


@dataclass(frozen=True)
class Closing:
    """A customer that was closed, and how far its erasure is."""

    customer_id: str
    user_id: str
    """Who closed it."""
    erases_user: bool
    """Whether that person belonged to nothing else, and so is erased too."""
    closed_at: datetime
    forfeited_micros: int
    reason: str = ""
    erased_at: datetime | None = None


EXPORT_KEPT = timedelta(days=7)
"""As the bucket's rules have it, which remove the file."""


class ExportStatus(StrEnum):
    """Where an export is."""

    REQUESTED = "REQUESTED"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True)
class DataExport:
    """What one person asked for in one customer."""

    id: str
    user_id: str
    customer_id: str
    """The customer that they acted for; empty where for none."""
    requested_at: datetime
    status: ExportStatus = ExportStatus.REQUESTED
    attempts: int = 0
    leased_until: datetime | None = None
    size_bytes: int = 0

    @property
    def key(self) -> str:
        """Where its file is."""
        return f"account-exports/{self.user_id}/{self.id}.zip"

    @property
    def expires_at(self) -> datetime:
        """When it is gone."""
        return self.requested_at + EXPORT_KEPT


@dataclass(frozen=True)
class Member:
    """A file of the archive; its content is made as it is read."""

    name: str
    content: Iterable[bytes]
