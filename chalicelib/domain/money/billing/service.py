"""Issues invoices: one for each customer and month, numbered without gaps.

One item with a version records how far a customer is invoiced. An invoice covers the next entries of the ledger.
One transaction writes the invoice, moves that item forward and takes the number. So each entry is on exactly one
invoice, a second run issues nothing, and no number is lost or used twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile

from chalicelib.domain.money.billing.drafting import Booked, UsageOfDay, daily_usage, draft, state_after
from chalicelib.domain.money.billing.models import (
    BillingProfile,
    BillingState,
    Invoice,
    NumberRange,
    Period,
    Seller,
    Series,
)
from chalicelib.domain.money.billing.periods import month_of, next_period, year_of
from chalicelib.domain.money.billing.ports import NUMBER_FREE, STATE_UNCHANGED, BillingRecords, Machines
from chalicelib.domain.money.billing.vat import VatRules
from chalicelib.domain.money.ledger.models import Entry
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.domain.money.metering.models import Meter, UsageRecord
from chalicelib.domain.money.metering.ports import MeterRecords
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.days import local_day
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor, with_fresh_reads

SETTLING = timedelta(hours=1)
"""The wait between a month's end and its invoice: writes that were under way at midnight are finished by then."""


class NumberSeries:
    """The numbers of invoices and of credit notes: per seller, from 1 in each year, without gaps."""

    def __init__(self, records: BillingRecords, seller: Seller) -> None:
        self._records = records
        self._seller = seller

    def next(self, series: Series, now: datetime) -> tuple[NumberRange, NumberRange]:
        """The range as it is, and the range after one more number; issue times never go backwards."""
        seller = self._seller
        before = self._records.number_range(series, seller.number_prefix, year_of(now, seller.time_zone))
        issued_at = max(now, before.last_issued_at or now)
        return before, replace(before, last_number=before.last_number + 1, last_issued_at=issued_at)

    def text(self, taken: NumberRange) -> str:
        """The last number of a range as documents show it, such as `HC-2031-000042`."""
        is_invoice = taken.series is Series.INVOICES
        prefix = self._seller.number_prefix if is_invoice else self._seller.credit_note_prefix
        return f"{prefix}-{taken.year}-{taken.last_number:06d}"


