"""Notifies customers with running machines of price changes.

An announcement goes through the open meters, shard by shard and customer by customer, a bounded number per run.
Its position is stored, and the mark that a customer was told is in one transaction with the letters: so it may be
interrupted or run twice at any point, and every customer is told once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby, islice

from chalicelib.domain.cloud.catalog.ports import (
    ANNOUNCEMENT_UNCHANGED,
    NOT_TOLD_BEFORE,
    Announcement,
    AnnouncementRecords,
)
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.money.metering.models import Meter, PriceSheet
from chalicelib.domain.money.metering.ports import SHARDS, MeterRecords, Prices
from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.domain.people.correspondence.ports import CustomerMail
from chalicelib.kernel.clock import Clock, epoch_seconds, from_epoch_seconds
from chalicelib.kernel.money import format_amount
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write

CUSTOMERS_A_RUN = 200
"""How many customers one run processes."""


class PriceAnnouncements:
    """Continues the announcements in progress."""

    def __init__(
        self,
        records: AnnouncementRecords,
        prices: Prices,
        meters: MeterRecords,
        machines: DeploymentRecords,
        mail: CustomerMail,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._prices = prices
        self._meters = meters
        self._machines = machines
        self._mail = mail
        self._transactor = transactor
        self._clock = clock

    def run(self) -> int:
        """Continue the oldest announcement for `CUSTOMERS_A_RUN` customers; return how many were told.

        Process every customer; raise what failed at the end.

        Raises:
            ExceptionGroup: the errors; the next run begins with the customers that failed.
        """
        announcement = next(iter(self._records.under_way()), None)
        if announcement is None:
            return 0
        told = 0
        sheet = self._prices.sheet()
        troubles: list[Exception] = []
        reached: Announcement = announcement
        customers = self._customers(announcement)
        for progress, meters in islice(customers, CUSTOMERS_A_RUN):
            try:
                told += self._tell(announcement, sheet, meters)
            except Exception as trouble:
                troubles.append(trouble)
            reached = reached if troubles else progress
        has_ended = next(customers, None) is None and not troubles
        self._note(announcement, None if has_ended else reached)
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} customers were not told of new prices", troubles)
        return told

    def _customers(self, announcement: Announcement) -> Iterator[tuple[Announcement, Sequence[Meter]]]:
        """Yield each customer with running machines that was not processed: the announcement's position, and the
        meters.
        """
        after_customer_id = announcement.after_customer_id
        for shard in range(announcement.shard, SHARDS):
            found = self._meters.open_meters(shard, after_customer_id)
            for customer_id, meters in groupby(found, key=lambda meter: meter.customer_id):
                yield replace(announcement, shard=shard, after_customer_id=customer_id), list(meters)
            after_customer_id = ""

    def _tell(self, announcement: Announcement, sheet: PriceSheet, meters: Sequence[Meter]) -> bool:
        """Tell the customer of `meters`, if the change concerns them; return whether they were told now."""
        concerned = [meter for meter in meters if not announcement.names.isdisjoint(meter.parts)]
        if not concerned:
            return False
        now = self._clock.now()
        customer_id = concerned[0].customer_id
        values = {"machines": "\n".join(self._line(sheet, meter, now) for meter in concerned)}
        writes = [
            self._records.told(customer_id, announcement),
            *self._mail.to_customer(customer_id, LetterKind.PRICE_CHANGE, values, now),
        ]
        return self._committed(writes, unless=NOT_TOLD_BEFORE)

    def _note(self, before: Announcement, after: Announcement | None) -> None:
        """Store the position; if another run was faster, that run has stored it."""
        if after != before:
            self._committed([self._records.move(before, after)], unless=ANNOUNCEMENT_UNCHANGED)

    def _committed(self, writes: Sequence[Write], *, unless: str) -> bool:
        """Commit `writes`; return False if the assertion `unless` failed."""
        try:
            self._transactor.commit(writes)
        except ConditionFailed as failed:
            if failed.asserts != {unless}:
                raise
            return False
        return True

    def _line(self, sheet: PriceSheet, meter: Meter, at: datetime) -> str:
        """Return the line about one machine: its price, and how it changes."""
        machine = self._machines.deployment(meter.customer_id, meter.deployment_id)
        name = machine.name if machine else meter.deployment_id
        second = epoch_seconds(at)
        price = sheet.price_of(meter.parts, second)
        stands = f"{format_amount(meter.price_micros_per_hour if price is None else price)} USD an hour"
        changes = [
            f"{format_amount(change.micros_per_hour)} USD from {_day_and_time(change.at)} on"
            for change in sheet.changes_of(meter.parts, second)
        ]
        return f"{name}: {stands}, {', '.join(changes)}" if changes else f"{name}: {stands}, which stays"


def _day_and_time(second: int) -> str:
    """Format it like `4 May 2031, 12:00:00 UTC`."""
    moment = from_epoch_seconds(second)
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"
