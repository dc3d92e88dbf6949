"""Ledger and meters in memory, with a transactor that commits all or nothing, and that can crash."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, TypeVar

from chalicelib.domain.money.ledger.models import NOTHING_SPENT, Account, Entry, Hold, Spending
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED, NOT_POSTED_BEFORE, EntryFilter
from chalicelib.domain.money.metering.models import Meter, PriceHistory, PriceSheet, UsageRecord
from chalicelib.domain.money.metering.ports import METER_UNCHANGED
from chalicelib.kernel.limits import MAX_TRANSACTION_WRITES
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write

T = TypeVar("T")
Key = tuple[Any, ...]


class Crash(Exception):
    """The process died, or its answer was lost."""


@dataclass(frozen=True)
class MemoryWrite:
    """A condition on one item, and its new value; None removes it."""

    asserts: str
    key: Key
    holds: Callable[[Any], bool]
    item: object | None


class MemoryTable:
    """Items by key."""

    def __init__(self) -> None:
        self.items: dict[Key, Any] = {}

    def get(self, key: Key, type_: type[T]) -> T | None:
        """The item at `key`, which must be a `type_`."""
        found = self.items.get(key)
        assert found is None or isinstance(found, type_)
        return found

    def under(self, prefix: Key, type_: type[T]) -> list[T]:
        """The items whose keys begin with `prefix`, in the order of their keys."""
        found = [self.items[key] for key in sorted(key for key in self.items if key[: len(prefix)] == prefix)]
        assert all(isinstance(item, type_) for item in found)
        return found


class MemoryTransactor:
    """`Transactor` on a `MemoryTable`."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table
        self._lock = Lock()

    def commit(self, writes: Sequence[Write]) -> None:
        """Apply all of `writes` or none."""
        own = [write for write in writes if isinstance(write, MemoryWrite)]
        if len(own) != len(writes) or not 0 < len(own) <= MAX_TRANSACTION_WRITES:
            raise ValueError(f"not a transaction: {writes}")
        if len({write.key for write in own}) != len(own):
            raise ValueError(f"two writes on one item: {sorted(write.key for write in own)}")
        with self._lock:
            failed = [write.asserts for write in own if not write.holds(self._table.items.get(write.key))]
            if failed:
                raise ConditionFailed(*failed)
            for write in own:
                if write.item is None:
                    self._table.items.pop(write.key, None)
                else:
                    self._table.items[write.key] = write.item


class InterruptedTransactor:
    """A transactor that calls `before` and `after` once, around the next commit."""

    def __init__(self, inner: Transactor) -> None:
        self._inner = inner
        self.before: Callable[[], None] | None = None
        self.after: Callable[[], None] | None = None

    def commit(self, writes: Sequence[Write]) -> None:
        """Apply all of `writes` or none."""
        before, self.before = self.before, None
        if before:
            before()
        self._inner.commit(writes)
        after, self.after = self.after, None
        if after:
            after()


def _absent(found: object) -> bool:
    return found is None


