"""Requests and responses of the exchange rate endpoints."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.money.top_ups.models import Rate
from chalicelib.http import ApiModel

RatedCurrency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3,4}$"), Field(examples=["EUR"])]


class RateBody(ApiModel):
    """The value of one unit."""

    value: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}(\.[0-9]{1,8})?$")] = Field(
        description="dollars for one unit", examples=["1.0850"]
    )


class RateView(ApiModel):
    """The value of one unit of a currency."""

    currency: str
    value: str
    at: datetime
    usable: bool = Field(description="not too old to be used")

    @classmethod
    def of(cls, rate: Rate, *, usable: bool) -> Self:
        """The view of `rate`."""
        return cls(currency=rate.currency, value=str(rate.value), at=rate.at, usable=usable)
