"""Responses of the payment method endpoints."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.money.top_ups.models import Checkout, PaymentMethod
from chalicelib.http import ApiModel

MethodId = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_]{3,80}$"), Field(examples=["pm_1NXWPnCo6bFb1KQto6C8OWvE"])
]


class PaymentMethodView(ApiModel):
    """A saved payment method, which can be charged while the customer is absent."""

    id: str
    label: str = Field(examples=["Visa ending in 4242"])
    expires: str | None = Field(description="the last month in which it can be used", examples=["2030-12"])
    is_default: bool
    created_at: datetime | None

    @classmethod
    def of(cls, method: PaymentMethod) -> Self:
        """The view of `method`."""
        return cls(
            id=method.id,
            label=method.label,
            expires=method.expires or None,
            is_default=method.is_default,
            created_at=method.created_at,
        )


class SavingView(ApiModel):
    """What the gateway's form in the front end needs in order to save a card."""

    client_secret: str | None

    @classmethod
    def of(cls, checkout: Checkout) -> Self:
        """The view of `checkout`."""
        return cls(client_secret=checkout.client_secret)


class PaymentMethodForgotten(ApiModel):
    """The payment method was removed."""

    id: str
