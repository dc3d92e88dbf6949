"""The state of the simulated bank, as plain data that is saved and loaded as one JSON document."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["pending", "booked", "returned"]


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReturnState(_State):
    """A return of part of a transfer."""

    id: str
    key: str
    amount: Decimal
    status: Literal["pending", "done", "failed"] = "done"
    made_at: datetime


class TransferState(_State):
    """A transfer to one of the accounts."""

    id: str
    account: str
    amount: Decimal
    currency: str
    text: str
    payer_name: str
    payer_account: str
    end_to_end_id: str
    bank_reference: str
    status: Status
    arrived_at: datetime
    credited_at: datetime | None = None
    returns: list[ReturnState] = []

    @property
    def booked_on(self) -> date | None:
        """The booking day in UTC, the bank's time zone."""
        return self.credited_at.date() if self.credited_at else None

    @property
    def left(self) -> Decimal:
        """The amount that was not sent back."""
        return self.amount - sum((part.amount for part in self.returns if part.status != "failed"), Decimal(0))


class BankState(_State):
    """The whole state."""

    transfers: dict[str, TransferState] = {}
    last_number: int = Field(default=0, ge=0)
    last_event_number: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Order:
    """A payer's order to send money."""

    text: str
    amount: Decimal
    currency: str
    payer_name: str = "A Payer"
    payer_account: str = "DE02120300000000202051"
    end_to_end_id: str = ""
    is_booked: bool = True
    has_bank_reference: bool = True
