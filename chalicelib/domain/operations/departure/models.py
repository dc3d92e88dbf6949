"""Closings, and what stands in their way."""

from dataclasses import dataclass
from datetime import datetime
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
