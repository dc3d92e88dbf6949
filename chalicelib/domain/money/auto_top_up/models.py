"""Rules of automatic top-up."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.domain.money.top_ups.models import TopUp, TopUpStatus
from chalicelib.kernel.dataclasses import dataclass

MIN_INTERVAL = timedelta(hours=1)
DECLINES_BEFORE_PAUSE = 3


@dataclass(frozen=True)
class AutoTopUpSettings:
    """The settings that a customer chose."""

    enabled: bool
    low_limit_micros: int
    """Charge when the posted balance, less holds but counting frozen money, is below this amount."""
    amount_micros: int
    method_id: str
    monthly_cap_micros: int
    """The most to charge in a calendar month (UTC)."""


@dataclass(frozen=True)
class AutoTopUpRule:
    """A customer's settings, and the progress of charges under them."""

    customer_id: str
    settings: AutoTopUpSettings
    in_flight: str = ""
    """The id of the top-up that is being charged; empty if there is none."""
    charging_method_id: str = ""
    """The saved method that is being charged; empty if there is none."""
    last_started_at: datetime | None = None
    month: str = ""
    """The month that `month_micros` counts, such as `2026-11`."""
    month_micros: int = 0
    """The amount charged, or being charged, in that month."""
    declines: int = 0
    """The number of declined charges since the last successful one."""
    paused: bool = False
    """Whether charging stopped after too many declines. Saving the settings again ends it."""
    version: int = 0

    @property
    def needs_processing(self) -> bool:
        """Whether the schedule must process this rule: a charge is running, or one may start."""
        return bool(self.in_flight) or (self.settings.enabled and not self.paused)

    def may_start(self, now: datetime) -> bool:
        """Whether the customer's limits allow a charge to start at `now`."""
        if self.in_flight or not self.settings.enabled or self.paused:
            return False
        if self.last_started_at is not None and now - self.last_started_at < MIN_INTERVAL:
            return False
        return self.used_micros(now) + self.settings.amount_micros <= self.settings.monthly_cap_micros

    def used_micros(self, now: datetime) -> int:
        """The part of the monthly cap that is used in the month of `now`."""
        return self.month_micros if self.month == month_of(now) else 0

    def started(self, top_up: TopUp, now: datetime) -> "AutoTopUpRule":
        """The rule after the charge of `top_up` has started."""
        return replace(
            self,
            in_flight=top_up.id,
            charging_method_id=self.settings.method_id,
            last_started_at=now,
            month=month_of(now),
            month_micros=self.used_micros(now) + top_up.amount.micros,
            version=self.version + 1,
        )

    def ended(self, top_up: TopUp) -> "AutoTopUpRule":
        """The rule after `top_up` has ended. A top-up that was not settled does not count towards the cap."""
        after = replace(self, in_flight="", charging_method_id="", version=self.version + 1)
        if top_up.status is TopUpStatus.SETTLED:
            return replace(after, declines=0)
        same_month = self.month == month_of(top_up.created_at)
        declines = self.declines + 1
        return replace(
            after,
            declines=declines,
            paused=declines >= DECLINES_BEFORE_PAUSE,
            month_micros=self.month_micros - (top_up.amount.micros if same_month else 0),
        )


def month_of(instant: datetime) -> str:
    """The calendar month of `instant` (which must be in UTC), such as `2026-11`."""
    return f"{instant:%Y-%m}"
