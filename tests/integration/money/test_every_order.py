"""Processes a payment's events in every possible order, for every gateway.

A story (a payment, part of it refunded, the rest disputed and lost) happens once at the simulated service, with
the real gateway. The test records the verified webhooks, and the gateway's answers after each step. Then the real
`Webhooks` and `Settlement` process the events in each order, on an empty store in memory.

The effect of an event depends only on the object that it names, the reference, and the gateway's present answer.
So events that are equal in all three are interchangeable, and their orders are counted once. The test runs:

- the orders of all events, and of all events with one of them delivered twice more, while the gateway already
  knows the end of the story (webhooks are late);
- the orders of all events, while the gateway knows only what it knew when the event was sent (answers are late),
with one fetch at the end; and of all events with one delivered once more, for stories in which these are at most
`MOST_WITH_REPEATS` orders (all but Stripe's hosted page and PayPal, whose stories have seven and eight events).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from math import factorial, prod
from typing import cast

import pytest

from chalicelib.domain.money.ledger.models import EntryType
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    GatewayError,
    GatewayRefused,
    Notice,
    PaymentState,
    Rate,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.ports import Gateway, SupportsReferences, SupportsRefunds
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.domain.money.top_ups.webhooks import Webhooks
from tests.contract.gateway_lab import LABS, DisputingLab, GatewayLab, Lever, PendingLab, lab_class
from tests.fakes.money import MemoryLedgerRecords, MemoryTable, MemoryTransactor
from tests.fakes.payments import FixedRates, MemoryNotices, MemoryTopUpRecords
from tests.support.clock import SettableClock

pytestmark = pytest.mark.guarantee("G01", "G02", "G09")

MOST_WITH_REPEATS = 10_000


@dataclass(frozen=True, order=True)
class Event:
    """Everything on which the processing of an event depends; it was sent after step `step` of the story."""

    provider_id: str
    reference: str
    step: int


Answers = Mapping[str, PaymentState]
"""The gateway's answers to `fetch`, by id."""


@dataclass
class Story:
    """The record of a story: its events in order, and the gateway's answers after each step."""

    top_up: TopUp
    events: list[Event] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)
    references: dict[str, str | None] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The last step."""
        return len(self.answers) - 1


class Recorder:
    """Makes a story happen, and records it."""

    def __init__(self, lab: GatewayLab) -> None:
        self._lab = lab
        self._gateway = lab.gateway
        top_up = lab.top_up()
        checkout = self._gateway.create(top_up, return_url="https://shop.example.com/billing")
        self.story = Story(replace(top_up, provider_id=checkout.provider_id, checkout=checkout))
        self._seen: set[str] = set()
        self._ids = {checkout.provider_id}
        self._step()

    def live(self) -> Story:
        """Pay, and then do everything that can happen to a payment at this gateway."""
        lab, top_up = self._lab, self.story.top_up
        if Lever.PENDING in lab.levers:
            pending = cast("PendingLab", lab)
            pending.begin_paying(top_up)
            self._step()
            pending.finish_paying(top_up)
        else:
            lab.pay(top_up)
        self._step()
        if isinstance(self._gateway, SupportsRefunds):
            self._gateway.refund(
                top_up.provider_id or "", Amount(5_000_000, top_up.amount.currency), f"rfd-{top_up.id}"
            )
            self._step()
        if Lever.DISPUTE in lab.levers:
            disputing = cast("DisputingLab", lab)
            dispute_id = disputing.dispute(top_up)
            self._step()
            disputing.rule(dispute_id, won=False)
            self._step()
        return self.story

    def _step(self) -> None:
        """Record new events, and the gateway's present answers."""
        for delivery in self._lab.deliveries(self.story.top_up):
            notice = self._gateway.verify(delivery.raw_body, delivery.headers, self._lab.now())
            if notice.event_id not in self._seen and notice.provider_id:
                self._seen.add(notice.event_id)
                self._ids.add(notice.provider_id)
                event = Event(notice.provider_id, notice.reference or "", len(self.story.answers))
                self.story.events.append(event)
        self.story.answers.append(dict(self._answers()))
        if isinstance(self._gateway, SupportsReferences):
            for event in self.story.events:
                self.story.references.setdefault(event.provider_id, self._gateway.reference_of(event.provider_id))

    def _answers(self) -> Iterator[tuple[str, PaymentState]]:
        for provider_id in sorted(self._ids):
            try:
                yield provider_id, self._gateway.fetch(provider_id)
            except GatewayRefused:
                continue


class Replayed:
    """A gateway that repeats recorded answers."""

    def __init__(self, name: str, story: Story) -> None:
        self.name = name
        self.answers: Answers = story.answers[-1]
        self._references = story.references

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        raise GatewayError("the story has begun already")

    def find(self, top_up: TopUp) -> PaymentState | None:
        return None

    def fetch(self, provider_id: str) -> PaymentState:
        if provider_id not in self.answers:
            raise GatewayRefused(f"no {provider_id}")
        return self.answers[provider_id]

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        raise GatewayError("what is replayed was verified")

    def reference_of(self, provider_id: str) -> str | None:
        return self._references.get(provider_id)


@dataclass(frozen=True)
class Outcome:
    """The result of a story."""

    posted_micros: int
    held_micros: int
    entries: Counter[tuple[EntryType, int]]
    """The entries, by type and change of the balance."""
    status: TopUpStatus
    credited_micros: int
    refunded_micros: int
    disputed_micros: int


