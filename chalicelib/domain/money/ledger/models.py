"""Accounts, postings, entries, holds.

A posting moves an amount from a source to a destination (double entry). Only customers' accounts store a balance.
The balance of an operator's account (`operator:usage`, `operator:credits`) is the sum of the entries that name it,
so that no single item is written by every transaction.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice

from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.dataclasses import dataclass

SECONDS_PER_HOUR = 3600
_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86_400
_WINDOWS_AHEAD = 3
"""The current window and two more: of any two consecutive months, one has 31 days, which is the longest."""
Charge = Callable[[int], int]
"""A meter's whole charge from its opening to a second (since 1970), in micro-dollars."""


class Period(StrEnum):
    """The length of a window."""

    DAY = "day"
    MONTH = "month"

    def start_of(self, second: int) -> int:
        """The first second of the day or month (UTC) that contains `second` (since 1970)."""
        if self is Period.DAY:
            return second - second % _SECONDS_PER_DAY
        day = datetime.fromtimestamp(second, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp())

    def end_of(self, start: int) -> int:
        """The first second after the window that begins at `start`."""
        if self is Period.DAY:
            return start + _SECONDS_PER_DAY
        return self.start_of(start + 31 * _SECONDS_PER_DAY)


@dataclass(frozen=True)
class Window:
    """What was posted in one day or month."""

    start: int = 0
    """The first second of the window (since 1970)."""
    posted_micros: int = 0
    ahead: int = 0
    """The sum over all open meters of price × the seconds of this window that are posted."""

    def at(self, start: int) -> "Window":
        """The window that begins at `start`; empty if it is later than this one. Windows never go back.

        When a window is left, no open meter is posted beyond `start`: otherwise it would have been left before.
        """
        return self if start <= self.start else Window(start)

    def posted(self, price_micros_per_hour: int, start: int, end: int, charge: Charge) -> "Window":
        """The window after a meter was posted from `start` to `end`; if `end` is before `start`, charges are taken
        back.
        """
        start, end = max(start, self.start), max(end, self.start)
        return replace(
            self,
            posted_micros=self.posted_micros + charge(end) - charge(start),
            ahead=self.ahead + price_micros_per_hour * (end - start),
        )

    def beyond(self, price_micros_per_hour: int, second: int) -> "Window":
        """The window with one more meter, posted up to `second`; one meter less if the price is negative."""
        return replace(self, ahead=self.ahead + price_micros_per_hour * (max(second, self.start) - self.start))

    def spent_micros(self, micros_per_hour: int, second: int) -> int:
        """What was spent up to `second`, including unposted usage; `micros_per_hour` is the price of all open
        meters.
        """
        used = micros_per_hour * (max(second, self.start) - self.start) - self.ahead
        return self.posted_micros + max(0, used // _SECONDS_PER_HOUR)

    def reaches(self, limit_micros: int, micros_per_hour: int) -> int | None:
        """The first second at which `limit_micros` are spent at this burn, even if the window ends before; None if
        never.
        """
        left = limit_micros - self.posted_micros
        if left <= 0:
            return self.start
        if micros_per_hour <= 0:
            return None
        return self.start + -(-(left * _SECONDS_PER_HOUR + self.ahead) // micros_per_hour)


@dataclass(frozen=True)
class Spending:
    """The spending of a customer or of one API key in the current windows, and its rate."""

    micros_per_hour: int = 0
    """The sum of the prices of all open meters."""
    day: Window = Window()
    month: Window = Window()

    def with_meter(self, price_micros_per_hour: int, watermark: int) -> "Spending":
        """The spending with one more meter, which counts from `watermark` on."""
        return self._changed(
            watermark, lambda window: window.beyond(price_micros_per_hour, watermark), price_micros_per_hour
        )

    def moved(self, price_micros_per_hour: int, start: int, end: int, charge: Charge) -> "Spending":
        """The spending after a meter of this price and charge was posted from `start` to `end`."""
        return self._changed(end, lambda window: window.posted(price_micros_per_hour, start, end, charge))

    def without_meter(self, price_micros_per_hour: int, watermark: int, end: int, charge: Charge) -> "Spending":
        """The spending after a meter that was posted up to `watermark` closed at `end`; `end` may be earlier."""
        return self._changed(
            end,
            lambda window: window.posted(price_micros_per_hour, watermark, end, charge).beyond(
                -price_micros_per_hour, end
            ),
            -price_micros_per_hour,
        )

    def _changed(
        self, second: int, change: Callable[[Window], Window], price_micros_per_hour: int = 0
    ) -> "Spending":
        return Spending(
            self.micros_per_hour + price_micros_per_hour,
            change(self.window(Period.DAY, second)),
            change(self.window(Period.MONTH, second)),
        )

    def window(self, period: Period, second: int) -> Window:
        """The day or month that contains `second`."""
        window = self.day if period is Period.DAY else self.month
        return window.at(period.start_of(second))

    def spent_micros(self, period: Period, second: int) -> int:
        """What was spent up to `second` in its day or month."""
        return self.window(period, second).spent_micros(self.micros_per_hour, second)

    def reaches(self, period: Period, limit_micros: int, second: int, *, skip: int = 0) -> int | None:
        """The first second at which `limit_micros` are spent within one day or month, at the current burn.

        Args:
            period: the length of the windows.
            limit_micros: the amount.
            second: selects the first window; the two windows after it are searched too.
            skip: how many of these windows to leave out.

        Returns:
            The start of the first window if the amount is reached already; None if it is never reached.
        """
        for window in islice(self._windows(period, second), skip, None):
            reached = window.reaches(limit_micros, self.micros_per_hour)
            if reached is not None and reached < period.end_of(window.start):
                return reached
        return None

    def _windows(self, period: Period, second: int) -> Iterator[Window]:
        window = self.window(period, second)
        for _ in range(_WINDOWS_AHEAD):
            yield window
            window = Window(period.end_of(window.start))


NOTHING_SPENT = Spending()


class Operator(StrEnum):
    """The operator's accounts, which are the source or the destination of customers' money."""

    CREDITS = "operator:credits"
    FORFEITS = "operator:forfeits"
    USAGE = "operator:usage"
    REFERRALS = "operator:referrals"


def gateway_account(gateway: str) -> str:
    """The name of the account that stands for the money at a payment gateway."""
    return f"gateway:{gateway}"


class EntryType(StrEnum):
    """The reason for an entry."""

    CREDIT = "credit"
    USAGE = "usage"
    USAGE_CORRECTION = "usage_correction"
    TOP_UP = "top_up"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    REWARD = "reward"
    """A referral reward; negative if it is taken back."""
    TRANSFER = "transfer"
    """A transfer between two customers: each has an entry, with the same posting and reference."""
    FORFEIT = "forfeit"
    """The balance that a customer gave up by closing its account."""


_CUSTOMER = "customer:"


def account_name(customer_id: str) -> str:
    """The name of a customer's account in postings."""
    return f"{_CUSTOMER}{customer_id}"


def customer_of(account: str) -> str | None:
    """The customer whose account in postings this is; None for accounts of the operator and of gateways."""
    return account.removeprefix(_CUSTOMER) if account.startswith(_CUSTOMER) else None


@dataclass(frozen=True)
class Posting:
    """`amount_micros` (more than zero) moves from `source` to `destination`."""

    source: str
    destination: str
    amount_micros: int

    def __post_init__(self) -> None:
        if self.amount_micros <= 0 or self.source == self.destination:
            raise ValueError(f"not a posting: {self}")


@dataclass(frozen=True)
class Entry:
    """A posting in a customer's book, numbered without gaps and never changed."""

    id: str
    customer_id: str
    sequence: int
    at: datetime
    """Never earlier than the previous entry, even if clocks differ."""
    type: EntryType
    posting: Posting
    balance_after_micros: int
    reference: str
    """The id of what the entry is about, such as a deployment or a payment."""
    reason: str = ""
    actor_user_id: str = ""

    @property
    def change_micros(self) -> int:
        """The change of the customer's balance."""
        into = self.posting.destination == account_name(self.customer_id)
        return self.posting.amount_micros if into else -self.posting.amount_micros

    @property
    def counterpart(self) -> str:
        """The account on the other side."""
        into = self.posting.destination == account_name(self.customer_id)
        return self.posting.source if into else self.posting.destination


@dataclass(frozen=True)
class Burn:
    """The rate at which running machines use money, and the usage that is not posted yet.

    `weighted` is the sum of price × watermark over all open meters (micro-dollars per hour × epoch seconds). The
    unposted usage of one meter at t is price × (t − watermark) / 3600. So the unposted usage of all meters
    together is (micros_per_hour × t − weighted) / 3600: two numbers give it for any moment.
    """

    micros_per_hour: int = 0
    weighted: int = 0

    def moved(self, price_micros_per_hour: int, start: int, end: int) -> "Burn":
        """The burn after a meter of this price was posted from `start` to `end` (epoch seconds)."""
        return Burn(self.micros_per_hour, self.weighted + price_micros_per_hour * (end - start))

    def with_meter(self, price_micros_per_hour: int, watermark: int) -> "Burn":
        """The burn with one more meter, which is posted up to `watermark`."""
        return Burn(
            self.micros_per_hour + price_micros_per_hour, self.weighted + price_micros_per_hour * watermark
        )

    def without_meter(self, price_micros_per_hour: int, watermark: int) -> "Burn":
        """The burn with one meter less, which was posted up to `watermark`."""
        return self.with_meter(-price_micros_per_hour, watermark)

    def unposted_micros(self, at: datetime) -> int:
        """The usage of running machines up to `at` that is not posted yet (never negative)."""
        return max(0, (self.micros_per_hour * epoch_seconds(at) - self.weighted) // SECONDS_PER_HOUR)


@dataclass(frozen=True)
class Account:
    """A customer's account. `version` counts every change, with or without entries."""

    customer_id: str
    posted_micros: int = 0
    held_micros: int = 0
    burn: Burn = Burn()
    spending: Spending = NOTHING_SPENT
    sequence: int = 0
    last_entry_at: datetime | None = None
    version: int = 0

    @property
    def available_micros(self) -> int:
        """The posted balance less holds. It can be negative: running machines are charged although nothing is
        available.
        """
        return self.posted_micros - self.held_micros


class HoldPurpose(StrEnum):
    """What a hold reserves money for."""

    PROVISIONING = "provisioning"
    RUNNING = "running"
    DISPUTE = "dispute"
    REFUND = "refund"

    @property
    def is_frozen(self) -> bool:
        """Whether even running machines may not use the money, because it may have to go back."""
        return self in {HoldPurpose.DISPUTE, HoldPurpose.REFUND}


@dataclass(frozen=True)
class Hold:
    """Money reserved for one thing. `reference` is the id of that thing: a deployment, a dispute, a pending
    refund.
    """

    customer_id: str
    reference: str
    amount_micros: int
    purpose: HoldPurpose
    placed_at: datetime
    api_key_id: str = ""
    """The API key that requested the deployment; empty if a session did, or if there is no deployment."""


def frozen_micros(holds: Iterable[Hold]) -> int:
    """The sum of the holds that are frozen."""
    return sum(hold.amount_micros for hold in holds if hold.purpose.is_frozen)


@dataclass(frozen=True)
class Balance:
    """An account as its customer sees it at `at`."""

    posted_micros: int
    held_micros: int
    available_micros: int
    debt_micros: int
    """The debt: what machines used after the balance reached zero."""
    burn_micros_per_hour: int
    runway_seconds: int | None
    """Seconds until the balance is used up at the current burn; None while no machine runs."""
    at: datetime
    frozen_micros: int = 0
    """The part of the held money that may have to go back: for disputes and pending refunds."""


def balance_at(account: Account, at: datetime, frozen_micros: int = 0) -> Balance:
    """`account` at `at`, including usage since the last metering.

    Frozen money is part of what is held. Running machines can use up other holds (their reserves), but not frozen
    money.
    """
    posted = account.posted_micros - account.burn.unposted_micros(at)
    burn = account.burn.micros_per_hour
    return Balance(
        posted_micros=posted,
        held_micros=account.held_micros,
        available_micros=max(0, posted - account.held_micros),
        debt_micros=max(0, -posted),
        burn_micros_per_hour=burn,
        frozen_micros=frozen_micros,
        runway_seconds=max(0, posted - frozen_micros) * SECONDS_PER_HOUR // burn if burn else None,
        at=at,
    )
