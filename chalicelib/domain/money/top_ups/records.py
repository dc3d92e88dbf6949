"""Where top-ups and what belongs to them are kept: the ports to the table."""

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
    """What one unit of `currency` is worth in the base currency, and since when."""

    currency: str
    value: Decimal
    at: datetime


class TopUpRecords(Protocol):
    """Top-ups. Single reads are strongly consistent."""

    def top_up(self, customer_id: str, top_up_id: str) -> TopUp | None:
        """A customer's top-up; a stranger's is not found."""
        ...

    def top_up_of_key(self, customer_id: str, key: str) -> str | None:
        """The id of the top-up that was made with an idempotency key."""
        ...

    def top_up_of_reference(self, top_up_id: str) -> TopUp | None:
        """A top-up by its id alone; for webhooks, whose sender knows no customer."""
        ...

    def top_up_of_provider(self, gateway: str, provider_id: str) -> TopUp | None:
        """The top-up that a gateway's object belongs to."""
        ...

    def top_ups(self, customer_id: str, page: PageRequest) -> Page[TopUp]:
        """A customer's top-ups, newest first."""
        ...

    def top_ups_to_check(self, shard: int, before: datetime) -> Iterator[TopUp]:
        """Those whose `check_at` lies before; the index may lag behind by moments."""
        ...

    def insert_top_up(self, top_up: TopUp, key: str | None) -> Sequence[Write]:
        """Keep a new one, findable by its id and its key; asserts NEW_TOP_UP."""
        ...

    def replace_top_up(self, before: TopUp, after: TopUp) -> Sequence[Write]:
        """Change one, and make it findable by a provider's id that it got; asserts TOP_UP_UNCHANGED."""
        ...


class NoticeState(StrEnum):
    """What a webhook's event was found to be."""

    NEW = "new"
    NOT_HANDED_OVER = "not_handed_over"
    HANDED_OVER = "handed_over"


class NoticeRecords(Protocol):
    """Webhooks' events, each recorded once and kept for 90 days."""

    def record(self, gateway: str, notice: Notice, at: datetime) -> NoticeState:
        """Record an event, or say what became of it."""
        ...

    def handed_over(self, gateway: str, event_id: str) -> None:
        """Note that the queue has it."""
        ...


class NoticeQueue(Protocol):
    """Hands notices to the worker."""

    def send(self, gateway: str, provider_id: str | None, reference: str | None) -> None:
        """Ask the worker to fetch what a notice is about; delivered at least once."""
        ...


@dataclass(frozen=True)
class DeadNotice:
    """A notice that could not be handled, again and again."""

    gateway: str
    provider_id: str | None
    reference: str | None


class DeadNotices(Protocol):
    """The notices that the worker gave up on; kept for two weeks."""

    def count(self) -> int:
        """How many there are, about."""
        ...

    def peek(self, most: int) -> Sequence[DeadNotice]:
        """Some of them, which stay where they are."""
        ...

    def replay(self, most: int) -> int:
        """Hand some to the worker again; how many. One that is handed over twice changes nothing more."""
        ...


class Rates(Protocol):
    """Exchange rates, from a table that staff or a schedule update."""

    def rate(self, currency: str) -> Rate | None:
        """The latest rate of `currency`; None where there is none."""
        ...

    def put_rate(self, rate: Rate) -> None:
        """Replace it."""
        ...
