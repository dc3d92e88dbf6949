"""Requests and responses of the spend cap endpoints."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.money.spending.models import Caps
from chalicelib.domain.money.spending.service import SpendReport, WindowReport
from chalicelib.http import ApiModel, Money
from chalicelib.kernel.money import parse_amount

_MAX_MICROS = 10_000_000 * 1_000_000


def _bounded(text: str) -> str:
    if not 0 <= parse_amount(text) <= _MAX_MICROS:
        raise ValueError("a cap is from 0.00 to 10000000.00")
    return text


CapAmount = Annotated[str, StringConstraints(max_length=20), AfterValidator(_bounded)]


class SpendCapsBody(ApiModel):
    """Both caps, in USD; null for no cap. With a cap of 0.00 nothing runs."""

    daily_cap: CapAmount | None = Field(description="in a UTC day", examples=["25.00"])
    monthly_cap: CapAmount | None = Field(description="in a calendar month (UTC)", examples=["300.00"])

    def caps(self) -> Caps:
        """The caps as the domain's type."""
        return Caps(
            daily_micros=None if self.daily_cap is None else parse_amount(self.daily_cap),
            monthly_micros=None if self.monthly_cap is None else parse_amount(self.monthly_cap),
        )


class SpendWindowView(ApiModel):
    """What was spent in the current day or month, and its cap."""

    cap: Money | None = Field(description="null where there is none")
    spent: Money = Field(
        description="for the seconds that machines ran in it, including those not yet in the ledger"
    )
    starts_at: datetime
    ends_at: datetime = Field(description="when the next day or month begins, with nothing spent")
    is_reached: bool = Field(description="whether machines are off, or being switched off")
    reached_at: datetime | None = Field(
        description="when the cap will be reached at the current burn; null if reached, or not before the end"
    )

    @classmethod
    def of(cls, window: WindowReport) -> Self:
        """The view of `window`."""
        return cls(
            cap=None if window.cap_micros is None else Money.of(window.cap_micros),
            spent=Money.of(window.spent_micros),
            starts_at=window.starts_at,
            ends_at=window.ends_at,
            is_reached=window.is_reached,
            reached_at=window.reached_at,
        )


class SpendCapsView(ApiModel):
    """A customer's spending and caps."""

    daily: SpendWindowView = Field(description="the UTC day")
    monthly: SpendWindowView = Field(description="the calendar month (UTC)")
    as_of: datetime

    @classmethod
    def of(cls, report: SpendReport) -> Self:
        """The view of `report`."""
        return cls(daily=SpendWindowView.of(report.day), monthly=SpendWindowView.of(report.month), as_of=report.at)
