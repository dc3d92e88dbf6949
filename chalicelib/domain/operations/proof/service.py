"""Proves the whole ledger (G12)."""

import time
from collections.abc import Callable

from chalicelib.domain.foundation.notifications.ports import StaffAlerts
from chalicelib.domain.money.ledger.models import Account
from chalicelib.domain.operations.proof.books import Examination, Readers
from chalicelib.domain.operations.proof.models import MAX_DIFFERENCES, Difference, Report, Totals
from chalicelib.domain.operations.proof.ports import Reports
from chalicelib.kernel.clock import Clock

_READINGS = 8
_FIRST_PAUSE_SECONDS = 0.05


class Proof:
    """Compares every customer's account, entries, holds, meters, usage, deployments and top-ups.

    A customer's books may change while they are read. So a reading counts only if the account is the same before
    and after it, and a difference counts only if the next reading finds it again.
    """

    def __init__(self, readers: Readers, clock: Clock, pause: Callable[[float], None] = time.sleep) -> None:
        self._readers = readers
        self._clock = clock
        self._pause = pause

    def run(self) -> Report:
        """Check all customers, one after the other."""
        started_at = self._clock.now()
        totals = Totals()
        differences: list[Difference] = []
        count = 0
        for customer_id in self._readers.ledger.customer_ids():
            found, sentences = self.examine(customer_id)
            totals.add(found)
            count += len(sentences)
            room = MAX_DIFFERENCES - len(differences)
            differences += [Difference(customer_id, sentence) for sentence in sentences[:room]]
        off = totals.customers_micros + sum(totals.operator_micros.values())
        if off:
            count += 1
            sentence = f"all customers and the operator together have {off} micro-dollars, and should have none"
            differences.append(Difference("", sentence))
        return Report(started_at, self._clock.now(), totals, tuple(differences), count)

    def examine(self, customer_id: str) -> tuple[Totals, list[str]]:
        """Check one customer; return what was counted, and a sentence for each difference."""
        earlier: list[str] = []
        for reading in range(_READINGS):
            account = self._readers.ledger.account(customer_id)
            if account is None:
                return Totals(customers=1), [f"customer {customer_id} is in the list of books without an account"]
            examination = Examination(account, self._readers)
            examination.run()
            is_unchanged = self._is_unchanged(account)
            if is_unchanged and (not examination.differences or examination.differences == earlier):
                return examination.totals, examination.differences
            earlier = examination.differences if is_unchanged else []
            self._pause(_FIRST_PAUSE_SECONDS * 2**reading)
        return Totals(customers=1), [f"customer {customer_id} changed during each of {_READINGS} readings"]

    def _is_unchanged(self, account: Account) -> bool:
        return self._readers.ledger.account(account.customer_id) == account


class DailyProof:
    """Proves the ledger, stores the report, and alerts staff about differences."""

    def __init__(self, proof: Proof, reports: Reports, alerts: StaffAlerts) -> None:
        self._proof = proof
        self._reports = reports
        self._alerts = alerts

    def run(self) -> Report:
        """Run one proof of the whole ledger."""
        report = self._proof.run()
        kept_at = self._reports.keep(report)
        if not report.holds:
            first = "\n".join(f"{found.customer_id}: {found.sentence}" for found in report.differences[:20])
            self._alerts.send(
                f"The ledger does not prove itself: {report.difference_count} differences", f"{first}\n{kept_at}"
            )
        return report
