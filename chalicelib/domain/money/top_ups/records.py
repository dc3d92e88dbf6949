"""Ports to the storage of top-ups, webhook notices and exchange rates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from chalicelib.domain.money.top_ups.models import Notice, TopUp
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

TOP_UP_UNCHANGED = "top_up_unchanged"
NEW_TOP_UP = "new_top_up"
TOP_UP_SHARDS = 4


@dataclass(frozen=True)
class Rate:
    """The value of one unit of `currency` in the base currency, and the time of that value."""

    currency: str
    value: Decimal
    at: datetime


class TopUpRecords(Protocol):
    """Stores top-ups. Single reads are strongly consistent."""

    def top_up(self, customer_id: str, top_up_id: str) -> TopUp | None:
        """A customer's top-up; None if this customer has no such top-up."""
        ...

    def top_up_of_key(self, customer_id: str, key: str) -> str | None:
        """The id of the top-up that was created with an idempotency key; None if there is none."""
        ...

    def top_up_of_reference(self, top_up_id: str) -> TopUp | None:
        """A top-up by its id alone: a webhook does not name the customer."""
        ...

    def top_up_of_provider(self, gateway: str, provider_id: str) -> TopUp | None:
        """The top-up that a gateway's object belongs to; None if there is none."""
        ...

    def top_ups(self, customer_id: str, page: PageRequest) -> Page[TopUp]:
        """A customer's top-ups, newest first."""
        ...

    def top_ups_to_check(self, shard: int, before: datetime) -> Iterator[TopUp]:
        """The top-ups whose `check_at` is before `before`; the index may be out of date by a moment."""
        ...

    def insert_top_up(self, top_up: TopUp, key: str | None) -> Sequence[Write]:
        """Store a new top-up under its id and its key; asserts NEW_TOP_UP."""
        ...

    def replace_top_up(self, before: TopUp, after: TopUp) -> Sequence[Write]:
        """Change a top-up, and index a provider's id that it got; asserts TOP_UP_UNCHANGED."""
        ...


class NoticeState(StrEnum):
    """What is known about a webhook's event."""

    NEW = "new"
    NOT_HANDED_OVER = "not_handed_over"
    HANDED_OVER = "handed_over"


class NoticeRecords(Protocol):
    """Stores webhooks' events: each is recorded once and kept for 90 days."""

    def record(self, gateway: str, notice: Notice, at: datetime) -> NoticeState:
        """Record an event; return whether it is new, and otherwise whether it was queued."""
        ...

    def handed_over(self, gateway: str, event_id: str) -> None:
        """Record that the event is queued."""
        ...


class NoticeQueue(Protocol):
    """Queues notices for the worker."""

    def send(self, gateway: str, provider_id: str | None, reference: str | None) -> None:
        """Ask the worker to fetch the object of a notice; delivered at least once."""
        ...


@dataclass(frozen=True)
class DeadNotice:
    """A notice that failed repeatedly."""

    gateway: str
    provider_id: str | None
    reference: str | None


class DeadNotices(Protocol):
    """The dead-letter queue of notices; kept for two weeks."""

    def count(self) -> int:
        """The approximate number of dead notices."""
        ...

    def peek(self, most: int) -> Sequence[DeadNotice]:
        """At most `most` of them; they stay in the queue."""
        ...

    def replay(self, most: int) -> int:
        """Queue at most `most` of them again; return how many. Handling one twice does no harm."""
        ...


class Rates(Protocol):
    """Stores exchange rates, which staff or a schedule update."""

    def rate(self, currency: str) -> Rate | None:
        """The latest rate of `currency`; None if there is none."""
        ...

    def put_rate(self, rate: Rate) -> None:
        """Replace the rate of its currency."""
        ...