class MemoryLedgerRecords:
    """`LedgerRecords` in memory."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def account(self, customer_id: str) -> Account | None:
        return self._table.get(("account", customer_id), Account)

    def insert_account(self, account: Account) -> Sequence[Write]:
        return [MemoryWrite("new_account", ("account", account.customer_id), _absent, account)]

    def replace_account(self, before: Account, after: Account) -> Write:
        def unchanged(found: Any) -> bool:
            return found is not None and bool(found.version == before.version)

        return MemoryWrite(ACCOUNT_UNCHANGED, ("account", before.customer_id), unchanged, after)

    def key_spending(self, customer_id: str, api_key_id: str) -> Spending:
        return self._table.get(("key_spending", customer_id, api_key_id), Spending) or NOTHING_SPENT

    def put_key_spending(self, customer_id: str, api_key_id: str, spending: Spending) -> Write:
        key = ("key_spending", customer_id, api_key_id)
        return MemoryWrite("", key, lambda found: True, spending)

    def insert_entry(self, entry: Entry) -> Write:
        key = ("entry", entry.customer_id, entry.at, entry.sequence)
        return MemoryWrite(ACCOUNT_UNCHANGED, key, _absent, entry)

    def insert_marker(self, customer_id: str, key: str) -> Write:
        return MemoryWrite(NOT_POSTED_BEFORE, ("posted", customer_id, key), _absent, key)

    def was_posted(self, customer_id: str, key: str) -> bool:
        return ("posted", customer_id, key) in self._table.items

    def entries(self, customer_id: str, wanted: EntryFilter, page: PageRequest) -> Page[Entry]:
        raise NotImplementedError("lists are tested on the real table")

    def all_entries(self, customer_id: str, since: datetime | None = None) -> Iterator[Entry]:
        entries = self._table.under(("entry", customer_id), Entry)
        return (entry for entry in entries if since is None or entry.at >= since)

    def customer_ids(self) -> Iterator[str]:
        return (account.customer_id for account in self._table.under(("account",), Account))

    def hold(self, customer_id: str, reference: str) -> Hold | None:
        return self._table.get(("hold", customer_id, reference), Hold)

    def holds(self, customer_id: str) -> Iterator[Hold]:
        return iter(self._table.under(("hold", customer_id), Hold))

    def insert_hold(self, hold: Hold) -> Write:
        return MemoryWrite(ACCOUNT_UNCHANGED, ("hold", hold.customer_id, hold.reference), _absent, hold)

    def replace_hold(self, before: Hold, after: Hold) -> Write:
        return self._changed_hold(before, after)

    def delete_hold(self, hold: Hold) -> Write:
        return self._changed_hold(hold, None)

    def _changed_hold(self, before: Hold, after: Hold | None) -> Write:
        key = ("hold", before.customer_id, before.reference)
        return MemoryWrite(ACCOUNT_UNCHANGED, key, lambda found: bool(found == before), after)


class MemoryMeterRecords:
    """`MeterRecords` in memory; `lagging` is the older state that the index of open meters shows, if it lags."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table
        self.lagging: Sequence[Meter] | None = None

    def now_open(self) -> Sequence[Meter]:
        """The open meters, by customer."""
        meters = self._table.under(("meter",), Meter)
        return [meter for meter in meters if meter.closed_at is None]

    def meter(self, customer_id: str, deployment_id: str) -> Meter | None:
        return next(reversed(list(self.meters(customer_id, deployment_id))), None)

    def numbered(self, customer_id: str, deployment_id: str, number: int) -> Meter | None:
        return self._table.get(("meter", customer_id, deployment_id, number), Meter)

    def meters(self, customer_id: str, deployment_id: str) -> Iterator[Meter]:
        return iter(self._table.under(("meter", customer_id, deployment_id), Meter))

    def open_meters(self, shard: int, after_customer_id: str = "") -> Iterator[Meter]:
        found = self.now_open() if self.lagging is None else self.lagging
        return (meter for meter in found if meter.customer_id > after_customer_id)

    def insert_meter(self, meter: Meter) -> Write:
        return MemoryWrite(METER_UNCHANGED, _meter_key(meter), _absent, meter)

    def replace_meter(self, before: Meter, after: Meter) -> Write:
        def unchanged(found: Any) -> bool:
            return found is not None and (found.watermark, found.closed_at) == (before.watermark, before.closed_at)

        return MemoryWrite(METER_UNCHANGED, _meter_key(before), unchanged, after)

    def show_price(self, meter: Meter) -> Sequence[Write]:
        key = ("price", meter.customer_id, meter.deployment_id)
        return [MemoryWrite(METER_UNCHANGED, key, lambda _: True, meter.price_micros_per_hour)]

    def shown_price(self, customer_id: str, deployment_id: str) -> int | None:
        """The price that the machine shows, if it has changed."""
        return self._table.get(("price", customer_id, deployment_id), int)

    def insert_usage(self, usage: UsageRecord) -> Write:
        key = ("usage", usage.customer_id, usage.deployment_id, usage.meter, usage.start)
        return MemoryWrite(METER_UNCHANGED, key, _absent, usage)

    def usage(self, customer_id: str, deployment_id: str, page: PageRequest) -> Page[UsageRecord]:
        raise NotImplementedError("lists are tested on the real table")

    def all_usage(
        self, customer_id: str, deployment_id: str, *, newest_first: bool = False
    ) -> Iterator[UsageRecord]:
        found = self._table.under(("usage", customer_id, deployment_id), UsageRecord)
        return iter(found[::-1] if newest_first else found)


def _meter_key(meter: Meter) -> Key:
    return ("meter", meter.customer_id, meter.deployment_id, meter.number)


class MemoryQueue:
    """`MeteringQueue` that stores its messages."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.delays_seconds: list[int] = []

    def send(self, shard: int, *, delay_seconds: int = 0) -> None:
        self.sent.append(shard)
        self.delays_seconds.append(delay_seconds)


class MemoryPrices:
    """`Prices` that a test sets."""

    def __init__(self, histories: Mapping[str, PriceHistory] | None = None) -> None:
        self.histories: dict[str, PriceHistory] = dict(histories or {})

    def sheet(self) -> PriceSheet:
        return PriceSheet(dict(self.histories))
