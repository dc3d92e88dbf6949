"""Composes an invoice from ledger entries: its lines, in cents, add up to what the ledger booked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime

from chalicelib.domain.money.billing.models import (
    MICROS_PER_CENT,
    BillingProfile,
    BillingState,
    Invoice,
    Movement,
    MovementKind,
    Period,
    Remainders,
    Seller,
    Summary,
    Tax,
    TaxPoint,
    Totals,
    UsageLine,
)
from chalicelib.domain.money.billing.periods import day_of
from chalicelib.domain.money.ledger.models import Entry, EntryType, Operator
from chalicelib.domain.money.metering.models import Meter, UsageRecord
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.ids import Kind, is_id

MAX_LINES = 4_000
"""With more lines, all machines of a day share one line: an invoice must fit into one item of the table."""

_METERED = frozenset({EntryType.USAGE, EntryType.USAGE_CORRECTION})


class DoesNotAddUp(Exception):
    """The lines of an invoice do not add up to its ledger entries. It must not be issued."""


class Cents:
    """Converts micro-dollars to whole cents; the remainder of one amount is added to the next."""

    def __init__(self, carried_micros: int) -> None:
        self.brought_forward, self.left_micros = divmod(carried_micros, MICROS_PER_CENT)

    def take(self, micros: int) -> int:
        """The whole cents in `micros` plus the remainder so far."""
        cents, self.left_micros = divmod(self.left_micros + micros, MICROS_PER_CENT)
        return cents


@dataclass
class Booked:
    """Collects the entries of one invoice as they are read: usage summed by deployment, all others one by one."""

    first_sequence: int
    opening_micros: int
    last_at: datetime
    last_sequence: int = 0
    closing_micros: int = 0
    usage_micros: dict[str, int] = field(default_factory=dict)
    others: list[Entry] = field(default_factory=list)

    @classmethod
    def starting(cls, first: Entry) -> "Booked":
        """An empty collection whose first entry will be `first`."""
        return cls(first.sequence, first.balance_after_micros - first.change_micros, first.at)

    def add(self, entry: Entry) -> None:
        """Add `entry`."""
        self.last_sequence, self.last_at = entry.sequence, entry.at
        self.closing_micros = entry.balance_after_micros
        if entry.type in _METERED:
            used = self.usage_micros.get(entry.reference, 0)
            self.usage_micros[entry.reference] = used - entry.change_micros
        else:
            self.others.append(entry)

    def covers(self, sequence: int | None) -> bool:
        """Whether the entry with this number is in the collection."""
        return sequence is not None and self.first_sequence <= sequence <= self.last_sequence


@dataclass(frozen=True)
class UsageOfDay:
    """The usage of one deployment in one day."""

    day: date
    deployment_id: str
    name: str
    instance_type: str
    seconds: int
    amount_micros: int


def days_of(record: UsageRecord, meter: Meter, time_zone: str) -> Iterator[tuple[date, int, int]]:
    """Cut a usage record at each midnight: day, seconds and micro-dollars. The parts add up to the record.

    A record that runs backwards (a correction) takes back from each day the part that lies in that day.
    """
    edge, end = sorted((record.start, record.end))
    sign = 1 if record.start < record.end else -1
    while edge < end:
        day, midnight = day_of(edge, time_zone)
        following = min(midnight, end)
        amount_micros = meter.charge_until(following) - meter.charge_until(edge)
        yield day, sign * (following - edge), sign * amount_micros
        edge = following


def daily_usage(
    records: Iterable[UsageRecord], meters: Mapping[int, Meter], time_zone: str
) -> Mapping[date, tuple[int, int]]:
    """Seconds and micro-dollars of one deployment by day, oldest first."""
    days: dict[date, tuple[int, int]] = {}
    for record in records:
        for day, seconds, micros in days_of(record, meters[record.meter], time_zone):
            before = days.get(day, (0, 0))
            days[day] = before[0] + seconds, before[1] + micros
    return dict(sorted(days.items()))


def draft(
    state: BillingState,
    booked: Booked,
    usage: Sequence[UsageOfDay],
    period: Period,
    seller: Seller,
    buyer: BillingProfile,
    tax: Tax,
) -> Invoice:
    """The invoice for the entries in `booked`, which follow those of `state`. It has no id, number or date yet.

    Raises:
        DoesNotAddUp: `usage` differs from what the ledger booked, or the entries do not follow those of `state`.
    """
    used_micros = sum(booked.usage_micros.values())
    if used_micros != sum(line.amount_micros for line in usage):
        raise DoesNotAddUp(f"usage records of {state.customer_id} do not sum to {used_micros} micro-dollars")
    if (booked.first_sequence, booked.opening_micros) != (state.last_sequence + 1, state.balance_micros):
        raise DoesNotAddUp(
            f"entry {booked.first_sequence} of {state.customer_id} does not follow on the last invoice"
        )
    charges = Cents(state.remainders.charges_micros)
    lines = tuple(_line(line, charges) for line in _few_enough(usage))
    payments, others = Cents(state.remainders.payments_micros), Cents(state.remainders.others_micros)
    movements = tuple(_movement(entry, payments, others) for entry in booked.others)
    credit_micros = state.credit_micros + _sum_of(movements, MovementKind.CREDIT)
    applied_micros = min(credit_micros, max(0, used_micros))
    totals, remainders = _totals(
        seller.tax_point, tax, charges, payments, lines, movements, -charges.take(-applied_micros)
    )
    invoice = Invoice(
        id="",
        number="",
        customer_id=state.customer_id,
        issued_at=period.end,
        period=period,
        seller=seller,
        buyer=buyer,
        currency=buyer.currency,
        first_sequence=booked.first_sequence,
        last_sequence=booked.last_sequence,
        lines=lines,
        movements=movements,
        summary=_summary(booked, movements, used_micros),
        totals=totals,
        tax=tax,
        remainders_before=state.remainders,
        remainders_after=replace(
            remainders, others_micros=others.left_micros + others.brought_forward * MICROS_PER_CENT
        ),
        credit_after_micros=credit_micros - applied_micros,
    )
    _check(invoice.summary)
    return invoice


def _totals(
    tax_point: TaxPoint,
    tax: Tax,
    charges: Cents,
    payments: Cents,
    lines: Sequence[UsageLine],
    movements: Sequence[Movement],
    applied_cents: int,
) -> tuple[Totals, Remainders]:
    """The totals of the invoice. A negative total is not possible: that amount stays in the remainders."""
    usage_cents = sum(line.cents for line in lines)
    payments_cents = sum(moved.cents for moved in movements if moved.kind in _MONEY)
    is_for_usage = tax_point is TaxPoint.USAGE
    basis, cents = (charges, usage_cents - applied_cents) if is_for_usage else (payments, payments_cents)
    held_over_cents = max(0, -(basis.brought_forward + cents))
    total_cents = basis.brought_forward + cents + held_over_cents

    def left(part: Cents) -> int:
        cents_left = -held_over_cents if part is basis else part.brought_forward
        return part.left_micros + cents_left * MICROS_PER_CENT

    totals = Totals(
        tax_point=tax_point,
        brought_forward_cents=basis.brought_forward,
        usage_cents=usage_cents,
        credits_applied_cents=applied_cents,
        payments_cents=payments_cents,
        held_over_cents=held_over_cents,
        total_cents=total_cents,
        tax_cents=tax.contained_in(total_cents),
    )
    return totals, Remainders(charges_micros=left(charges), payments_micros=left(payments))


_MONEY = frozenset({MovementKind.PAYMENT, MovementKind.REPAYMENT})


def _few_enough(usage: Sequence[UsageOfDay]) -> Sequence[UsageOfDay]:
    """The same usage in at most `MAX_LINES` lines, unless the period has more days than that."""
    if len(usage) <= MAX_LINES:
        return usage
    days: dict[date, UsageOfDay] = {}
    for line in usage:
        so_far = days.get(line.day, UsageOfDay(line.day, "", "All machines", "", 0, 0))
        days[line.day] = replace(
            so_far,
            seconds=so_far.seconds + line.seconds,
            amount_micros=so_far.amount_micros + line.amount_micros,
        )
    return [days[day] for day in sorted(days)]


def _line(usage: UsageOfDay, cents: Cents) -> UsageLine:
    return UsageLine(
        day=usage.day,
        deployment_id=usage.deployment_id,
        name=usage.name,
        instance_type=usage.instance_type,
        seconds=usage.seconds,
        amount_micros=usage.amount_micros,
        cents=cents.take(usage.amount_micros),
    )


def _movement(entry: Entry, payments: Cents, others: Cents) -> Movement:
    kind = movement_kind(entry)
    return Movement(
        at=entry.at,
        kind=kind,
        entry_type=entry.type,
        entry_sequence=entry.sequence,
        source=entry.counterpart,
        reference=entry.reference,
        reason=entry.reason,
        amount_micros=entry.change_micros,
        cents=(payments if kind in _MONEY else others).take(entry.change_micros),
    )


def movement_kind(entry: Entry) -> MovementKind:
    """What kind of movement an entry is that is not usage; its type, sign and counterpart tell."""
    if is_id(Kind.CREDIT_NOTE, entry.reference) and entry.counterpart == Operator.USAGE:
        return MovementKind.CREDIT_NOTE
    if entry.type is EntryType.FORFEIT:
        return MovementKind.FORFEIT
    if entry.counterpart.startswith("gateway:"):
        return MovementKind.PAYMENT if entry.change_micros > 0 else MovementKind.REPAYMENT
    if entry.counterpart.startswith("customer:"):
        return MovementKind.TRANSFER
    return MovementKind.CREDIT


def _sum_of(movements: Iterable[Movement], *kinds: MovementKind) -> int:
    return sum(moved.amount_micros for moved in movements if moved.kind in kinds)


def _summary(booked: Booked, movements: Sequence[Movement], used_micros: int) -> Summary:
    return Summary(
        opening_micros=booked.opening_micros,
        payments_micros=_sum_of(movements, *_MONEY),
        transfers_micros=_sum_of(movements, MovementKind.TRANSFER, MovementKind.FORFEIT),
        credits_micros=_sum_of(movements, MovementKind.CREDIT, MovementKind.CREDIT_NOTE),
        usage_micros=used_micros,
        closing_micros=booked.closing_micros,
    )


def _check(summary: Summary) -> None:
    change = summary.payments_micros + summary.transfers_micros + summary.credits_micros - summary.usage_micros
    if summary.opening_micros + change != summary.closing_micros:
        raise DoesNotAddUp(f"{summary} does not add up")


def state_after(state: BillingState, invoice: Invoice, booked: Booked) -> BillingState:
    """The billing state from which the next invoice starts."""
    return replace(
        state,
        last_sequence=booked.last_sequence,
        last_entry_at=booked.last_at,
        invoiced_until=invoice.period.end,
        time_zone=invoice.period.time_zone,
        balance_micros=booked.closing_micros,
        credit_micros=invoice.credit_after_micros,
        remainders=invoice.remainders_after,
        last_invoice_id=invoice.id,
        version=state.version + 1,
    )
