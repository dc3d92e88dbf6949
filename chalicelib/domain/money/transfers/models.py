"""Money that moves between the customers of one user."""

from datetime import date, datetime

from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class TransferRequest:
    """A request to transfer money."""

    from_customer_id: str
    to_customer_id: str
    amount: str
    """A decimal number, in the base currency."""
    note: str
    user_id: str


@dataclass(frozen=True)
class Transfer:
    """A transfer from one customer to another."""

    id: str
    from_customer_id: str
    to_customer_id: str
    amount_micros: int
    note: str
    made_by: str
    at: datetime


@dataclass(frozen=True)
class SentOnDay:
    """The amount that a customer has sent in one day (UTC)."""

    customer_id: str
    day: date
    amount_micros: int = 0
