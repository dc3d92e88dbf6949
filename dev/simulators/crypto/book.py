"""The simulated chain: invoices with one address each, and the transfers to them. It outlives the process."""

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class TransferStatus(StrEnum):
    """The status of a transfer."""

    SEEN = "seen"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"
    """Never confirmed: replaced, or spent elsewhere."""


class Mark(StrEnum):
    """What staff have decided about an invoice."""

    NONE = ""
    ACCEPTED = "accepted"
    INVALID = "invalid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Transfer(_Record):
    """Tokens that were sent to an invoice's address."""

    tx_hash: str
    asset: str
    network: str
    amount: Decimal
    at: datetime
    status: TransferStatus = TransferStatus.SEEN


class HostedInvoice(_Record):
    """An invoice; `extra` has the vendor's own fields."""

    id: str
    reference: str
    amount: Decimal
    currency: str
    asset: str
    network: str
    address: str
    asked: Decimal
    """The amount, in the asset."""
    created_at: datetime
    expires_at: datetime
    tolerance_percent: Decimal = Decimal(0)
    transfers: list[Transfer] = Field(default_factory=list)
    mark: Mark = Mark.NONE
    expiry_told: bool = False
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def needed(self) -> Decimal:
        """The least amount that pays the invoice."""
        return self.asked * (100 - self.tolerance_percent) / 100

    def received(self, *, final: bool = False, until: datetime | None = None) -> Decimal:
        """The amount received in the invoice's asset: seen or, with `final`, confirmed; up to `until`."""
        return sum(
            (
                transfer.amount
                for transfer in self.transfers
                if transfer.status is not TransferStatus.DROPPED
                and transfer.asset == self.asset
                and (not final or transfer.status is TransferStatus.CONFIRMED)
                and (until is None or transfer.at <= until)
            ),
            Decimal(0),
        )

    @property
    def is_covered(self) -> bool:
        """Whether the seen transfers pay the invoice."""
        return self.received() >= self.needed

    @property
    def is_paid(self) -> bool:
        """Whether the confirmed transfers pay the invoice."""
        return self.received(final=True) >= self.needed

    @property
    def is_late(self) -> bool:
        """Whether the invoice was paid only with transfers after its expiry."""
        return self.is_covered and self.received(until=self.expires_at) < self.needed


class Book(_Record):
    """The state that outlives the process."""

    invoices: dict[str, HostedInvoice] = Field(default_factory=dict)
    clock_offset_seconds: float = 0.0
    serial: int = 0
    seed: str = ""

    def next_token(self, purpose: str) -> str:
        """64 hexadecimal digits, different for each call."""
        self.serial += 1
        return hashlib.sha256(f"{self.seed}/{purpose}/{self.serial}".encode()).hexdigest()

    def find(self, wanted: str) -> HostedInvoice | None:
        """The invoice with this id, or the newest with this reference."""
        if wanted in self.invoices:
            return self.invoices[wanted]
        return next((item for item in reversed(self.invoices.values()) if item.reference == wanted), None)


def seconds(value: float) -> timedelta:
    """A duration of `value` seconds."""
    return timedelta(seconds=value)
