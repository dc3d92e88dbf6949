"""Random schedules of metering: runs, replays, crashes, concurrent runs, skewed clocks, a lagging index, closings,
new prices.

The hypothesis state machine drives the real `Metering` and `Ledger`, and compares the ledger with its own formula
after each step.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial
from itertools import pairwise
from math import floor
from typing import Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.domain.money.ledger.models import Burn, Entry
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED, LedgerRecords
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.metering.models import Meter, PriceChange, PriceSheet, UsageRecord
from chalicelib.domain.money.metering.ports import METER_UNCHANGED, SHARDS, MeterRecords, PriceTags
from chalicelib.domain.money.metering.service import Metering
from chalicelib.domain.money.metering.slots import hours, slots
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.days import day_around
from chalicelib.kernel.transactions import Transactor, with_fresh_reads
from tests.fakes.money import Crash, InterruptedTransactor, MemoryQueue
from tests.support.clock import SettableClock

_STALE = frozenset({ACCOUNT_UNCHANGED, METER_UNCHANGED})
PRICES = st.one_of(st.integers(1, 5_000), st.integers(1, 50_000_000))
SECONDS = st.one_of(st.integers(0, 3), st.integers(0, 20_000))
MAX_SKEW_SECONDS = 400
SKEWS = st.integers(-MAX_SKEW_SECONDS, MAX_SKEW_SECONDS)
NOTICE_SECONDS = MAX_SKEW_SECONDS + 2
"""The notice of a price change; it is longer than any skew, so that no clock has charged beyond the change."""
UNITS = st.fixed_dictionaries({"type": st.just(1), "storage": st.integers(0, 3)})
DIVISIONS = (hours, partial(day_around, time_zone="UTC"), partial(day_around, time_zone="Asia/Kathmandu"))
CRASHES = st.sampled_from(["", "before", "after"])


class LaggingMeterRecords(MeterRecords, PriceTags, Protocol):
    """Meter records whose index can be made to show an earlier state."""

    lagging: Sequence[Meter] | None

    def now_open(self) -> Sequence[Meter]:
        """The open meters of all shards."""
        ...


class SkewedClock:
    """The clock of a worker, off by `skew_seconds`."""

    def __init__(self, true: SettableClock) -> None:
        self._true = true
        self.skew_seconds = 0

    def now(self) -> datetime:
        """The time by this clock."""
        return self._true.now() + timedelta(seconds=self.skew_seconds)


@dataclass
class Life:
    """The test's own record of one period in which a deployment ran."""

    customer_id: str
    deployment_id: str
    parts: Mapping[str, int]
    opened_at: int
    ended_at: int | None = None


def exact_charge(price_micros_per_hour: int, seconds: int) -> int:
    """The price of some seconds, rounded down to a micro-dollar."""
    return floor(Fraction(price_micros_per_hour * max(0, seconds), 3600))


class PriceHistories:
    """The test's own record of prices, each by the second from which it is in force."""

    def __init__(self, **prices: int) -> None:
        self.by_name = {name: {0: price} for name, price in prices.items()}

    def price(self, parts: Mapping[str, int], second: int) -> int:
        """The price of `parts` per hour at `second`."""
        return sum(
            units * self.by_name[name][max(at for at in self.by_name[name] if at <= second)]
            for name, units in parts.items()
        )

    def periods(self, parts: Mapping[str, int], start: int, end: int) -> list[tuple[int, int, int]]:
        """The longest spans with one price between `start` and `end`: start, end, price."""
        edges = sorted({at for name in parts for at in self.by_name[name] if start < at < end})
        found: list[tuple[int, int, int]] = []
        for first, last in pairwise([start, *edges, end]):
            price = self.price(parts, first)
            start_of_span = found.pop()[0] if found and found[-1][2] == price else first
            found.append((start_of_span, last, price))
        return found

    def charge(self, parts: Mapping[str, int], start: int, end: int) -> int:
        """The sum of the exact charges of all spans with one price."""
        return sum(exact_charge(price, last - first) for first, last, price in self.periods(parts, start, end))

    def sheet(self) -> PriceSheet:
        """The price sheet of the product with these prices."""
        return PriceSheet(
            {
                name: tuple(PriceChange(at, prices[at]) for at in sorted(prices))
                for name, prices in self.by_name.items()
            }
        )


