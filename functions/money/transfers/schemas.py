"""Requests and responses of the transfer endpoints."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.money.transfers.models import Transfer
from chalicelib.http import ApiModel, Money
from functions.money.balance.schemas import CustomerId
from functions.money.top_ups.schemas import DecimalText


class TransferBody(ApiModel):
    """A transfer to another customer of the same user."""

    audited_fields: ClassVar[frozenset[str]] = frozenset({"to_customer_id"})

    to_customer_id: CustomerId
    amount: DecimalText = Field(description="in USD, at least 1.00", examples=["25.00"])
    note: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="", description="both customers see it", examples=["Budget of the spring project"]
    )


class Direction(StrEnum):
    """The direction of a transfer, seen from one customer."""

    IN = "in"
    OUT = "out"


class TransferView(ApiModel):
    """A transfer between two customers, as one of them sees it."""

    id: str
    direction: Direction
    from_customer_id: str
    to_customer_id: str
    amount: Money
    note: str | None
    made_by: str
    at: datetime

    @classmethod
    def of(cls, transfer: Transfer, customer_id: str) -> Self:
        """The view of `transfer` that `customer_id` has."""
        return cls(
            id=transfer.id,
            direction=Direction.OUT if transfer.from_customer_id == customer_id else Direction.IN,
            from_customer_id=transfer.from_customer_id,
            to_customer_id=transfer.to_customer_id,
            amount=Money.of(transfer.amount_micros),
            note=transfer.note or None,
            made_by=transfer.made_by,
            at=transfer.at,
        )
