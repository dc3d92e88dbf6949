"""Meters running machines, and posts their usage to the ledger."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, islice

from chalicelib.domain.money.ledger.models import EntryType, Operator
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.metering.models import Meter, Parts, PriceChange, PriceSheet, UsageRecord
from chalicelib.domain.money.metering.ports import (
    METER_UNCHANGED,
    SHARDS,
    MeteringQueue,
    MeterRecords,
    Prices,
    PriceTags,
)
from chalicelib.kernel.clock import Clock, epoch_seconds
from chalicelib.kernel.limits import MAX_TRANSACTION_WRITES
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_WRITES_PER_METER = 4  # the meter, its usage record, its ledger entry, and the spending of its API key
_METERS_PER_TRANSACTION = (MAX_TRANSACTION_WRITES - 1) // _WRITES_PER_METER  # one write is the account
_WRITES_PER_CHANGE = _WRITES_PER_METER + 2  # also the next meter, and the price that its machine shows
_CHANGES_PER_TRANSACTION = (MAX_TRANSACTION_WRITES - 1) // _WRITES_PER_CHANGE
_STALE = frozenset({ACCOUNT_UNCHANGED, METER_UNCHANGED})
_LOOK_AHEAD_SECONDS = 90
"""How far `run_at_changes` looks ahead: the interval of its schedule, and half as much in case it runs late."""

MeterStep = Callable[[AccountChange, Meter, int], Sequence[Write]]
"""Processes an open meter at a second; returns the writes, none if there is nothing to do."""


class Metering:
    """Opens, moves and closes meters.

    `open` and `close` return writes for the caller's own transaction: the transaction that ends billing also
    closes the meter (G06). Schedules call `run`, `run_at_changes` and `meter_shard`.

    A price changes at an exact second. The first run or closing after that second closes the meter at it and
    continues with the next meter, so it does not matter how late that run is.
    """

    def __init__(
        self,
        records: MeterRecords,
        prices: Prices,
        tags: PriceTags,
        ledger: Ledger,
        transactor: Transactor,
        queue: MeteringQueue,
        clock: Clock,
    ) -> None:
        self._records = records
        self._prices = prices
        self._tags = tags
        self._ledger = ledger
        self._transactor = transactor
        self._queue = queue
        self._clock = clock

    def meter(self, customer_id: str, deployment_id: str) -> Meter | None:
        """A deployment's latest meter."""
        return self._records.meter(customer_id, deployment_id)

    def price(self, parts: Parts, price_micros_per_hour: int) -> int:
        """The current price of an hour of `parts`; `price_micros_per_hour` if their prices are not known."""
        found = self._prices.sheet().price_of(parts, epoch_seconds(self._clock.now()))
        return price_micros_per_hour if found is None else found

    def next_meter(
        self,
        customer_id: str,
        deployment_id: str,
        parts: Parts,
        price_micros_per_hour: int,
        at: int,
        *,
        api_key_id: str = "",
    ) -> Meter:
        """The meter for a deployment's next run; not stored yet.

        Args:
            customer_id: the customer that pays.
            deployment_id: the deployment that is metered.
            parts: its priced parts; the price is the one in force when the meter opens.
            price_micros_per_hour: the price to use if those of the parts are not known.
            at: the first charged second (since 1970); if the last meter closed later, its closing is used.
            api_key_id: the API key whose spending the meter counts for.
        """
        last = self._records.meter(customer_id, deployment_id)
        number, opens = (last.number + 1, max(at, last.closed_at or at)) if last else (1, at)
        price = self._prices.sheet().price_of(parts, opens)
        return Meter.opening(
            customer_id,
            deployment_id,
            number,
            price_micros_per_hour if price is None else price,
            opens,
            parts=parts,
            api_key_id=api_key_id,
        )

    def open(self, change: AccountChange, meter: Meter) -> Sequence[Write]:
        """Start `meter`; its opening is the first charged second."""
        _count_in(change, meter)
        return [self._records.insert_meter(meter)]

    def close(self, change: AccountChange, meter: Meter, second: int) -> Sequence[Write]:
        """End `meter` at `second`: post the rest, or take back what was posted beyond it.

        If the price changed before `second`, each price is charged for its own seconds.
        """
        writes: list[Write] = []
        for before, after, usage in self._endings(meter, second):
            known = before if before is not None else replace(after, watermark=after.opened_at)
            if before is None or before.closed_at is not None:
                _count_in(change, known)
            _count_out(change, known, after.watermark)
            kept = (
                self._records.insert_meter(after) if before is None else self._records.replace_meter(before, after)
            )
            writes += [kept, *self._post(change, usage)]
        return writes

    def _endings(self, meter: Meter, second: int) -> Iterator[tuple[Meter | None, Meter, UsageRecord | None]]:
        """How `meter`, and its neighbours at other prices, end.

        Each item is the stored meter (None if it is new), the meter after the change, and its usage.
        """
        last = meter
        before: Meter | None = meter
        for price_change in self._prices.sheet().changes_of(meter.parts, meter.opened_at, second - 1):
            yield (before, *last.closed(price_change.at))
            before, last = None, last.following(price_change)
        yield (before, *last.closed(second))
        while meter.continues and second < meter.opened_at:
            # The price changed after the end: the meter before this one must end earlier than it did.
            earlier = self._records.numbered(meter.customer_id, meter.deployment_id, meter.number - 1)
            if earlier is None:
                raise LookupError(f"meter {meter.number} of {meter.deployment_id} continues none")
            meter = earlier
            yield (meter, *meter.closed(second))

    def _post(self, change: AccountChange, usage: UsageRecord | None) -> Sequence[Write]:
        if usage is None:
            return []
        if usage.amount_micros:
            entry = change.post(
                EntryType.USAGE if usage.amount_micros > 0 else EntryType.USAGE_CORRECTION,
                -usage.amount_micros,
                Operator.USAGE,
                reference=usage.deployment_id,
            )
            usage = replace(usage, entry_sequence=entry.sequence)
        return [self._records.insert_usage(usage)]

    def run(self) -> int:
        """Queue every shard for a worker; return their number."""
        for shard in range(SHARDS):
            self._queue.send(shard)
        return SHARDS

    def run_at_changes(self) -> Sequence[int]:
        """Queue every shard for each second at which a price is about to change; return these seconds.

        So burn and projected zero follow the change within moments. A lost or repeated run changes no charge.
        """
        now = epoch_seconds(self._clock.now())
        moments = self._prices.sheet().moments(now - 1, now + _LOOK_AHEAD_SECONDS)
        for moment in moments:
            for shard in range(SHARDS):
                self._queue.send(shard, delay_seconds=moment - now + 1)
        return moments

    def meter_shard(self, shard: int) -> int:
        """Post all open meters of `shard` up to now; return how many moved.

        Every customer is processed; errors are raised at the end.

        Raises:
            ExceptionGroup: metering failed for at least one customer.
        """
        moved = 0
        errors: list[Exception] = []
        sheet = self._prices.sheet()
        for customer_id, meters in groupby(self._records.open_meters(shard), key=lambda meter: meter.customer_id):
            try:
                for batch in _batches(meters, _METERS_PER_TRANSACTION):
                    moved += self._meter_customer(customer_id, batch, sheet)
            except Exception as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup(f"{len(errors)} customers of shard {shard} were not metered", errors)
        return moved

    def _meter_customer(self, customer_id: str, seen: Sequence[Meter], sheet: PriceSheet) -> int:
        """Post the meters `seen`, all of one customer; at each price change, continue with the next meter."""
        meters = seen
        while due := [meter for meter in meters if self._due_change(sheet, meter, self._now()) is not None]:
            for batch in _batches(due, _CHANGES_PER_TRANSACTION):
                self._commit(customer_id, batch, partial(self._change_price, sheet))
            meters = list(self._fresh(customer_id, meters))
        return self._commit(customer_id, meters, self._move)

    def _now(self) -> int:
        return epoch_seconds(self._clock.now())

    def _fresh(self, customer_id: str, seen: Sequence[Meter]) -> Iterator[Meter]:
        """The latest meters of the same deployments, read again from the table."""
        for deployment_id in dict.fromkeys(meter.deployment_id for meter in seen):
            if (fresh := self._records.meter(customer_id, deployment_id)) is not None:
                yield fresh

    def _commit(self, customer_id: str, seen: Sequence[Meter], step: MeterStep) -> int:
        """Apply `step` to the open meters of `seen` in one transaction; `seen` may be stale."""
        meters: Sequence[Meter] = seen

        def commit() -> int:
            nonlocal meters
            now = self._clock.now()
            change = self._ledger.change(customer_id, now)
            try:
                done = [step(change, meter, epoch_seconds(now)) for meter in meters if meter.closed_at is None]
                done = [writes for writes in done if writes]
                if done:
                    self._transactor.commit([*change.writes(), *(write for writes in done for write in writes)])
            except ConditionFailed:
                # The next attempt reads the meters again.
                meters = list(self._fresh(customer_id, seen))
                raise
            return len(done)

        return with_fresh_reads(commit, stale=_STALE)

    @staticmethod
    def _due_change(sheet: PriceSheet, meter: Meter, second: int) -> PriceChange | None:
        """The first change of an open meter's price up to `second`; None if there is none."""
        if meter.closed_at is not None:
            return None
        return next(sheet.changes_of(meter.parts, meter.opened_at, second), None)

    def _move(self, change: AccountChange, meter: Meter, second: int) -> Sequence[Write]:
        """Record and post usage up to `second`; nothing if `second` is not after the watermark."""
        moved, usage = meter.advanced(second)
        if usage is None:
            return []
        price, start, end = meter.price_micros_per_hour, meter.watermark, moved.watermark
        change.change_burn(lambda burn: burn.moved(price, start, end))
        change.count(lambda spending: spending.moved(price, start, end, meter.charge_until), meter.api_key_id)
        return [self._records.replace_meter(meter, moved), *self._post(change, usage)]

    def _change_price(
        self, sheet: PriceSheet, change: AccountChange, meter: Meter, second: int
    ) -> Sequence[Write]:
        """Close the meter at the second of the price change, and open the next one at the same second."""
        due = self._due_change(sheet, meter, second)
        if due is None:
            return []
        closed, usage = meter.closed(due.at)
        following = meter.following(due)
        _count_out(change, meter, closed.watermark)
        _count_in(change, following)
        return [
            self._records.replace_meter(meter, closed),
            *self._post(change, usage),
            self._records.insert_meter(following),
            *self._tags.show_price(following),
        ]


def _count_in(change: AccountChange, meter: Meter) -> None:
    """Add an open meter that is recorded up to its watermark."""
    price, watermark = meter.price_micros_per_hour, meter.watermark
    change.change_burn(lambda burn: burn.with_meter(price, watermark))
    change.count(lambda spending: spending.with_meter(price, watermark), meter.api_key_id)


def _count_out(change: AccountChange, meter: Meter, end: int) -> None:
    """Remove an open meter that is posted, or taken back, to `end`."""
    price, start = meter.price_micros_per_hour, meter.watermark
    change.change_burn(lambda burn: burn.without_meter(price, start))
    change.count(lambda spending: spending.without_meter(price, start, end, meter.charge_until), meter.api_key_id)


def _batches(meters: Iterable[Meter], most: int) -> Iterator[Sequence[Meter]]:
    rest = iter(meters)
    while batch := list(islice(rest, most)):
        yield batch