class Invoicing:
    """Issues invoices."""

    def __init__(
        self,
        records: BillingRecords,
        ledger: LedgerRecords,
        meters: MeterRecords,
        machines: Machines,
        transactor: Transactor,
        vat: VatRules,
        seller: Seller,
        clock: Clock,
    ) -> None:
        self._records = records
        self._ledger = ledger
        self._meters = meters
        self._machines = machines
        self._transactor = transactor
        self._vat = vat
        self._seller = seller
        self._numbers = NumberSeries(records, seller)
        self._clock = clock

    def run(self) -> int:
        """Issue every invoice that is due; return how many. Every customer is processed; errors are raised at the
        end.

        Raises:
            ExceptionGroup: invoicing failed for at least one customer.
        """
        issued = 0
        errors: list[Exception] = []
        for customer_id in self._ledger.customer_ids():
            try:
                issued += len(self.issue_due(customer_id))
            except Exception as error:
                error.add_note(customer_id)
                errors.append(error)
        if errors:
            raise ExceptionGroup(f"{len(errors)} customers were not invoiced", errors)
        return issued

    def issue_due(self, customer_id: str) -> Sequence[Invoice]:
        """Issue the customer's invoices for every month that has ended, oldest first.

        Raises:
            DoesNotAddUp: the ledger and the usage records differ; the invoice concerned was not issued.
        """
        issued: list[Invoice] = []
        while invoice := self._issue_next(customer_id):
            issued.append(invoice)
        return issued

    def issue_now(self, customer_id: str) -> Invoice:
        """Invoice all entries so far without waiting for the month's end, for example when an account is closed.

        Months that ended before are invoiced first. Later entries of the same month are invoiced after its end.

        Raises:
            Conflict: there is nothing left to invoice.
            DoesNotAddUp: the ledger and the usage records differ; the invoice concerned was not issued.
        """
        ended = self.issue_due(customer_id)
        state, buyer = self._standing(customer_id)
        now, entries = self._clock.now(), self._entries_after(state)
        first = next(entries, None)
        invoice = None
        if first is not None and first.at < now:
            period = next_period(first.at, buyer.time_zone, state.invoiced_until, state.time_zone)
            invoice = self._issue_period(state, buyer, replace(period, end=min(period.end, now)), first, entries)
        if invoice is None and not ended:
            raise Conflict("Everything that this customer used and paid is invoiced.")
        return invoice or ended[-1]

    def is_behind(self, customer_id: str) -> bool:
        """Whether a month has ended that is not invoiced yet."""
        state, buyer = self._standing(customer_id)
        first = next(self._entries_after(state), None)
        if first is None:
            return False
        period = next_period(first.at, buyer.time_zone, state.invoiced_until, state.time_zone)
        return period.end <= self._clock.now()

    def _standing(self, customer_id: str) -> tuple[BillingState, BillingProfile]:
        state = self._records.state(customer_id) or BillingState(customer_id)
        return state, self._records.profile(customer_id) or BillingProfile(customer_id)

    def _issue_next(self, customer_id: str) -> Invoice | None:
        """Issue the next invoice; None if no month with entries has ended, or another process issued it."""
        state, buyer = self._standing(customer_id)
        settled = self._clock.now() - SETTLING
        if state.invoiced_until and settled < month_of(state.invoiced_until, buyer.time_zone).end:
            return None
        entries = self._entries_after(state)
        first = next(entries, None)
        if first is None:
            return None
        period = next_period(first.at, buyer.time_zone, state.invoiced_until, state.time_zone)
        if period.end > settled:
            return None
        return self._issue_period(state, buyer, period, first, entries)

    def _issue_period(
        self, state: BillingState, buyer: BillingProfile, period: Period, first: Entry, following: Iterator[Entry]
    ) -> Invoice | None:
        booked = Booked.starting(first)
        booked.add(first)
        for entry in takewhile(lambda entry: entry.at < period.end, following):
            booked.add(entry)
        return self._issue(state, self._draft(state, buyer, period, booked), booked)

    def _entries_after(self, state: BillingState) -> Iterator[Entry]:
        entries = self._ledger.all_entries(state.customer_id, state.last_entry_at)
        return (entry for entry in entries if entry.sequence > state.last_sequence)

    def _draft(self, state: BillingState, buyer: BillingProfile, period: Period, booked: Booked) -> Invoice:
        usage: list[UsageOfDay] = []
        for deployment_id in booked.usage_micros:
            usage += self._usage_of(state.customer_id, deployment_id, booked, period.time_zone)
        usage.sort(key=lambda line: (line.name, line.deployment_id, line.day))
        tax = self._vat.tax(self._seller, buyer, local_day(period.end - timedelta.resolution, period.time_zone))
        return draft(state, booked, usage, period, self._seller, buyer, tax)

    def _usage_of(
        self, customer_id: str, deployment_id: str, booked: Booked, time_zone: str
    ) -> Iterator[UsageOfDay]:
        deployment = self._machines.deployment(customer_id, deployment_id)
        name, instance_type = (deployment.name, deployment.instance_type) if deployment else (deployment_id, "")
        meters = {meter.number: meter for meter in self._meters.meters(customer_id, deployment_id)}
        records = self._booked_usage(customer_id, deployment_id, booked, meters)
        for day, (seconds, micros) in daily_usage(records, meters, time_zone).items():
            yield UsageOfDay(day, deployment_id, name, instance_type, seconds, micros)

    def _booked_usage(
        self, customer_id: str, deployment_id: str, booked: Booked, meters: Mapping[int, Meter]
    ) -> Iterator[UsageRecord]:
        """The usage records of the entries, read from the newest back, so that old records are not read every
        month.
        """
        for record in self._meters.all_usage(customer_id, deployment_id, newest_first=True):
            if booked.covers(record.entry_sequence):
                yield record
                continue
            is_older = record.entry_sequence is not None and record.entry_sequence < booked.first_sequence
            # If a meter was cut back, the meter before it was corrected after most of its records were made.
            if is_older and not meters[record.meter].is_cut_back:
                return

    def _issue(self, state: BillingState, drafted: Invoice, booked: Booked) -> Invoice | None:
        def commit() -> Invoice:
            now = self._clock.now()
            before, taken = self._numbers.next(Series.INVOICES, now)
            invoice = replace(
                drafted,
                id=new_id(Kind.INVOICE, now),
                number=self._numbers.text(taken),
                issued_at=taken.last_issued_at or now,
            )
            self._transactor.commit(
                [
                    self._records.replace_state(state, state_after(state, invoice, booked)),
                    self._records.take_number(before, taken),
                    self._records.insert_invoice(invoice),
                ]
            )
            return invoice

        try:
            return with_fresh_reads(commit, stale=frozenset({NUMBER_FREE}))
        except ConditionFailed as failed:
            if STATE_UNCHANGED not in failed.asserts:
                raise
            return None
