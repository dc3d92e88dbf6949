"""What metering needs from outside."""

from collections.abc import Iterator
from typing import Protocol

from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write
from chalicelib.metering.models import Meter, UsageRecord

METER_UNCHANGED = "meter_unchanged"
SHARDS = 16


class MeterRecords(Protocol):
    """Where meters and their usage are kept."""

    def meter(self, customer_id: str, deployment_id: str) -> Meter | None:
        """A deployment's latest meter; strongly consistent."""
        ...

    def meters(self, customer_id: str, deployment_id: str) -> Iterator[Meter]:
        """All meters of a deployment, oldest first."""
        ...

    def open_meters(self, shard: int) -> Iterator[Meter]:
        """The open meters of one of `SHARDS` shards, by customer; may lag behind by moments."""
        ...

    def insert_meter(self, meter: Meter) -> Write:
        """Open a meter; asserts METER_UNCHANGED: there is none of its number."""
        ...

    def replace_meter(self, before: Meter, after: Meter) -> Write:
        """Move or close a meter; asserts METER_UNCHANGED: it is open and its watermark is `before`'s."""
        ...

    def insert_usage(self, usage: UsageRecord) -> Write:
        """Record an interval; asserts METER_UNCHANGED: none of this meter starts at the same second (G04)."""
        ...

    def usage(self, customer_id: str, deployment_id: str, page: PageRequest) -> Page[UsageRecord]:
        """A deployment's intervals, oldest first."""
        ...

    def all_usage(
        self, customer_id: str, deployment_id: str, *, newest_first: bool = False
    ) -> Iterator[UsageRecord]:
        """Every interval of a deployment, oldest first unless asked otherwise; read as it is asked for."""
        ...


class MeteringQueue(Protocol):
    """Hands shards to workers."""

    def send(self, shard: int) -> None:
        """Ask a worker to meter `shard`; delivered at least once."""
        ...
