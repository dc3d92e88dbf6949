"""Turning seconds into ledger entries."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, islice

from chalicelib.domain.money.ledger.models import EntryType, Operator
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.metering.models import Meter, UsageRecord
from chalicelib.domain.money.metering.ports import (
    METER_UNCHANGED,
    SHARDS,
    MeteringQueue,
    MeterRecords,
    Prices,
    PriceTags,
)
from chalicelib.domain.money.metering.prices import Parts, PriceChange, PriceSheet
from chalicelib.kernel.clock import Clock, epoch_seconds
from chalicelib.kernel.limits import MAX_TRANSACTION_WRITES
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_WRITES_PER_METER = 4  # the meter, its usage record, its ledger entry, and what its API key has spent
_METERS_PER_TRANSACTION = (MAX_TRANSACTION_WRITES - 1) // _WRITES_PER_METER  # one write is the account's
_WRITES_PER_CHANGE = _WRITES_PER_METER + 2  # also the meter that takes over, and the price that its machine shows
_CHANGES_PER_TRANSACTION = (MAX_TRANSACTION_WRITES - 1) // _WRITES_PER_CHANGE
_STALE = frozenset({ACCOUNT_UNCHANGED, METER_UNCHANGED})
_LOOK_AHEAD_SECONDS = 90
"""The interval of the schedule that looks for changes of price, and half as much for its being late."""

MeterStep = Callable[[AccountChange, Meter, int], Sequence[Write]]
"""What is done with an open meter at a second: the writes, none where there is nothing to do."""


class Metering:
    """Opens, moves and closes meters.

    `open` and `close` give writes for the caller's own transaction: what ends billing also closes the meter
    (G06). `run`, `run_at_changes` and `meter_shard` are the schedules' side.

    A price changes at a second of its own. Whoever comes to a meter first after it, a run or a closing, closes
    the meter at that second and goes on with the next one, so that it does not matter when that is.
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
        """What an hour of `parts` costs now; `price_micros_per_hour` where their prices are not known."""
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
        """The meter that a deployment's next running begins with, not kept yet.

        Args:
            customer_id: who pays.
            deployment_id: for what.
            parts: what its price is the sum of; it is the price in force when the meter opens.
            price_micros_per_hour: the price where those of the parts are not known.
            at: the first second that is charged (since 1970), where the last meter ended before it.
            api_key_id: the API key whose spending it counts for.
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
        """Start `meter`; the first charged second is its opening."""
        _count_in(change, meter)
        return [self._records.insert_meter(meter)]

    def close(self, change: AccountChange, meter: Meter, second: int) -> Sequence[Write]:
        """End `meter` at `second`, posting what is left, or taking back what was posted beyond it.

        Where its price changed in between, each price is charged for its own seconds.
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
        """How `meter`, and its neighbours at other prices, end: each as it was, if it was, and as it is now."""
        last = meter
        before: Meter | None = meter
        for price_change in self._prices.sheet().changes_of(meter.parts, meter.opened_at, second - 1):
            yield (before, *last.closed(price_change.at))
            before, last = None, last.following(price_change)
        yield (before, *last.closed(second))
        while meter.continues and second < meter.opened_at:
            # A change of price was beyond the end already: the meter before it ends earlier than it had.
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
        """Hand every shard to a worker; how many there are."""
        for shard in range(SHARDS):
            self._queue.send(shard)
        return SHARDS

    def run_at_changes(self) -> Sequence[int]:
        """Have every shard metered at each second at which a price changes soon; those seconds.

        So burn and projected zero follow within moments. A run that is lost, or comes twice, changes no charge.
        """
        now = epoch_seconds(self._clock.now())
        moments = self._prices.sheet().moments(now - 1, now + _LOOK_AHEAD_SECONDS)
        for moment in moments:
            for shard in range(SHARDS):
                self._queue.send(shard, delay_seconds=moment - now + 1)
        return moments

    def meter_shard(self, shard: int) -> int:
        """Post all open meters of `shard` up to now; how many were moved.

        One customer's trouble does not keep the others from being metered.

        Raises:
            ExceptionGroup: what went wrong, after everybody had their turn.
        """
        moved = 0
        troubles: list[Exception] = []
        sheet = self._prices.sheet()
        for customer_id, meters in groupby(self._records.open_meters(shard), key=lambda meter: meter.customer_id):
            try:
                for batch in _batches(meters, _METERS_PER_TRANSACTION):
                    moved += self._meter_customer(customer_id, batch, sheet)
            except Exception as trouble:
                troubles.append(trouble)
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} customers of shard {shard} were not metered", troubles)
        return moved

    def _meter_customer(self, customer_id: str, seen: Sequence[Meter], sheet: PriceSheet) -> int:
        """Post `seen`, all of one customer: up to each change of price, and with the next meter from there on."""
        meters = seen
        while due := [meter for meter in meters if self._due_change(sheet, meter, self._now()) is not None]:
            for batch in _batches(due, _CHANGES_PER_TRANSACTION):
                self._commit(customer_id, batch, partial(self._change_price, sheet))
            meters = list(self._fresh(customer_id, meters))
        return self._commit(customer_id, meters, self._move)

    def _now(self) -> int:
        return epoch_seconds(self._clock.now())

    def _fresh(self, customer_id: str, seen: Sequence[Meter]) -> Iterator[Meter]:
        """The latest meters of the same deployments, from the records themselves."""
        for deployment_id in dict.fromkeys(meter.deployment_id for meter in seen):
            if (fresh := self._records.meter(customer_id, deployment_id)) is not None:
                yield fresh

    def _commit(self, customer_id: str, seen: Sequence[Meter], step: MeterStep) -> int:
        """Do `step` with the open ones of `seen`, in one transaction; the copies may be stale."""
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
                # Another attempt starts from the records themselves.
                meters = list(self._fresh(customer_id, seen))
                raise
            return len(done)

        return with_fresh_reads(commit, stale=_STALE)

    @staticmethod
    def _due_change(sheet: PriceSheet, meter: Meter, second: int) -> PriceChange | None:
        """The next change of an open meter's price, where it lies behind."""
        if meter.closed_at is not None:
            return None
        return next(sheet.changes_of(meter.parts, meter.opened_at, second), None)

    def _move(self, change: AccountChange, meter: Meter, second: int) -> Sequence[Write]:
        """Record and post up to `second`; nothing where that is not ahead of the watermark."""
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
        """Close the meter where its price changes, and let the next one take over at that very second."""
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
    """One open meter more, recorded up to its watermark."""
    price, watermark = meter.price_micros_per_hour, meter.watermark
    change.change_burn(lambda burn: burn.with_meter(price, watermark))
    change.count(lambda spending: spending.with_meter(price, watermark), meter.api_key_id)


def _count_out(change: AccountChange, meter: Meter, end: int) -> None:
    """One open meter fewer, which is posted, or taken back, to `end`."""
    price, start = meter.price_micros_per_hour, meter.watermark
    change.change_burn(lambda burn: burn.without_meter(price, start))
    change.count(lambda spending: spending.without_meter(price, start, end, meter.charge_until), meter.api_key_id)


def _batches(meters: Iterable[Meter], most: int) -> Iterator[Sequence[Meter]]:
    rest = iter(meters)
    while batch := list(islice(rest, most)):
        yield batch
