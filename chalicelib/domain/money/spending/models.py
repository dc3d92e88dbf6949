"""Spend caps, and what is left of them. Days and months are in UTC."""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.domain.money.ledger.models import NOTHING_SPENT, Period, Spending
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds
from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class Caps:
    """The most that may be spent; None if there is no cap."""

    daily_micros: int | None = None
    monthly_micros: int | None = None

    def of(self, period: Period) -> int | None:
        """The cap of a day or of a month."""
        return self.daily_micros if period is Period.DAY else self.monthly_micros


NO_CAPS = Caps()


@dataclass(frozen=True)
class Limit:
    """A cap in the window that contains one moment."""

    period: Period
    cap_micros: int
    spent_micros: int
    starts_at: datetime
    ends_at: datetime
    """The first moment of the next window."""

    @property
    def is_reached(self) -> bool:
        """Whether the cap is used up, so that no machine may run."""
        return self.spent_micros >= self.cap_micros

    @property
    def left_micros(self) -> int:
        """The amount that may still be spent."""
        return max(0, self.cap_micros - self.spent_micros)

    def uses(self, percent: int) -> bool:
        """Whether at least `percent` per cent of the cap are spent."""
        return self.spent_micros * 100 >= self.cap_micros * percent


@dataclass(frozen=True)
class Allowance:
    """The caps of a customer or of an API key, with its spending."""

    caps: Caps = NO_CAPS
    spending: Spending = NOTHING_SPENT

    def limits(self, at: datetime) -> Iterator[Limit]:
        """Each cap that is set, in its window at `at`."""
        second = epoch_seconds(at)
        for period in Period:
            cap_micros = self.caps.of(period)
            if cap_micros is not None:
                start = self.spending.window(period, second).start
                yield Limit(
                    period,
                    cap_micros,
                    self.spending.spent_micros(period, second),
                    from_epoch_seconds(start),
                    from_epoch_seconds(period.end_of(start)),
                )

    def reached(self, at: datetime) -> Limit | None:
        """The reached cap whose window ends last; None if no cap is reached."""
        reached = [limit for limit in self.limits(at) if limit.is_reached]
        return max(reached, key=lambda limit: limit.ends_at, default=None)

    def lacking(self, micros: int, at: datetime) -> Limit | None:
        """The first cap that has less than `micros` left; None if there is none."""
        return next((limit for limit in self.limits(at) if limit.left_micros < micros or limit.is_reached), None)

    def reaches(self, limit: Limit, at: datetime, *, percent: int = 100, skip: int = 0) -> datetime | None:
        """When `percent` of a cap are spent at the current burn, in its window or one of the two after it; None if
        never.

        Args:
            limit: the cap.
            at: now.
            percent: the part of the cap, rounded up.
            skip: how many of these windows to leave out.
        """
        part_micros = -(-limit.cap_micros * percent // 100)
        second = self.spending.reaches(limit.period, part_micros, epoch_seconds(at), skip=skip)
        return None if second is None else from_epoch_seconds(second)


UNLIMITED = Allowance()
