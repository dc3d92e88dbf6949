"""A customer's months in memory: machines, payments, and invoices."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.adapters.files.billing import read_seller, read_vat_countries
from chalicelib.domain.cloud.deployments.models import Deployment
from chalicelib.domain.money.billing.models import (
    BillingProfile,
    BillingState,
    Credited,
    CreditNote,
    DocumentSummary,
    Invoice,
    NumberRange,
    Seller,
    Series,
)
from chalicelib.domain.money.billing.ports import CREDITED_UNCHANGED, NUMBER_FREE, STATE_UNCHANGED
from chalicelib.domain.money.billing.service import Invoicing
from chalicelib.domain.money.billing.vat import VatRules
from chalicelib.domain.money.ledger.models import Account, Entry, EntryType
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.metering.models import Parts
from chalicelib.domain.money.metering.service import Metering
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Transactor, Write
from tests.fakes.money import (
    MemoryLedgerRecords,
    MemoryMeterRecords,
    MemoryPrices,
    MemoryQueue,
    MemoryTable,
    MemoryTransactor,
    MemoryWrite,
)
from tests.support.clock import SettableClock

CUSTOMER = "cus_01J00000000000000000000000"
VAT = VatRules(read_vat_countries())
SELLER = read_seller()


def _is(before: Any) -> Any:
    return lambda found: bool(found == before)


class MemoryBillingRecords:
    """`BillingRecords` in memory."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def profile(self, customer_id: str) -> BillingProfile | None:
        return self._table.get(("profile", customer_id), BillingProfile)

    def put_profile(self, profile: BillingProfile) -> Write:
        return MemoryWrite("", ("profile", profile.customer_id), lambda _: True, profile)

    def state(self, customer_id: str) -> BillingState | None:
        return self._table.get(("billing", customer_id), BillingState)

    def replace_state(self, before: BillingState, after: BillingState) -> Write:
        expected = before if before.version else None
        return MemoryWrite(STATE_UNCHANGED, ("billing", after.customer_id), _is(expected), after)

    def number_range(self, series: Series, seller: str, year: int) -> NumberRange:
        found = self._table.get(("numbers", series, seller, year), NumberRange)
        return found or NumberRange(series, seller, year)

    def take_number(self, before: NumberRange, after: NumberRange) -> Write:
        expected = before if before.last_number else None
        return MemoryWrite(NUMBER_FREE, ("numbers", after.series, after.seller, after.year), _is(expected), after)

    def insert_invoice(self, invoice: Invoice) -> Write:
        key = ("invoice", invoice.customer_id, invoice.id)
        return MemoryWrite("new_invoice", key, _is(None), invoice)

    def invoice(self, customer_id: str, invoice_id: str) -> Invoice | None:
        return self._table.get(("invoice", customer_id, invoice_id), Invoice)

    def invoices(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        raise NotImplementedError("lists are tested on the real table")

    def insert_credit_note(self, note: CreditNote) -> Write:
        return MemoryWrite("new_credit_note", ("note", note.customer_id, note.id), _is(None), note)

    def credit_note(self, customer_id: str, credit_note_id: str) -> CreditNote | None:
        return self._table.get(("note", customer_id, credit_note_id), CreditNote)

    def credit_notes(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        raise NotImplementedError("lists are tested on the real table")

    def credited(self, customer_id: str, invoice_id: str) -> Credited:
        return self._table.get(("credited", customer_id, invoice_id), Credited) or Credited(invoice_id)

    def replace_credited(self, customer_id: str, before: Credited, after: Credited) -> Write:
        expected = before if before.cents else None
        key = ("credited", customer_id, after.invoice_id)
        return MemoryWrite(CREDITED_UNCHANGED, key, _is(expected), after)


class NoMachines:
    """`Machines` without any machine, so that invoice lines show ids."""

    def deployment(self, customer_id: str, deployment_id: str) -> Deployment | None:
        return None


class Months:
    """One customer's ledger, meters and invoices, through the real services."""

    def __init__(self, start: datetime, seller: Seller = SELLER, time_zone: str = "UTC") -> None:
        self.clock = SettableClock(start)
        self.table = MemoryTable()
        self.ledger_records = MemoryLedgerRecords(self.table)
        self.records = MemoryBillingRecords(self.table)
        self.meters = MemoryMeterRecords(self.table)
        self.transactor: Transactor = MemoryTransactor(self.table)
        self.ledger = Ledger(self.ledger_records, self.transactor, self.clock)
        self.prices = MemoryPrices()
        self.metering = Metering(
            self.meters, self.prices, self.meters, self.ledger, self.transactor, MemoryQueue(), self.clock
        )
        self.seller = seller
        self.transactor.commit(
            [
                *self.ledger_records.insert_account(Account(CUSTOMER)),
                self.records.put_profile(BillingProfile(CUSTOMER, time_zone=time_zone)),
            ]
        )

    def profile(self, profile: BillingProfile) -> None:
        """Set the billing profile."""
        self.transactor.commit([self.records.put_profile(profile)])

    def invoicing(self, transactor: Transactor | None = None) -> Invoicing:
        """A service, as each process has its own."""
        return Invoicing(
            self.records,
            self.ledger_records,
            self.meters,
            NoMachines(),
            transactor or self.transactor,
            VAT,
            self.seller,
            self.clock,
        )

    def pass_time(self, seconds: int) -> None:
        """Advance the time, and meter the machines at its end."""
        self.clock.advance(seconds)
        self.metering.meter_shard(0)

    def run_for(self, days: int, every: timedelta = timedelta(hours=6)) -> None:
        """Advance the time by days, and meter at intervals of `every`."""
        for _ in range(int(timedelta(days=days) / every)):
            self.pass_time(int(every.total_seconds()))

    def start_machine(self, deployment_id: str, price_micros_per_hour: int, parts: Parts | None = None) -> None:
        """Open a meter now; if `parts` are given, they have the price."""
        now = self.clock.now()
        change = self.ledger.change(CUSTOMER, now)
        meter = self.metering.next_meter(
            CUSTOMER, deployment_id, parts or {}, price_micros_per_hour, epoch_seconds(now)
        )
        writes = self.metering.open(change, meter)
        self.transactor.commit([*writes, *change.writes()])

    def stop_machine(self, deployment_id: str, second: int) -> None:
        """Close the meter at `second`, which may be before its watermark."""
        meter = self.meters.meter(CUSTOMER, deployment_id)
        assert meter is not None
        change = self.ledger.change(CUSTOMER, self.clock.now())
        writes = self.metering.close(change, meter, second)
        self.transactor.commit([*writes, *change.writes()])

    def post(
        self, type_: EntryType, change_micros: int, counterpart: str, reference: str = "ref", reason: str = ""
    ) -> Entry:
        """Post an entry other than usage."""
        change = self.ledger.change(CUSTOMER, self.clock.now())
        entry = change.post(type_, change_micros, counterpart, reference=reference, reason=reason)
        self.transactor.commit(change.writes())
        return entry

    def issue(self) -> Sequence[Invoice]:
        """Issue the invoices that are due."""
        return self.invoicing().issue_due(CUSTOMER)

    def issued(self) -> list[Invoice]:
        """Every invoice, oldest first."""
        return sorted(self.table.under(("invoice",), Invoice), key=lambda invoice: invoice.number)

    def state(self) -> BillingState:
        """The state of the customer's invoicing."""
        found = self.records.state(CUSTOMER)
        assert found is not None
        return found

    def entries(self) -> list[Entry]:
        """Every entry, oldest first."""
        return list(self.ledger_records.all_entries(CUSTOMER))