class Books:
    """A store with only the top-up, and the services that process events."""

    def __init__(self, story: Story, gateway: Replayed) -> None:
        self._story = story
        self._gateway = gateway
        customer_id = story.top_up.customer_id
        clock, table, rates = SettableClock(story.top_up.created_at), MemoryTable(), FixedRates()
        for currency in ("EUR", "GBP", "USDT", "USDC"):
            rates.put_rate(Rate(currency, Decimal("1.5"), clock.now()))
        transactor, self._records = MemoryTransactor(table), MemoryTopUpRecords(table)
        self._accounts = MemoryLedgerRecords(table)
        ledger = Ledger(self._accounts, transactor, clock)
        transactor.commit(ledger.open_account(customer_id))
        transactor.commit(self._records.insert_top_up(story.top_up, None))
        offered: Gateway = gateway
        self._settlement = Settlement(self._records, lambda _: offered, ledger, rates, transactor, clock)
        notices = MemoryNotices()
        self._webhooks = Webhooks(lambda _: offered, notices, notices, self._records, self._settlement, clock)

    def work_off(self, event: Event, step: int) -> None:
        """Process an event, while the gateway has its answers of `step`."""
        self._gateway.answers = self._story.answers[step]
        self._webhooks.handle(self._gateway.name, event.provider_id, event.reference or None)
        account = self._accounts.account(self._story.top_up.customer_id)
        assert account is not None
        assert account.held_micros >= 0

    def look(self) -> None:
        """Do what the schedule does, at the end of the story."""
        self._gateway.answers = self._story.answers[-1]
        self._settlement.look(self.top_up)

    @property
    def top_up(self) -> TopUp:
        """The present top-up."""
        found = self._records.top_up(self._story.top_up.customer_id, self._story.top_up.id)
        assert found is not None
        return found

    @property
    def outcome(self) -> Outcome:
        """The posted entries and the state of the top-up, without times and order."""
        customer_id = self._story.top_up.customer_id
        account = self._accounts.account(customer_id)
        assert account is not None
        entries = Counter((entry.type, entry.change_micros) for entry in self._accounts.all_entries(customer_id))
        top_up = self.top_up
        return Outcome(
            posted_micros=account.posted_micros,
            held_micros=account.held_micros,
            entries=entries,
            status=top_up.status,
            credited_micros=top_up.credited_micros,
            refunded_micros=top_up.refunded_micros,
            disputed_micros=top_up.disputed_micros,
        )


def orders(events: Counter[Event]) -> Iterator[tuple[Event, ...]]:
    """Every distinct order of `events`."""
    if not events.total():
        yield ()
    for event in sorted(events):
        if events[event]:
            rest = events.copy()
            rest[event] -= 1
            for following in orders(rest):
                yield (event, *following)


def with_one_more(events: Counter[Event], times: int) -> Iterator[Counter[Event]]:
    """`events`, and `events` with each in turn delivered `times` more."""
    yield events
    for event in sorted(events):
        yield events + Counter({event: times})


def count_orders(events: Counter[Event]) -> int:
    """The number of distinct orders: the multinomial coefficient."""
    return factorial(events.total()) // prod(factorial(count) for count in events.values())


@pytest.fixture(scope="module", params=LABS)
def story(request: pytest.FixtureRequest) -> Iterator[tuple[str, Story]]:
    lab = lab_class(request.param)()
    try:
        yield lab.gateway.name, Recorder(lab).live()
    finally:
        lab.close()


def in_order(name: str, story: Story) -> Outcome:
    """The result of the story in its real order."""
    books = Books(story, Replayed(name, story))
    for event in story.events:
        books.work_off(event, event.step)
    books.look()
    return books.outcome


def test_the_story_as_it_happened(story: tuple[str, Story]) -> None:
    """The result with which every order is compared is not empty."""
    name, lived = story
    came = in_order(name, lived)
    final = lived.answers[-1][str(lived.top_up.provider_id)]
    told = (len(final.payments), len(final.refunds), len(final.disputes))
    kinds = Counter({EntryType.TOP_UP: told[0], EntryType.REFUND: told[1], EntryType.CHARGEBACK: told[2]})
    assert Counter(type_ for type_, _ in came.entries.elements()) == kinds
    assert (came.status, came.held_micros, came.disputed_micros) == (TopUpStatus.SETTLED, 0, 0)
    assert came.credited_micros > came.refunded_micros
    assert came.posted_micros == sum(change for _, change in came.entries.elements())
    assert len(lived.events) >= 2


def test_every_order_of_late_webhooks_comes_to_the_same(story: tuple[str, Story]) -> None:
    name, lived = story
    expected, gateway = in_order(name, lived), Replayed(name, lived)
    for events in with_one_more(Counter(replace(event, step=lived.last) for event in lived.events), times=2):
        tried = 0
        for order in orders(events):
            books = Books(lived, gateway)
            for event in order:
                books.work_off(event, lived.last)
            assert books.outcome == expected, order
            tried += 1
        assert tried == count_orders(events)


def test_every_order_of_late_answers_comes_to_the_same(story: tuple[str, Story]) -> None:
    name, lived = story
    expected, gateway = in_order(name, lived), Replayed(name, lived)
    once = Counter(lived.events)
    repeated = list(with_one_more(once, times=1))
    for events in repeated if sum(map(count_orders, repeated)) <= MOST_WITH_REPEATS else [once]:
        tried = 0
        for order in orders(events):
            books = Books(lived, gateway)
            for event in order:
                books.work_off(event, event.step)
            books.look()
            assert books.outcome == expected, order
            tried += 1
        assert tried == count_orders(events)
