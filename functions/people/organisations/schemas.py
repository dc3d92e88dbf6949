"""Requests and responses of the endpoints for a user's customers."""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.people.accounts.models import Customer
from chalicelib.http import ApiModel
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind

CustomerId = id_of(Kind.CUSTOMER)
CustomerName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f<>]+$"),
    Field(examples=["Acme Marketing"]),
]


class CustomerRequest(ApiModel):
    """The name of a customer."""

    audited_fields: ClassVar[frozenset[str]] = frozenset({"name"})

    name: CustomerName


class CustomerView(ApiModel):
    """A customer."""

    id: str = Field(examples=["cus_01J…"])
    name: str = Field(examples=["Acme Marketing"])
    created_at: datetime

    @classmethod
    def of(cls, customer: Customer) -> Self:
        """The view of `customer`."""
        return cls(id=customer.id, name=customer.name, created_at=customer.created_at)


class SwitchRequest(ApiModel):
    """The customer that the session shall act for."""

    customer_id: id_of(Kind.CUSTOMER)  # type: ignore[valid-type]
