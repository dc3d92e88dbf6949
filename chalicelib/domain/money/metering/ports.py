"""Ports of metering."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from chalicelib.domain.money.metering.models import Meter, PriceSheet, UsageRecord
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

METER_UNCHANGED = "meter_unchanged"
SHARDS = 16


class MeterRecords(Protocol):
    """Stores meters and their usage."""

    def meter(self, customer_id: str, deployment_id: str) -> Meter | None:
        """A deployment's latest meter; strongly consistent."""
        ...

    def numbered(self, customer_id: str, deployment_id: str, number: int) -> Meter | None:
        """A deployment's meter of this number; strongly consistent."""
        ...

    def meters(self, customer_id: str, deployment_id: str) -> Iterator[Meter]:
        """All meters of a deployment, oldest first."""
        ...

    def open_meters(self, shard: int, after_customer_id: str = "") -> Iterator[Meter]:
        """The open meters of one of `SHARDS` shards, by customer; the index may be out of date by a moment."""
        ...

    def insert_meter(self, meter: Meter) -> Write:
        """Open a meter; asserts METER_UNCHANGED: there is no meter with its number."""
        ...

    def replace_meter(self, before: Meter, after: Meter) -> Write:
        """Move, close or shorten a meter; asserts METER_UNCHANGED: watermark and closing are those of `before`."""
        ...

    def insert_usage(self, usage: UsageRecord) -> Write:
        """Record an interval; asserts METER_UNCHANGED: no interval of this meter starts at the same second
        (G04).
        """
        ...

    def usage(self, customer_id: str, deployment_id: str, page: PageRequest) -> Page[UsageRecord]:
        """A deployment's intervals, oldest first."""
        ...

    def all_usage(
        self, customer_id: str, deployment_id: str, *, newest_first: bool = False
    ) -> Iterator[UsageRecord]:
        """Every interval of a deployment, by default oldest first; read while the caller iterates."""
        ...


class MeteringQueue(Protocol):
    """Queues shards for the workers."""

    def send(self, shard: int, *, delay_seconds: int = 0) -> None:
        """Ask a worker to meter `shard` after `delay_seconds` (at most 900); delivered at least once."""
        ...


class Prices(Protocol):
    """The current and announced prices."""

    def sheet(self) -> PriceSheet:
        """All prices, as they are now; strongly consistent."""
        ...


class PriceTags(Protocol):
    """Keeps the price that customers see at a machine."""

    def show_price(self, meter: Meter) -> Sequence[Write]:
        """Show the price of `meter`, which has just taken over; asserts METER_UNCHANGED."""
        ...
