"""Checks one customer's books: reads them once and compares their parts.

Entries and usage records are read in a single pass each and compared by fingerprints. So the memory needed depends
on the number of a customer's deployments, not on how long they have run.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import field
from datetime import datetime, timedelta
from itertools import islice, takewhile

from chalicelib.domain.cloud.deployments.models import Deployment, DeploymentStatus
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.money.ledger.models import (
    Account,
    Burn,
    Entry,
    EntryType,
    Hold,
    HoldPurpose,
    account_name,
    customer_of,
)
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.domain.money.metering.models import Meter, PriceSheet, UsageRecord
from chalicelib.domain.money.metering.ports import MeterRecords, Prices
from chalicelib.domain.money.refunds.ports import RefundRecords
from chalicelib.domain.money.top_ups.ports import TopUpRecords
from chalicelib.domain.operations.proof.models import Totals
from chalicelib.domain.operations.proof.payments import Payments
from chalicelib.domain.operations.proof.spending import Spender
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import format_amount

_USAGE = frozenset({EntryType.USAGE, EntryType.USAGE_CORRECTION})
_PURPOSES = {
    DeploymentStatus.REQUESTED: HoldPurpose.PROVISIONING,
    DeploymentStatus.PROVISIONING: HoldPurpose.PROVISIONING,
    DeploymentStatus.ACTIVE: HoldPurpose.RUNNING,
    DeploymentStatus.RESUMING: HoldPurpose.RUNNING,
}
_OF_DEPLOYMENTS = frozenset(_PURPOSES.values())
_TRANSFERS = "customers:transfers"
"""All transfers between customers together; the books of each tell who gave to whom."""
_MAX_TIME_APART = timedelta(minutes=5)
"""Both entries of a transfer are written at once, but their times may differ as much as clocks do."""
_MAX_NAMED = 10
"""The most unmatched entries and intervals of one deployment that a report names."""


@dataclass
class Fingerprint:
    """Compares sets of charges: equal sets have equal fingerprints, in any order.

    The sum of SHA-256 digests (modulo 2**256) does not depend on the order, and it counts duplicates.
    """

    count: int = 0
    digest: int = 0

    def add(self, sequence: int | None, amount_micros: int) -> None:
        """Add one charge to the set."""
        text = f"{sequence}:{amount_micros}".encode()
        self.digest = (self.digest + int.from_bytes(hashlib.sha256(text).digest())) % 2**256
        self.count += 1


@dataclass
class Readers:
    """The records that a proof reads."""

    ledger: LedgerRecords
    meters: MeterRecords
    deployments: DeploymentRecords
    prices: Prices
    top_ups: TopUpRecords
    refunds: RefundRecords


@dataclass
class Examination:
    """One reading of a customer's books, and the differences that it found."""

    account: Account
    readers: Readers
    totals: Totals = field(default_factory=lambda: Totals(customers=1))
    differences: list[str] = field(default_factory=list)
    posted: dict[str, Fingerprint] = field(default_factory=lambda: defaultdict(Fingerprint))
    """Usage entries, by deployment."""
    recorded: dict[str, Fingerprint] = field(default_factory=lambda: defaultdict(Fingerprint))
    """Usage records with an entry, by deployment."""
    spenders: dict[str, Spender] = field(default_factory=dict)
    """The spending of the customer (under the empty name), and of each API key that a meter counts for."""

    @property
    def customer_id(self) -> str:
        """The customer whose books are read."""
        return self.account.customer_id

    def run(self) -> None:
        """Read everything once, and collect the differences."""
        payments = Payments(self.customer_id, self.readers.top_ups, self.readers.refunds)
        self._entries(payments)
        holds = {hold.reference: hold for hold in self.readers.ledger.holds(self.customer_id)}
        self._holds(holds.values())
        self.differences.extend(payments.differences(holds.values()))
        self.spenders[""] = Spender("the account", self.account.spending)
        burn, slots, sheet = Burn(), 0, self.readers.prices.sheet()
        for deployment in self.readers.deployments.all_deployments(self.customer_id):
            self.totals.deployments += 1
            slots += deployment.holds_slot
            self._hold_of(deployment, holds.pop(deployment.id, None))
            burn = self._meters(deployment, burn, sheet)
        for hold in holds.values():
            if hold.purpose in _OF_DEPLOYMENTS:
                self._report(f"hold {hold.reference} of {_usd(hold.amount_micros)} is for no deployment there is")
        self._compare(
            "burn per hour", self.account.burn.micros_per_hour, burn.micros_per_hour, "of its open meters"
        )
        self._compare("weighted burn", self.account.burn.weighted, burn.weighted, "of its open meters")
        self._compare(
            "count of deployments",
            self.readers.deployments.slots(self.customer_id).taken,
            slots,
            "that exist",
        )
        self._charges()
        for spender in self.spenders.values():
            self.differences.extend(spender.differences())

    def _report(self, sentence: str) -> None:
        self.differences.append(sentence)

    def _compare(self, what: str, stated: int, found: int, of_what: str) -> None:
        if stated != found:
            self._report(f"the account's {what} is {stated}, but it is {found} {of_what}")

    def _entries(self, payments: Payments) -> None:
        """Check that numbers, times and balances follow each other, and end at those of the account."""
        balance, sequence = 0, 0
        last_at: datetime | None = None
        for entry in self.readers.ledger.all_entries(self.customer_id):
            sequence += 1
            balance += entry.change_micros
            if entry.sequence != sequence:
                self._report(f"entry {entry.id} has the number {entry.sequence} where {sequence} should follow")
                sequence = entry.sequence
            if last_at is not None and entry.at < last_at:
                self._report(f"entry {entry.id} (number {sequence}) is earlier than the one before it")
            last_at = entry.at
            if entry.balance_after_micros != balance:
                stated = _usd(entry.balance_after_micros)
                self._report(f"entry {entry.id} (number {sequence}) leaves {stated}, and not {_usd(balance)}")
                balance = entry.balance_after_micros
            self._book(entry)
            payments.add(entry)
        self._compare("last number", self.account.sequence, sequence, "of its entries")
        self._compare("posted micro-dollars", self.account.posted_micros, balance, "as the sum of its entries")
        self.totals.customers_micros = self.account.posted_micros

    def _book(self, entry: Entry) -> None:
        posting = entry.posting
        own = account_name(self.customer_id)
        other = posting.source if posting.destination == own else posting.destination
        if own not in {posting.source, posting.destination}:
            self._report(f"entry {entry.id} moves money between {posting.source} and {posting.destination} only")
        self.totals.entries += 1
        other_customer_id = customer_of(other)
        self.totals.book({_TRANSFERS if other_customer_id else other: -entry.change_micros})
        if (entry.type is EntryType.TRANSFER) is not (other_customer_id is not None):
            self._report(f"entry {entry.id} is a {entry.type} with {other}")
        elif other_customer_id is not None:
            self._check_other_book(entry, other_customer_id)
        if entry.type in _USAGE:
            self.posted[entry.reference].add(entry.sequence, -entry.change_micros)

    def _check_other_book(self, entry: Entry, other_customer_id: str) -> None:
        """Check that a transfer is in the other customer's book too, once, with the same posting."""
        since, until = entry.at - _MAX_TIME_APART, entry.at + _MAX_TIME_APART
        near = takewhile(
            lambda other: other.at <= until, self.readers.ledger.all_entries(other_customer_id, since)
        )
        same_reference = [other for other in near if other.reference == entry.reference]
        if [other.posting for other in same_reference] != [entry.posting]:
            amount = _usd(entry.posting.amount_micros)
            self._report(
                f"transfer {entry.reference} of {amount} is not the same in the book of {other_customer_id}"
            )

    def _holds(self, holds: Iterable[Hold]) -> None:
        amounts = [hold.amount_micros for hold in holds]
        self.totals.holds = len(amounts)
        self._compare("held micro-dollars", self.account.held_micros, sum(amounts), "as the sum of its holds")

    def _hold_of(self, deployment: Deployment, hold: Hold | None) -> None:
        purpose = _PURPOSES.get(deployment.status)
        if hold is None and purpose is not None:
            self._report(f"deployment {deployment.id} is {deployment.status} without a hold")
        elif hold is not None and hold.purpose is not purpose:
            amount = _usd(hold.amount_micros)
            self._report(
                f"deployment {deployment.id} is {deployment.status} and has {amount} held for {hold.purpose}"
            )

    def _meters(self, deployment: Deployment, burn: Burn, sheet: PriceSheet) -> Burn:
        """Check that the deployment's meters are exact and complete; return `burn` plus the open meters."""
        meters = list(self.readers.meters.meters(self.customer_id, deployment.id))
        usage = iter(self.readers.meters.all_usage(self.customer_id, deployment.id))
        pending = next(usage, None)
        still_open = [meter for meter in meters if meter.closed_at is None]
        for before, meter in zip([None, *meters], meters, strict=False):
            self._price(before, meter, sheet)
            pending = self._intervals(meter, pending, usage)
        if pending is not None:
            self._report(f"deployment {deployment.id} has usage of meter {pending.meter}, which it does not have")
        if (len(still_open) == 1) is not (deployment.status is DeploymentStatus.ACTIVE) or len(still_open) > 1:
            self._report(f"deployment {deployment.id} is {deployment.status} with {len(still_open)} open meters")
        for meter in still_open:
            burn = burn.with_meter(meter.price_micros_per_hour, meter.watermark)
            for spender in self._spenders(meter):
                spender.add_open(meter)
        self.totals.open_meters += len(still_open)
        return burn

    def _price(self, before: Meter | None, meter: Meter, sheet: PriceSheet) -> None:
        """Check that the meter has the price in force, and begins where the meter before it ended."""
        price = sheet.price_of(meter.parts, meter.opened_at)
        if price is not None and price != meter.price_micros_per_hour:
            stated = _usd(meter.price_micros_per_hour)
            self._report(f"{_name(meter)} has a price of {stated} where {_usd(price)} was in force")
        for change in sheet.changes_of(meter.parts, meter.opened_at, meter.watermark - 1):
            self._report(f"{_name(meter)} is recorded beyond {change.at}, at which its price changed")
        if meter.continues and not meter.is_cut_back and (before is None or before.closed_at != meter.opened_at):
            self._report(f"{_name(meter)} takes over at {meter.opened_at}, where none before it ended")
        elif before is not None and (before.closed_at is None or before.closed_at > meter.opened_at):
            self._report(f"{_name(meter)} opened before the one before it closed")

    def _intervals(
        self, meter: Meter, record: UsageRecord | None, following: Iterator[UsageRecord]
    ) -> UsageRecord | None:
        """Check that the meter's intervals have no gap and the right price; return the first record after them."""
        edge, total = meter.opened_at, 0
        while record is not None and record.meter == meter.number:
            self._interval(meter, record, edge)
            edge = record.end
            total += record.amount_micros
            record = next(following, None)
        if edge != meter.watermark:
            self._report(f"{_name(meter)} is recorded up to {edge}, and says {meter.watermark}")
        if meter.closed_at is not None and meter.closed_at != meter.watermark:
            self._report(f"{_name(meter)} closed at {meter.closed_at} and is recorded up to {meter.watermark}")
        charge = meter.charge_until(meter.watermark)
        if total != charge:
            self._report(f"{_name(meter)} has charged {_usd(total)}, and should have {_usd(charge)}")
        return record

    def _spenders(self, meter: Meter) -> Iterator[Spender]:
        """The spending of the customer, and of the meter's API key if it has one."""
        yield self.spenders[""]
        if key := meter.api_key_id:
            if key not in self.spenders:
                stated = self.readers.ledger.key_spending(self.customer_id, key)
                self.spenders[key] = Spender(f"API key {key}", stated)
            yield self.spenders[key]

    def _interval(self, meter: Meter, record: UsageRecord, edge: int) -> None:
        self.totals.intervals += 1
        for spender in self._spenders(meter):
            spender.add_interval(meter, record)
        if record.start != edge:
            self._report(f"an interval of {_name(meter)} starts at {record.start}, where {edge} should follow")
        amount = meter.charge_until(record.end) - meter.charge_until(record.start)
        if record.amount_micros != amount:
            stated = _usd(record.amount_micros)
            self._report(
                f"{_name(meter)} charged {stated} from {record.start} to {record.end}, and not {_usd(amount)}"
            )
        if record.entry_sequence is not None or record.amount_micros:
            self.recorded[record.deployment_id].add(record.entry_sequence, record.amount_micros)

    def _charges(self) -> None:
        """Check that usage entries and usage records are the same."""
        for deployment_id in sorted({*self.posted, *self.recorded}):
            if self.posted[deployment_id] != self.recorded[deployment_id]:
                for sentence in islice(self._unmatched(deployment_id), _MAX_NAMED):
                    self._report(f"deployment {deployment_id}: {sentence}")

    def _unmatched(self, deployment_id: str) -> Iterable[str]:
        """The entries and records of a deployment without a counterpart. They are read again; this is rarely
        needed.
        """
        entries = {
            entry.sequence: -entry.change_micros
            for entry in self.readers.ledger.all_entries(self.customer_id)
            if entry.reference == deployment_id and entry.type in _USAGE
        }
        for record in self.readers.meters.all_usage(self.customer_id, deployment_id):
            number, amount = record.entry_sequence, record.amount_micros
            if number is None and not amount:
                continue
            posted = entries.pop(number, None) if number is not None else None
            if posted != amount:
                found = "does not exist" if posted is None else f"is of {_usd(posted)}"
                yield f"the interval from {record.start} cost {_usd(amount)}, and its entry {number} {found}"
        for number, amount in sorted(entries.items()):
            yield f"entry {number} of {_usd(amount)} has no interval"


def _name(meter: Meter) -> str:
    return f"meter {meter.number} of deployment {meter.deployment_id}"


def _usd(micros: int) -> str:
    return f"{format_amount(micros)} USD"
