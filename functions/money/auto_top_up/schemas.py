"""Requests and responses of the auto top-up endpoints."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.money.auto_top_up.models import AutoTopUpRule, AutoTopUpSettings
from chalicelib.domain.money.top_ups.models import Method
from chalicelib.domain.money.top_ups.policy import parse_top_up
from chalicelib.http import ApiModel, Money
from chalicelib.kernel.money import parse_amount
from functions.money.payment_methods.schemas import MethodId

_MIN_MICROS, _MAX_MICROS = 1_000_000, 1_000_000 * 1_000_000


def _bounded(text: str) -> str:
    if not _MIN_MICROS <= parse_amount(text) <= _MAX_MICROS:
        raise ValueError("an amount is from 1.00 to 1000000.00")
    return text


Dollars = Annotated[str, StringConstraints(max_length=20), AfterValidator(_bounded)]


class AutoTopUpBody(ApiModel):
    """When to charge which saved method, and the most to charge."""

    enabled: bool
    low_limit: Dollars = Field(description="charge when less than this is available", examples=["20.00"])
    top_up_amount: Dollars = Field(examples=["50.00"])
    method_id: MethodId
    monthly_cap: Dollars = Field(description="in a calendar month (UTC)", examples=["200.00"])

    def settings(self) -> AutoTopUpSettings:
        """The settings as the domain's type.

        Raises:
            InvalidInput: the amount is outside the limits of a top-up.
        """
        return AutoTopUpSettings(
            enabled=self.enabled,
            low_limit_micros=parse_amount(self.low_limit),
            amount_micros=parse_top_up(Method.CARD, self.top_up_amount, "USD").micros,
            method_id=self.method_id,
            monthly_cap_micros=parse_amount(self.monthly_cap),
        )


class AutoTopUpView(ApiModel):
    """The settings and their progress; if there are none, only `enabled`, which is false."""

    enabled: bool
    low_limit: Money | None = None
    top_up_amount: Money | None = None
    method_id: str | None = None
    monthly_cap: Money | None = None
    charged_this_month: Money | None = Field(default=None, description="including a charge that is running")
    in_flight_top_up_id: str | None = None
    last_started_at: datetime | None = None
    declines: int = Field(default=0, description="since the last successful charge")
    paused: bool = Field(default=False, description="after three declines; saving the settings again ends it")

    @classmethod
    def of(cls, rule: AutoTopUpRule | None, now: datetime) -> Self:
        """The view of `rule` at `now`."""
        if rule is None:
            return cls(enabled=False)
        return cls(
            enabled=rule.settings.enabled,
            low_limit=Money.of(rule.settings.low_limit_micros),
            top_up_amount=Money.of(rule.settings.amount_micros),
            method_id=rule.settings.method_id,
            monthly_cap=Money.of(rule.settings.monthly_cap_micros),
            charged_this_month=Money.of(rule.used_micros(now)),
            in_flight_top_up_id=rule.in_flight or None,
            last_started_at=rule.last_started_at,
            declines=rule.declines,
            paused=rule.paused,
        )
