"""Invoices over random months contain each ledger entry once, to the micro-dollar."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.money.billing.drafting import MAX_LINES, DoesNotAddUp, UsageOfDay, _few_enough
from chalicelib.domain.money.billing.models import (
    MICROS_PER_CENT,
    BillingProfile,
    Invoice,
    MovementKind,
    PartyKind,
    Series,
    TaxPoint,
    TaxTreatment,
)
from chalicelib.domain.money.ledger.models import EntryType, Operator, gateway_account
from chalicelib.domain.money.metering.models import PriceChange
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.transactions import ConditionFailed
from tests.fakes.billing import CUSTOMER, SELLER, Months
from tests.fakes.money import Crash, InterruptedTransactor

DOLLAR = 1_000_000
HOUR = 3600
DAY = 86400
START = datetime(2031, 1, 20, 7, 30, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati", "America/Santiago", "Asia/Kolkata")
POSTS = {
    "pay": (EntryType.TOP_UP, 1, gateway_account("stripe")),
    "refund": (EntryType.REFUND, -1, gateway_account("stripe")),
    "credit": (EntryType.CREDIT, 1, Operator.CREDITS),
    "claw": (EntryType.CREDIT, -1, Operator.CREDITS),
    "reward": (EntryType.REWARD, 1, Operator.REFERRALS),
    "take back": (EntryType.REWARD, -1, Operator.REFERRALS),
    "receive": (EntryType.TRANSFER, 1, "customer:cus_other"),
    "send": (EntryType.TRANSFER, -1, "customer:cus_other"),
    "give up": (EntryType.FORFEIT, -1, Operator.FORFEITS),
}
GIVEN = {Operator.CREDITS, Operator.REFERRALS}
USAGE = {EntryType.USAGE, EntryType.USAGE_CORRECTION}


def steps() -> st.SearchStrategy[list[tuple[str, int, int]]]:
    """A strategy for steps: the kind, the machine, the amount."""
    what = st.sampled_from(
        ["start", "stop", "stop_back", "pass", "price", *POSTS, "issue", "issue now"],
    )
    amounts = st.one_of(st.integers(1, 30_000), st.integers(1, 40 * DOLLAR))
    return st.lists(st.tuples(what, st.integers(0, 2), amounts), max_size=60)


def apply(months: Months, step: tuple[str, int, int]) -> None:
    """Do one step."""
    what, number, amount = step
    name = f"dep_{number}"
    meter = months.meters.meter(CUSTOMER, name)
    is_running = meter is not None and meter.closed_at is None
    match what:
        case "start" if not is_running:
            months.start_machine(name, amount, {"type": number} if number else None)
        case "price":
            change = PriceChange(epoch_seconds(months.clock.now()) + 1 + amount % DAY, amount)
            known = months.prices.histories.get("type", (PriceChange(0, DOLLAR),))
            months.prices.histories["type"] = (*(each for each in known if each.at < change.at), change)
        case "stop" if is_running:
            months.stop_machine(name, epoch_seconds(months.clock.now()))
        case "stop_back" if meter is not None and is_running:
            months.stop_machine(name, meter.watermark - amount % 600)
        case "pass":
            months.pass_time(amount % (20 * DAY) + 1)
        case "issue":
            months.issue()
        case "issue now":
            with suppress(Conflict):
                months.invoicing().issue_now(CUSTOMER)
        case _ if what in POSTS:
            type_, sign, counterpart = POSTS[what]
            months.post(type_, sign * amount, counterpart)


def assert_sums_to_the_ledger(months: Months, tax_point: TaxPoint) -> None:
    """Assert that all invoices so far equal the sum of the entries that they cover."""
    invoices = months.issued()
    if not invoices:
        return
    state = months.state()
    entries = [entry for entry in months.entries() if entry.sequence <= state.last_sequence]
    assert sum(entry.change_micros for entry in entries) == state.balance_micros
    used = -sum(entry.change_micros for entry in entries if entry.type in USAGE)
    paid = sum(entry.change_micros for entry in entries if entry.counterpart.startswith("gateway:"))
    given_ = sum(entry.change_micros for entry in entries if entry.counterpart in GIVEN)
    asked = sum(invoice.totals.total_cents for invoice in invoices) * MICROS_PER_CENT
    if tax_point is TaxPoint.USAGE:
        assert asked + state.remainders.charges_micros == used - (given_ - state.credit_micros)
        assert state.remainders.charges_micros < MICROS_PER_CENT
    else:
        assert asked + state.remainders.payments_micros == paid
        assert state.remainders.payments_micros < MICROS_PER_CENT
    lines = [line for invoice in invoices for line in invoice.lines]
    assert sum(line.amount_micros for line in lines) == used
    assert sum(moved.amount_micros for invoice in invoices for moved in invoice.movements) == (
        state.balance_micros + used
    )


def assert_consecutive(invoices: Sequence[Invoice]) -> None:
    """Assert that numbers, entries, months and balances of the invoices are consecutive."""
    assert [invoice.first_sequence for invoice in invoices[:1]] in ([], [1])
    for earlier, later in pairwise(invoices):
        assert int(later.number[-6:]) == int(earlier.number[-6:]) + 1 or later.number[3:7] > earlier.number[3:7]
        assert later.first_sequence == earlier.last_sequence + 1
        assert later.period.start >= earlier.period.end
        assert later.issued_at >= earlier.issued_at
        assert later.summary.opening_micros == earlier.summary.closing_micros
        assert later.remainders_before == earlier.remainders_after


def assert_adds_up(invoice: Invoice) -> None:
    """Assert that the printed figures add up."""
    totals, summary = invoice.totals, invoice.summary
    basis = (
        totals.usage_cents - totals.credits_applied_cents
        if totals.tax_point is TaxPoint.USAGE
        else totals.payments_cents
    )
    assert totals.total_cents == totals.brought_forward_cents + basis + totals.held_over_cents
    assert totals.total_cents >= 0
    assert totals.held_over_cents == 0 or totals.total_cents == 0
    assert totals.usage_cents == sum(line.cents for line in invoice.lines)
    assert 0 <= totals.tax_cents <= totals.total_cents
    assert summary.opening_micros + summary.payments_micros + summary.transfers_micros + summary.credits_micros - (
        summary.usage_micros
    ) == (summary.closing_micros)
    assert all(abs(line.cents * MICROS_PER_CENT - line.amount_micros) < MICROS_PER_CENT for line in invoice.lines)


@settings(max_examples=150, deadline=None)
@given(happened=steps(), zone=st.sampled_from(ZONES), tax_point=st.sampled_from(TaxPoint))
def test_any_months_sum_to_the_ledger_exactly(
    happened: list[tuple[str, int, int]], zone: str, tax_point: TaxPoint
) -> None:
    months = Months(START, replace(SELLER, tax_point=tax_point), zone)
    for step in happened:
        apply(months, step)
    months.clock.advance(70 * DAY)
    months.issue()
    invoices = months.issued()
    assert not months.entries() or months.state().last_sequence == len(months.entries())
    assert_sums_to_the_ledger(months, tax_point)
    assert_consecutive(invoices)
    for invoice in invoices:
        assert_adds_up(invoice)
    assert months.issue() == []


def test_a_month_of_one_machine() -> None:
    months = Months(datetime(2031, 3, 30, 22, 0, tzinfo=UTC), time_zone="Europe/Berlin")
    months.post(EntryType.TOP_UP, 50 * DOLLAR, gateway_account("stripe"), reference="pi_1")
    months.clock.set(datetime(2031, 3, 31, 22, 0, tzinfo=UTC))  # midnight in Berlin
    months.start_machine("dep_a", 100_000)
    months.run_for(30)
    assert [invoice.period.end for invoice in months.issue()] == [datetime(2031, 3, 31, 22, 0, tzinfo=UTC)]
    months.clock.advance(HOUR)
    (april,) = months.issue()
    assert (april.period.start, april.period.end) == (
        datetime(2031, 3, 31, 22, 0, tzinfo=UTC),
        datetime(2031, 4, 30, 22, 0, tzinfo=UTC),
    )
    # An entry of exactly midnight belongs to the next month.
    assert [line.day for line in april.lines] == [date(2031, 4, 1) + timedelta(days=n) for n in range(30)]
    assert [line.seconds for line in april.lines] == [DAY] * 29 + [18 * HOUR]
    assert [line.cents for line in april.lines] == [240] * 29 + [180]
    assert april.totals.total_cents == 7140
    assert april.summary.closing_micros == 50 * DOLLAR - 71_400_000
    assert april.number == "HC-2031-000002"


def test_an_interval_over_midnight_is_cut_there() -> None:
    months = Months(datetime(2031, 1, 1, 22, 0, tzinfo=UTC))
    months.start_machine("dep_a", 1_000_003)
    months.pass_time(4 * HOUR)
    months.clock.advance(40 * DAY)
    (invoice,) = months.issue()
    assert [(line.day, line.seconds) for line in invoice.lines] == [
        (date(2031, 1, 1), 2 * HOUR),
        (date(2031, 1, 2), 2 * HOUR),
    ]
    assert sum(line.amount_micros for line in invoice.lines) == 4_000_012


def test_remainders_are_carried_until_they_make_a_cent() -> None:
    months = Months(datetime(2031, 1, 1, tzinfo=UTC))
    for _ in range(4):
        months.start_machine("dep_a", 4_000)
        months.pass_time(HOUR)
        months.stop_machine("dep_a", epoch_seconds(months.clock.now()))
        months.clock.advance(31 * DAY)
    months.clock.advance(31 * DAY)
    invoices = months.issue()
    assert [invoice.totals.total_cents for invoice in invoices] == [0, 0, 1, 0]
    assert months.state().remainders.charges_micros == 6_000


def test_credits_are_used_up_before_money_and_what_is_left_of_them_is_kept() -> None:
    months = Months(datetime(2031, 1, 1, tzinfo=UTC))
    months.post(EntryType.CREDIT, 30 * DOLLAR, Operator.CREDITS, reason="Welcome")
    months.start_machine("dep_a", DOLLAR)
    months.pass_time(20 * HOUR)
    months.clock.set(datetime(2031, 2, 1, 1, tzinfo=UTC))
    (january,) = months.issue()
    assert (january.totals.usage_cents, january.totals.credits_applied_cents) == (2000, 2000)
    assert (january.totals.total_cents, january.credit_after_micros) == (0, 10 * DOLLAR)
    months.stop_machine("dep_a", epoch_seconds(datetime(2031, 1, 2, 12, tzinfo=UTC)))
    months.clock.set(datetime(2031, 3, 1, 1, tzinfo=UTC))
    (february,) = months.issue()
    assert (february.totals.credits_applied_cents, february.totals.total_cents) == (1000, 600)


def test_a_month_that_gave_more_back_than_it_charged_reduces_the_next() -> None:
    months = Months(datetime(2031, 1, 31, 12, tzinfo=UTC))
    months.start_machine("dep_a", 10 * DOLLAR)
    months.pass_time(11 * HOUR)
    months.clock.set(datetime(2031, 2, 1, 1, tzinfo=UTC))
    months.issue()
    months.stop_machine("dep_a", epoch_seconds(datetime(2031, 1, 31, 20, tzinfo=UTC)))
    months.clock.set(datetime(2031, 3, 1, 1, tzinfo=UTC))
    (february,) = months.issue()
    assert (february.totals.usage_cents, february.totals.held_over_cents) == (-3000, 3000)
    assert february.totals.total_cents == 0
    months.start_machine("dep_b", 10 * DOLLAR)
    months.pass_time(4 * HOUR)
    months.clock.set(datetime(2031, 4, 1, 1, tzinfo=UTC))
    (march,) = months.issue()
    assert (march.totals.brought_forward_cents, march.totals.total_cents) == (-3000, 1000)


def test_a_machine_that_ended_before_a_price_changed_is_given_back_what_was_invoiced_at_either_price() -> None:
    """Before its end was known, it was charged beyond the end at both prices, and partly invoiced."""
    months = Months(datetime(2031, 1, 31, 12, tzinfo=UTC))
    changes_at = epoch_seconds(datetime(2031, 1, 31, 18, tzinfo=UTC))
    months.prices.histories["type"] = (PriceChange(0, 10 * DOLLAR), PriceChange(changes_at, 20 * DOLLAR))
    months.start_machine("dep_a", 0, {"type": 1})
    months.pass_time(8 * HOUR)
    months.pass_time(3 * HOUR)
    months.clock.set(datetime(2031, 2, 1, 1, tzinfo=UTC))
    months.metering.meter_shard(0)
    (january,) = months.issue()
    assert january.totals.usage_cents == 6_000 + 5 * 2_000
    months.stop_machine("dep_a", changes_at - HOUR)
    months.clock.set(datetime(2031, 3, 1, 1, tzinfo=UTC))
    (february,) = months.issue()
    assert january.totals.usage_cents + february.totals.usage_cents == 5 * 1_000
    assert [(line.day, line.seconds, line.amount_micros) for line in february.lines] == [
        (date(2031, 1, 31), -6 * HOUR, -110 * DOLLAR),
        (date(2031, 2, 1), 0, 0),
    ]
    assert_sums_to_the_ledger(months, TaxPoint.USAGE)


def test_quiet_months_have_no_invoice_and_take_no_number() -> None:
    months = Months(START)
    months.clock.advance(400 * DAY)
    assert months.issue() == []
    months.post(EntryType.TOP_UP, DOLLAR, gateway_account("paypal"))
    months.clock.advance(200 * DAY)
    (only,) = months.issue()
    assert only.number.endswith("000001")
    assert (only.period.end - only.period.start) <= timedelta(days=31)
    assert [moved.kind for moved in only.movements] == [MovementKind.PAYMENT]


def test_an_invoice_waits_until_the_month_has_settled() -> None:
    months = Months(START)
    months.post(EntryType.TOP_UP, DOLLAR, gateway_account("paypal"))
    months.clock.set(datetime(2031, 2, 1, 0, 59, 59, tzinfo=UTC))
    assert months.issue() == []
    months.clock.set(datetime(2031, 2, 1, 1, 0, tzinfo=UTC))
    assert len(months.issue()) == 1


def test_a_change_of_time_zone_leaves_no_hour_out_and_makes_no_invoice_of_hours() -> None:
    months = Months(datetime(2031, 5, 10, tzinfo=UTC), time_zone="Pacific/Kiritimati")
    for _ in range(3):
        months.post(EntryType.TOP_UP, DOLLAR, gateway_account("paypal"))
        months.clock.advance(25 * DAY)
        months.issue()
        months.profile(BillingProfile(CUSTOMER, time_zone="Pacific/Pago_Pago"))
    months.clock.advance(60 * DAY)
    months.issue()
    spans = [invoice.period.end - invoice.period.start for invoice in months.issued()]
    assert all(span >= timedelta(days=28) for span in spans), spans
    assert_consecutive(months.issued())


def test_numbers_have_no_gap_whatever_crashes() -> None:
    """A crash before the commit issues nothing, one after it does; another run issues the invoice only once."""
    months = Months(START)
    for lost in ("before", "after", "before", "after"):
        months.post(EntryType.TOP_UP, DOLLAR, gateway_account("paypal"))
        months.clock.advance(32 * DAY)
        interrupted = InterruptedTransactor(months.transactor)

        def crash() -> None:
            raise Crash

        setattr(interrupted, lost, crash)
        with pytest.raises(Crash):
            months.invoicing(interrupted).issue_due(CUSTOMER)
        months.issue()
    numbers = [int(invoice.number[-6:]) for invoice in months.issued()]
    assert numbers == list(range(1, 5))


def test_two_at_once_issue_one_invoice_and_one_number() -> None:
    months = Months(START)
    months.post(EntryType.TOP_UP, DOLLAR, gateway_account("paypal"))
    months.clock.advance(40 * DAY)
    interrupted = InterruptedTransactor(months.transactor)
    interrupted.before = lambda: None if months.issue() else pytest.fail("nothing was issued")
    assert months.invoicing(interrupted).issue_due(CUSTOMER) == []
    assert [invoice.number for invoice in months.issued()] == ["HC-2031-000001"]


def test_another_customers_invoice_in_between_takes_the_number_before() -> None:
    months = Months(START)
    months.post(EntryType.TOP_UP, DOLLAR, gateway_account("paypal"))
    months.clock.advance(40 * DAY)
    before, taken = months.invoicing()._numbers.next(Series.INVOICES, months.clock.now())
    interrupted = InterruptedTransactor(months.transactor)
    interrupted.before = lambda: months.transactor.commit([months.records.take_number(before, taken)])
    (invoice,) = months.invoicing(interrupted).issue_due(CUSTOMER)
    assert invoice.number == "HC-2031-000002"


def test_an_issued_invoice_cannot_be_written_again() -> None:
    months = Months(START)
    months.post(EntryType.TOP_UP, DOLLAR, gateway_account("paypal"))
    months.clock.advance(40 * DAY)
    (invoice,) = months.issue()
    with pytest.raises(ConditionFailed, match="new_invoice"):
        months.transactor.commit([months.records.insert_invoice(replace(invoice, number="HC-2031-999999"))])


def test_what_does_not_add_up_is_not_issued() -> None:
    months = Months(START)
    months.start_machine("dep_a", DOLLAR)
    months.pass_time(HOUR)
    months.post(EntryType.USAGE, -1, Operator.USAGE, reference="dep_a")  # an entry without a usage record
    months.clock.advance(40 * DAY)
    with pytest.raises(DoesNotAddUp):
        months.issue()
    assert months.issued() == []
    with pytest.raises(ExceptionGroup, match="1 customers were not invoiced"):
        months.invoicing().run()


def test_tax_on_top_up_taxes_payments_less_repayments() -> None:
    months = Months(START, replace(SELLER, tax_point=TaxPoint.TOP_UP))
    months.profile(BillingProfile(CUSTOMER, country="FI"))
    months.post(EntryType.TOP_UP, 125_500_000, gateway_account("stripe"))
    months.start_machine("dep_a", DOLLAR)
    months.pass_time(3 * HOUR)
    months.clock.advance(40 * DAY)
    (invoice,) = months.issue()
    assert (invoice.totals.total_cents, invoice.totals.tax_cents, invoice.totals.net_cents) == (12550, 2550, 10000)
    months.post(EntryType.REFUND, -200 * DOLLAR, gateway_account("stripe"))
    months.clock.advance(40 * DAY)
    (refunded,) = months.issue()
    assert (refunded.totals.total_cents, refunded.totals.held_over_cents) == (0, 20000)


def test_the_buyer_is_whoever_it_was_when_the_invoice_was_issued() -> None:
    months = Months(START)
    months.profile(
        BillingProfile(CUSTOMER, PartyKind.COMPANY, "Muster GmbH", country="DE", vat_number="DE123456789")
    )
    months.post(EntryType.TOP_UP, DOLLAR, gateway_account("stripe"))
    months.clock.advance(40 * DAY)
    months.issue()
    months.profile(BillingProfile(CUSTOMER, country="FR"))
    (issued,) = months.issued()
    assert (issued.buyer.name, issued.tax.treatment) == ("Muster GmbH", TaxTreatment.REVERSE_CHARGE)


def test_too_many_lines_become_one_a_day() -> None:
    usage = [UsageOfDay(date(2031, 1, 1 + n % 2), f"dep_{n}", "x", "y", 2, 3) for n in range(MAX_LINES + 1)]
    few = _few_enough(usage)
    assert [line.day for line in few] == [date(2031, 1, 1), date(2031, 1, 2)]
    assert sum(line.seconds for line in few) == 2 * len(usage)
    assert sum(line.amount_micros for line in few) == 3 * len(usage)
    assert _few_enough(usage[1:]) == usage[1:]