class MeteringSchedule(RuleBasedStateMachine):
    """The state machine; subclasses provide the services."""

    def parts(self) -> tuple[LedgerRecords, LaggingMeterRecords, Transactor]:
        """Services on an empty table."""
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        """Begin with two customers."""
        self.books, self.meters, transactor = self.parts()
        self.transactor = InterruptedTransactor(transactor)
        self.time = SettableClock()
        self.clock = SkewedClock(self.time)
        self.ledger = Ledger(self.books, self.transactor, self.clock)
        self.prices = PriceHistories(type=3_600, storage=100)
        self.metering = Metering(
            self.meters, self.prices, self.meters, self.ledger, self.transactor, MemoryQueue(), self.clock
        )
        self.customers = ("cus_one", "cus_two")
        for customer_id in self.customers:
            self.transactor.commit(self.ledger.open_account(customer_id))
        self.lives: list[Life] = []
        self.snapshot: Sequence[Meter] = ()

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        """Advance the time."""
        self.time.advance(seconds)

    @rule(skew_seconds=SKEWS)
    def another_worker(self, skew_seconds: int) -> None:
        """Use another clock for the next runs."""
        self.clock.skew_seconds = skew_seconds

    @rule()
    def the_index_is_looked_at(self) -> None:
        """Store the present index, which a later run may still see."""
        self.snapshot = list(self.meters.now_open())

    @rule(name=st.sampled_from(["type", "storage"]), price=PRICES, notice=SECONDS)
    def a_change_of_price_is_announced(self, name: str, price: int, notice: int) -> None:
        """Announce a new price of a part of machines, in force from a few seconds from now."""
        self.prices.by_name[name][epoch_seconds(self.time.now()) + NOTICE_SECONDS + notice] = price

    @precondition(lambda self: len(self.lives) < 5)
    @rule(whose=st.integers(0, 1), units=UNITS)
    def a_machine_becomes_active(self, whose: int, units: Mapping[str, int]) -> None:
        """Open a meter."""
        customer_id, deployment_id = self.customers[whose], f"dep_{len(self.lives)}"
        self.a_machine(customer_id, deployment_id)
        self._open(customer_id, deployment_id, {name: count for name, count in units.items() if count})

    @precondition(lambda self: len(self.lives) < 5 and any(life.ended_at for life in self.lives))
    @rule(which=st.integers(0, 4))
    def a_machine_runs_again(self, which: int) -> None:
        """Switch a stopped machine on: its next meter opens, at the present price."""
        ended = [life for life in self.lives if life.ended_at is not None]
        last = ended[which % len(ended)]
        if all(life.ended_at is not None for life in self.lives if life.deployment_id == last.deployment_id):
            self._open(last.customer_id, last.deployment_id, last.parts)

    def a_machine(self, customer_id: str, deployment_id: str) -> None:
        """Create the deployment of a meter, for subclasses that need it."""

    def key_of(self, deployment_id: str) -> str:
        """The API key whose spending includes the deployment; none, unless a subclass says so."""
        return ""

    def _open(self, customer_id: str, deployment_id: str, parts: Mapping[str, int]) -> None:
        opens = epoch_seconds(self.clock.now()) + 1
        api_key_id = self.key_of(deployment_id)
        meter = self.metering.next_meter(customer_id, deployment_id, parts, 0, opens, api_key_id=api_key_id)
        assert meter.opened_at >= opens

        def opening() -> None:
            change = self.ledger.change(customer_id, self.clock.now())
            self.transactor.commit([*self.metering.open(change, meter), *change.writes()])

        with_fresh_reads(opening, stale=frozenset({ACCOUNT_UNCHANGED}))
        self.lives.append(Life(customer_id, deployment_id, parts, meter.opened_at))

    @rule(crash=CRASHES, lags=st.booleans())
    def a_run(self, crash: str, lags: bool) -> None:
        """Meter every shard once; the worker may crash before or after a write."""
        self._interrupt(crash)
        self._run(lags=lags)

    @rule(skew_seconds=SKEWS, lags=st.booleans())
    def two_runs_at_once(self, skew_seconds: int, lags: bool) -> None:
        """Run metering between the reads and the writes of another run."""
        self.transactor.before = lambda: self._run_elsewhere(skew_seconds)
        self._run(lags=lags)

    @precondition(lambda self: self._running())
    @rule(which=st.integers(0, 4), lags=st.booleans())
    def a_machine_ends_during_a_run(self, which: int, lags: bool) -> None:
        """Delete a machine between the reads and the writes of a run."""
        life = self._any(which)
        self.transactor.before = lambda: self._close(life)
        self._run(lags=lags)

    @precondition(lambda self: self._running())
    @rule(which=st.integers(0, 4), skew_seconds=SKEWS)
    def a_run_during_the_end_of_a_machine(self, which: int, skew_seconds: int) -> None:
        """Run metering between the reads and the writes of a deletion."""
        self.transactor.before = lambda: self._run_elsewhere(skew_seconds)
        self._close(self._any(which))

    @precondition(lambda self: self._running())
    @rule(which=st.integers(0, 4), crash=CRASHES)
    def a_machine_ends(self, which: int, crash: str) -> None:
        """Delete a machine; if that crashes, the customer may repeat it."""
        life = self._any(which)
        self._interrupt(crash)
        self._close(life)
        if crash == "after":
            self._close(life)

    def _interrupt(self, crash: str) -> None:
        def die() -> None:
            raise Crash

        self.transactor.before = die if crash == "before" else None
        self.transactor.after = die if crash == "after" else None

    def _run(self, *, lags: bool = False) -> None:
        self.meters.lagging = self.snapshot if lags else None
        for shard in [0] if lags else range(SHARDS):
            try:
                self.metering.meter_shard(shard)
            except ExceptionGroup as group:
                if group.split(Crash)[1] is not None:
                    raise
        self.meters.lagging = None
        self.transactor.before = self.transactor.after = None

    def _run_elsewhere(self, skew_seconds: int) -> None:
        own, self.clock.skew_seconds = self.clock.skew_seconds, skew_seconds
        lagging = self.meters.lagging
        self._run()
        self.meters.lagging = lagging
        self.clock.skew_seconds = own

    def _close(self, life: Life) -> None:
        """Close the meter as a deletion does, in the transaction that ends billing (G06)."""

        def closing() -> None:
            meter = self.metering.meter(life.customer_id, life.deployment_id)
            assert meter is not None
            if meter.closed_at is not None:
                return
            now = self.clock.now()
            change = self.ledger.change(life.customer_id, now)
            writes = self.metering.close(change, meter, epoch_seconds(now))
            self._commit(life, epoch_seconds(now), lambda: self.transactor.commit([*change.writes(), *writes]))

        with_fresh_reads(closing, stale=_STALE)
        self.transactor.before = self.transactor.after = None

    def _commit(self, life: Life, second: int, commit: Callable[[], None]) -> None:
        try:
            commit()
        except Crash:
            meter = self.metering.meter(life.customer_id, life.deployment_id)
            if meter is None or meter.closed_at is None:
                return
        life.ended_at = max(second, life.opened_at)

    def _running(self) -> list[Life]:
        return [life for life in self.lives if life.ended_at is None]

    def _any(self, which: int) -> Life:
        running = self._running()
        return running[which % len(running)]

    @invariant()
    def the_books_agree_with_the_formula(self) -> None:
        """Check that intervals leave no gap, sums are exact, entries are numbered, and balances and burn match."""
        for customer_id in getattr(self, "customers", ()):
            self._prove(customer_id)

    def _prove(self, customer_id: str) -> None:
        account = self.books.account(customer_id)
        assert account is not None
        entries = list(self.books.all_entries(customer_id))
        assert [entry.sequence for entry in entries] == list(range(1, account.sequence + 1))
        assert all(earlier.at < later.at for earlier, later in pairwise(entries))
        assert [entry.balance_after_micros for entry in entries] == [
            sum(entry.change_micros for entry in entries[: count + 1]) for count in range(len(entries))
        ]
        burn, total, posted = Burn(), 0, {entry.sequence: entry for entry in entries}
        own = [life for life in self.lives if life.customer_id == customer_id]
        for deployment_id in {life.deployment_id for life in own}:
            lives = [life for life in own if life.deployment_id == deployment_id]
            meters = list(self.meters.meters(customer_id, deployment_id))
            assert [meter.number for meter in meters] == list(range(1, len(meters) + 1))
            runs = [list(run) for run in _runs(meters)]
            assert len(runs) == len(lives)
            for life, run in zip(lives, runs, strict=True):
                total += self._prove_prices(life, run)
            records = list(self.meters.all_usage(customer_id, deployment_id))
            charged = sum(record.amount_micros for record in records)
            seconds = sum(record.end - record.start for record in records)
            for division in DIVISIONS:
                divided = list(slots(meters, division, 0, meters[-1].watermark + 1))
                assert (sum(slot.amount_micros for slot in divided), sum(slot.seconds for slot in divided)) == (
                    charged,
                    seconds,
                )
                assert all(earlier.end <= later.start for earlier, later in pairwise(divided))
            for meter in meters:
                self._prove_meter(meter, [record for record in records if record.meter == meter.number], posted)
                if meter.closed_at is None:
                    burn = burn.with_meter(meter.price_micros_per_hour, meter.watermark)
        assert not posted
        assert account.posted_micros == -total
        assert account.burn == burn

    def _prove_prices(self, life: Life, run: Sequence[Meter]) -> int:
        """Check that the meters of one period follow each other at changes of price; return their total charge."""
        last = run[-1]
        assert run[0].opened_at == life.opened_at
        assert last.closed_at == (None if life.ended_at is None else max(life.ended_at, last.opened_at))
        end = last.watermark if life.ended_at is None else life.ended_at
        charged = [meter for meter in run if meter.watermark > meter.opened_at]
        assert [
            (meter.opened_at, meter.watermark, meter.price_micros_per_hour) for meter in charged
        ] == self.prices.periods(life.parts, life.opened_at, end)[: len(charged)]
        total = sum(exact_charge(meter.price_micros_per_hour, meter.watermark - meter.opened_at) for meter in run)
        assert total == self.prices.charge(life.parts, life.opened_at, end)
        return total

    @staticmethod
    def _prove_meter(meter: Meter, usage: Sequence[UsageRecord], posted: dict[int, Entry]) -> None:
        """Check that intervals fill the meter, each costs what the formula gives, and each has its entry."""
        edges = [meter.opened_at, *(record.end for record in usage)]
        assert [record.start for record in usage] == edges[:-1]
        assert edges[-1] == meter.watermark
        assert meter.closed_at in {None, meter.watermark}
        for record in usage:
            price = meter.price_micros_per_hour
            amount = exact_charge(price, record.end - meter.opened_at)
            amount -= exact_charge(price, record.start - meter.opened_at)
            assert record.amount_micros == amount
            if amount:
                assert record.entry_sequence is not None
                entry = posted.pop(record.entry_sequence)
                assert (entry.change_micros, entry.reference) == (-amount, meter.deployment_id)


def _runs(meters: Sequence[Meter]) -> Iterator[Sequence[Meter]]:
    """A deployment's meters by period: a meter opened by a change of price belongs to the one before."""
    starts = [number for number, meter in enumerate(meters) if not meter.continues]
    for start, end in pairwise([*starts, len(meters)]):
        yield meters[start:end]
