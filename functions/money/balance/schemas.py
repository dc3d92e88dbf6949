"""Requests and responses of the balance and ledger endpoints."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.cloud.suspension.models import SuspensionStatus, Watch
from chalicelib.domain.money.ledger.models import Balance, Entry, EntryType
from chalicelib.domain.money.ledger.ports import EntryFilter
from chalicelib.http import ApiModel, Money, PageQuery, SpanQuery
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind
from chalicelib.kernel.money import parse_amount

CustomerId = id_of(Kind.CUSTOMER)
MAX_CREDIT_MICROS = 100_000 * 1_000_000


class SuspensionView(ApiModel):
    """The suspension of a customer whose balance has run out: machines are off, and are deleted unless it pays."""

    status: SuspensionStatus
    since: datetime
    deletes_at: datetime | None = Field(description="when the machines are deleted, unless there is a payment")

    @classmethod
    def of(cls, watch: Watch | None) -> Self | None:
        """The suspension; None in good standing, or if a spend cap keeps the machines off."""
        if watch is None or watch.status is None or watch.since is None or watch.is_for_a_cap:
            return None
        return cls(status=watch.status, since=watch.since, deletes_at=watch.deletes_at)


class SpendCapStopView(ApiModel):
    """The stop of a customer whose spend cap is reached: machines are off until it restarts, or is raised or
    removed.
    """

    status: SuspensionStatus = Field(description="SUSPENDED, or RESUMING while machines are being switched on")
    since: datetime

    @classmethod
    def of(cls, watch: Watch | None) -> Self | None:
        """The stop; None if no spend cap keeps machines off."""
        if watch is None or watch.status is None or watch.since is None or not watch.is_for_a_cap:
            return None
        return cls(status=watch.status, since=watch.since)


class BalanceView(ApiModel):
    """A customer's money at one moment."""

    posted: Money = Field(description="everything booked, less the usage of running machines since then")
    held: Money = Field(description="reserved for machines that are being built, and for running ones")
    available: Money = Field(description="posted less held: the amount that can be spent")
    debt: Money = Field(description="the amount owed after the balance was used up")
    burn_per_hour: Money
    runway_seconds: int | None = Field(
        description="time until the balance is empty at the current burn, without what is frozen for disputes "
        "and refunds; null while nothing runs"
    )
    suspension: SuspensionView | None = Field(description="null in good standing")
    spend_cap_stop: SpendCapStopView | None = Field(
        description="null where no spend cap keeps machines off; nothing is deleted for one"
    )
    as_of: datetime

    @classmethod
    def of(cls, balance: Balance, watch: Watch | None) -> Self:
        """The view of `balance`, for a customer whose suspension is `watch`."""
        return cls(
            posted=Money.of(balance.posted_micros),
            held=Money.of(balance.held_micros),
            available=Money.of(balance.available_micros),
            debt=Money.of(balance.debt_micros),
            burn_per_hour=Money.of(balance.burn_micros_per_hour),
            runway_seconds=balance.runway_seconds,
            suspension=SuspensionView.of(watch),
            spend_cap_stop=SpendCapStopView.of(watch),
            as_of=balance.at,
        )


class EntryQuery(PageQuery, SpanQuery):
    """Selects entries: `from` is inclusive, `to` is exclusive."""

    type: EntryType | None = None

    def wanted(self) -> EntryFilter:
        """The filter as the domain's type."""
        return EntryFilter(self.from_, self.to, self.type)


class EntryView(ApiModel):
    """One entry of the ledger."""

    id: str
    sequence: int
    at: datetime
    type: EntryType
    amount: Money = Field(description="negative if it was taken from the balance")
    source: str
    destination: str
    balance_after: Money
    reference: str = Field(description="the id of what it is about, such as a deployment")
    reason: str | None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """The view of `entry`."""
        return cls(
            id=entry.id,
            sequence=entry.sequence,
            at=entry.at,
            type=entry.type,
            amount=Money.of(entry.change_micros),
            source=entry.posting.source,
            destination=entry.posting.destination,
            balance_after=Money.of(entry.balance_after_micros),
            reference=entry.reference,
            reason=entry.reason or None,
        )


def _positive_amount(text: str) -> str:
    if not 0 < parse_amount(text) <= MAX_CREDIT_MICROS:
        raise ValueError("an amount is more than 0 and at most 100000.00")
    return text


class CreditBody(ApiModel):
    """Money that staff give to a customer."""

    amount: Annotated[str, StringConstraints(max_length=20), AfterValidator(_positive_amount)] = Field(
        examples=["25.00"]
    )
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)] = Field(
        description="shown to the customer", examples=["Goodwill after the outage of 3 November"]
    )
