"""Turning seconds into ledger entries."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby, islice

from chalicelib.kernel.clock import Clock, epoch_seconds
from chalicelib.kernel.limits import MAX_TRANSACTION_WRITES
from chalicelib.kernel.transactions import Transactor, Write, with_fresh_reads
from chalicelib.ledger.models import EntryType, Operator
from chalicelib.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.ledger.service import AccountChange, Ledger
from chalicelib.metering.models import Meter, UsageRecord
from chalicelib.metering.ports import METER_UNCHANGED, SHARDS, MeteringQueue, MeterRecords

_WRITES_PER_METER = 4  # the meter, its usage record, its ledger entry, and what its API key has spent
_METERS_PER_TRANSACTION = (MAX_TRANSACTION_WRITES - 1) // _WRITES_PER_METER  # one write is the account's
_STALE = frozenset({ACCOUNT_UNCHANGED, METER_UNCHANGED})


class Metering:
    """Opens, moves and closes meters.

    `open`, `move` and `close` give writes for the caller's own transaction: what ends billing also closes the
    meter (G06). `run` and `meter_shard` are the schedule's side.
    """

    def __init__(
        self,
        records: MeterRecords,
        ledger: Ledger,
        transactor: Transactor,
        queue: MeteringQueue,
        clock: Clock,
    ) -> None:
        self._records = records
        self._ledger = ledger
        self._transactor = transactor
        self._queue = queue
        self._clock = clock

    def meter(self, customer_id: str, deployment_id: str) -> Meter | None:
        """A deployment's latest meter."""
        return self._records.meter(customer_id, deployment_id)

    def open(self, change: AccountChange, meter: Meter) -> Sequence[Write]:
        """Start `meter`; the first charged second is its opening."""
        price, watermark = meter.price_micros_per_hour, meter.watermark
        change.change_burn(lambda burn: burn.with_meter(price, watermark))
        change.count(lambda spending: spending.with_meter(price, watermark), meter.api_key_id)
        return [self._records.insert_meter(meter)]

    def move(self, change: AccountChange, meter: Meter, second: int) -> Sequence[Write]:
        """Record and post up to `second`; nothing where that is not ahead of the watermark."""
        moved, usage = meter.advanced(second)
        if usage is None:
            return []
        price, start, end = meter.price_micros_per_hour, meter.watermark, moved.watermark
        change.change_burn(lambda burn: burn.moved(price, start, end))
        change.count(lambda spending: spending.moved(price, start, end, meter.charge_until), meter.api_key_id)
        return [self._records.replace_meter(meter, moved), self._post(change, usage)]

    def close(self, change: AccountChange, meter: Meter, second: int) -> Sequence[Write]:
        """End `meter` at `second`, posting what is left, or taking back what was posted beyond it."""
        closed, usage = meter.closed(second)
        price, start, end = meter.price_micros_per_hour, meter.watermark, closed.watermark
        change.change_burn(lambda burn: burn.without_meter(price, start))
        change.count(
            lambda spending: spending.without_meter(price, start, end, meter.charge_until), meter.api_key_id
        )
        writes = [self._records.replace_meter(meter, closed)]
        return [*writes, self._post(change, usage)] if usage else writes

    def _post(self, change: AccountChange, usage: UsageRecord) -> Write:
        if usage.amount_micros:
            entry = change.post(
                EntryType.USAGE if usage.amount_micros > 0 else EntryType.USAGE_CORRECTION,
                -usage.amount_micros,
                Operator.USAGE,
                reference=usage.deployment_id,
            )
            usage = replace(usage, entry_sequence=entry.sequence)
        return self._records.insert_usage(usage)

    def run(self) -> int:
        """Hand every shard to a worker; how many there are."""
        for shard in range(SHARDS):
            self._queue.send(shard)
        return SHARDS

    def meter_shard(self, shard: int) -> int:
        """Post all open meters of `shard` up to now; how many were moved.

        One customer's trouble does not keep the others from being metered.

        Raises:
            ExceptionGroup: what went wrong, after everybody had their turn.
        """
        moved = 0
        troubles: list[Exception] = []
        for customer_id, meters in groupby(self._records.open_meters(shard), key=lambda meter: meter.customer_id):
            try:
                while batch := list(islice(meters, _METERS_PER_TRANSACTION)):
                    moved += self._meter_customer(customer_id, batch)
            except Exception as trouble:
                troubles.append(trouble)
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} customers of shard {shard} were not metered", troubles)
        return moved

    def _meter_customer(self, customer_id: str, seen: Sequence[Meter]) -> int:
        """Post `seen`, all of one customer, in one transaction; the copies may be stale."""
        meters: Iterable[Meter] = seen

        def post() -> int:
            nonlocal meters
            now = self._clock.now()
            change = self._ledger.change(customer_id, now)
            moves = [self.move(change, meter, epoch_seconds(now)) for meter in meters if meter.closed_at is None]
            moves = [writes for writes in moves if writes]
            # Whatever goes wrong with these copies, another attempt starts from the records themselves.
            meters = (
                fresh
                for deployment_id in dict.fromkeys(meter.deployment_id for meter in seen)
                if (fresh := self._records.meter(customer_id, deployment_id)) is not None
            )
            if moves:
                self._transactor.commit([*change.writes(), *(write for writes in moves for write in writes)])
            return len(moves)

        return with_fresh_reads(post, stale=_STALE)
