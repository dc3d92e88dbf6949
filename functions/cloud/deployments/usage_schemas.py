"""Requests and responses of the endpoints for usage by hour and by day."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field

from chalicelib.domain.cloud.deployments.usage import UsageSpan
from chalicelib.domain.money.metering.slots import PricedSeconds, UsageSlot
from chalicelib.http import ApiModel, Money, PageQuery, SpanQuery
from chalicelib.kernel.clock import from_epoch_seconds
from chalicelib.kernel.days import local_day


class HourlyUsageQuery(PageQuery, SpanQuery):
    """Selects hours that begin at `from` or later, and before `to`."""

    def span(self) -> UsageSpan:
        """The request as the domain's type."""
        return UsageSpan(self.from_, self.to)


class Days(StrEnum):
    """The time zone of days."""

    UTC = "utc"
    BILLING = "billing"


class DailyUsageQuery(HourlyUsageQuery):
    """Selects days that begin at `from` or later, and before `to`."""

    days: Days = Field(
        default=Days.UTC, description="`billing`: days in the billing profile's time zone, as on invoices"
    )


class PricedSecondsView(ApiModel):
    """A part of an hour or day at one price."""

    price_per_hour: Money
    seconds: int
    amount: Money

    @classmethod
    def of(cls, part: PricedSeconds) -> Self:
        """The view of `part`."""
        price, amount = Money.of(part.price_micros_per_hour), Money.of(part.amount_micros)
        return cls(price_per_hour=price, seconds=part.seconds, amount=amount)


class HourlyUsageView(ApiModel):
    """What a deployment has been charged for one hour so far."""

    start: datetime
    end: datetime = Field(description="where the next one begins")
    seconds: int = Field(description="how long it ran")
    amount: Money
    prices: list[PricedSecondsView] = Field(
        description="in the order of time: more than one where a price changed"
    )

    @classmethod
    def of(cls, slot: UsageSlot) -> Self:
        """The view of `slot`."""
        return cls(**_fields(slot))


class DailyUsageView(HourlyUsageView):
    """What a deployment has been charged for one day so far."""

    day: date

    @classmethod
    def of_day(cls, slot: UsageSlot, time_zone: str) -> Self:
        """The view of `slot`, a day of `time_zone`."""
        return cls(day=local_day(from_epoch_seconds(slot.start), time_zone), **_fields(slot))


def _fields(slot: UsageSlot) -> dict[str, Any]:
    return {
        "start": from_epoch_seconds(slot.start),
        "end": from_epoch_seconds(slot.end),
        "seconds": slot.seconds,
        "amount": Money.of(slot.amount_micros),
        "prices": [PricedSecondsView.of(part) for part in slot.parts],
    }
