"""Sets spend caps, and refuses new machines that do not fit into them.

The balance watch (`cloud.suspension`) stops running machines at a customer's cap; a key's cap never stops a
machine.
"""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.domain.money.ledger.models import Account, Hold, HoldPurpose, Period
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.domain.money.spending.errors import SpendCapReached
from chalicelib.domain.money.spending.models import NO_CAPS, Allowance, Caps, Limit
from chalicelib.domain.money.spending.ports import CapRecords, KeyCaps, Keys
from chalicelib.kernel.clock import Clock, epoch_seconds, from_epoch_seconds
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.money import format_amount
from chalicelib.kernel.transactions import Transactor

PERIOD_NAMES = {Period.DAY: "daily", Period.MONTH: "monthly"}


@dataclass(frozen=True)
class WindowReport:
    """What was spent in the current day or month, and its cap."""

    spent_micros: int
    starts_at: datetime
    ends_at: datetime
    cap_micros: int | None
    is_reached: bool
    reached_at: datetime | None
    """When the cap will be reached at the current burn; None if it is reached already, or not in this window."""


@dataclass(frozen=True)
class SpendReport:
    """A customer's spending and caps."""

    day: WindowReport
    month: WindowReport
    at: datetime


class SpendCaps:
    """Reads and sets a customer's own caps."""

    def __init__(self, records: CapRecords, books: LedgerRecords, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._books = books
        self._transactor = transactor
        self._clock = clock

    def get(self, customer_id: str) -> SpendReport:
        """A customer's caps and spending.

        Raises:
            NotFound: there is no such customer.
        """
        return self._report(customer_id, self._records.caps(customer_id))

    def put(self, customer_id: str, caps: Caps) -> SpendReport:
        """Set the caps. Machines follow within moments, through the table's stream.

        Raises:
            NotFound: there is no such customer.
        """
        self._transactor.commit([self._records.put_caps(customer_id, caps)])
        return self._report(customer_id, caps)

    def _report(self, customer_id: str, caps: Caps) -> SpendReport:
        account = self._books.account(customer_id)
        if account is None:
            raise NotFound("There is no such customer.")
        at = self._clock.now()
        allowance = Allowance(caps, account.spending)
        limits = {limit.period: limit for limit in allowance.limits(at)}
        day, month = (self._window(allowance, period, limits.get(period), at) for period in Period)
        return SpendReport(day, month, at)

    @staticmethod
    def _window(allowance: Allowance, period: Period, limit: Limit | None, at: datetime) -> WindowReport:
        second = epoch_seconds(at)
        start = allowance.spending.window(period, second).start
        ends_at = from_epoch_seconds(period.end_of(start))
        reached_at = allowance.reaches(limit, at) if limit and not limit.is_reached else None
        return WindowReport(
            spent_micros=allowance.spending.spent_micros(period, second),
            starts_at=from_epoch_seconds(start),
            ends_at=ends_at,
            cap_micros=limit.cap_micros if limit else None,
            is_reached=limit is not None and limit.is_reached,
            reached_at=reached_at if reached_at and reached_at < ends_at else None,
        )


class CapsOfKeys:
    """`KeyCaps` that reads the caps stored in the keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def caps_of_key(self, customer_id: str, api_key_id: str) -> Caps:
        """The caps of a key; see `KeyCaps.caps_of_key`."""
        key = self._keys.get(api_key_id)
        if key is None or key.customer_id != customer_id:
            return NO_CAPS
        return Caps(key.daily_spend_cap_micros, key.monthly_spend_cap_micros)


class SpendingRoom:
    """Checks whether the caps leave room for another machine."""

    def __init__(self, caps: CapRecords, key_caps: KeyCaps, books: LedgerRecords) -> None:
        self._caps = caps
        self._key_caps = key_caps
        self._books = books

    def demand(self, account: Account, first_hour_micros: int, at: datetime, *, api_key_id: str = "") -> None:
        """Check that the caps leave room for one hour of a new machine, and of each machine that is being built.

        Args:
            account: the customer's account. The transaction that follows must assert it, so that of two requests
            for the
                last room, one is refused.
            first_hour_micros: the price of the new machine's first hour.
            at: now.
            api_key_id: the API key that requests it; its caps apply too. Empty if there is none.

        Raises:
            SpendCapReached: the machine does not fit.
        """
        caps = self._caps.caps(account.customer_id)
        key_caps = self._key_caps.caps_of_key(account.customer_id, api_key_id) if api_key_id else NO_CAPS
        if caps == key_caps == NO_CAPS:
            return
        building = [
            hold for hold in self._books.holds(account.customer_id) if hold.purpose is HoldPurpose.PROVISIONING
        ]
        _demand(Allowance(caps, account.spending), building, first_hour_micros, at, "Your")
        if key_caps != NO_CAPS:
            spending = self._books.key_spending(account.customer_id, api_key_id)
            own = [hold for hold in building if hold.api_key_id == api_key_id]
            _demand(Allowance(key_caps, spending), own, first_hour_micros, at, "This API key's")


def _demand(allowance: Allowance, building: Iterable[Hold], micros: int, at: datetime, whose: str) -> None:
    promised_micros = sum(hold.amount_micros for hold in building)
    lacking = allowance.lacking(promised_micros + micros, at)
    if lacking is not None:
        left = format_amount(max(0, lacking.left_micros - promised_micros))
        raise SpendCapReached(
            f"{whose} {PERIOD_NAMES[lacking.period]} spend cap of {format_amount(lacking.cap_micros)} USD leaves "
            f"{left} USD, and the first hour of this costs {format_amount(micros)} USD. "
            f"Raise the cap, or wait until it starts anew at {lacking.ends_at:%Y-%m-%d %H:%M} UTC."
        )
