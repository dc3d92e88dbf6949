"""The daily comparison: every payment that a gateway has settled is in the ledger, and the reverse.

Webhooks and the reconciler achieve this within minutes. The comparison finds what both have missed, and payments
that belong to no top-up.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from chalicelib.domain.foundation.notifications.ports import StaffAlerts
from chalicelib.domain.money.bank.desk import BankDesk
from chalicelib.domain.money.ledger.models import EntryType
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.domain.money.top_ups.models import GatewayError, Payment, PaymentState, TopUp
from chalicelib.domain.money.top_ups.ports import Gateway, SupportsListing, TopUpRecords
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.domain.operations.proof.models import ComparisonReport, PaymentDifference
from chalicelib.domain.operations.proof.ports import ComparisonReports
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.money import format_amount

WINDOW = timedelta(days=4)
"""The period to compare: every payment is in several comparisons, in case a gateway's list is late."""
_BANK = "bank"


class Comparison:
    """Compares gateways' lists with the ledger, books missed payments, and alerts staff about other
    differences.
    """

    def __init__(
        self,
        gateways: Callable[[], Mapping[str, Gateway]],
        top_ups: TopUpRecords,
        ledger: LedgerRecords,
        settlement: Settlement,
        desk: BankDesk,
        reports: ComparisonReports,
        alerts: StaffAlerts,
        clock: Clock,
    ) -> None:
        self._gateways = gateways
        self._top_ups = top_ups
        self._ledger = ledger
        self._settlement = settlement
        self._desk = desk
        self._reports = reports
        self._alerts = alerts
        self._clock = clock

    def run(self) -> ComparisonReport:
        """Compare the payments of the last `WINDOW`, both ways."""
        now = self._clock.now()
        report = ComparisonReport(now - WINDOW, now)
        listed: set[str] = set()
        gateways = self._gateways()
        for name, gateway in gateways.items():
            if isinstance(gateway, SupportsListing):
                listed |= self._from_gateway(name, gateway, report)
        self._from_ledger(gateways, listed, report)
        kept_at = self._reports.keep_comparison(report)
        if not report.holds:
            first = "\n".join(f"{found.gateway}: {found.sentence}" for found in report.differences[:20])
            subject = f"Payments and ledger differ: {len(report.differences)} differences"
            self._alerts.send(subject, f"{first}\n{kept_at}")
        return report

    def _from_gateway(self, name: str, gateway: SupportsListing, report: ComparisonReport) -> set[str]:
        """Check that the ledger has the payments that the gateway lists; return the names of these payments."""
        listed: set[str] = set()
        try:
            for state in gateway.settled(report.since, report.until):
                listed |= {_name(name, payment.id) for payment in state.payments}
                self._check_payments(name, state, report)
        except GatewayError as error:
            sentence = f"The list could not be read to its end: {error}"
            report.differences.append(PaymentDifference(name, "", "", sentence))
        report.payments[name] = len(listed)
        return listed

    def _check_payments(self, gateway: str, state: PaymentState, report: ComparisonReport) -> None:
        top_up = self._top_up_of(gateway, state)
        if top_up is None:
            if gateway != _BANK or not self._desk.look(state.provider_id):
                report.differences.extend(
                    PaymentDifference(gateway, payment.id, "", f"{_describe(payment)} belongs to no top-up.")
                    for payment in state.payments
                )
            return
        if not _missing(state, top_up):
            return
        try:
            top_up = self._settlement.look(top_up)
            report.booked_now.append(top_up.id)
            why = ""
        except (GatewayError, Unavailable) as error:
            why = f": {error}"
        report.differences.extend(
            PaymentDifference(
                gateway, payment.id, top_up.id, f"{_describe(payment)} of {top_up.id} is not credited{why}."
            )
            for payment in _missing(state, top_up)
        )

    def _top_up_of(self, gateway: str, state: PaymentState) -> TopUp | None:
        found = self._top_ups.top_up_of_provider(gateway, state.provider_id)
        if found is None and state.reference:
            found = self._top_ups.top_up_of_reference(state.reference)
        return found if found is not None and found.gateway == gateway else None

    def _from_ledger(self, gateways: Mapping[str, Gateway], listed: set[str], report: ComparisonReport) -> None:
        """Check that the gateways have the payments that the ledger has credited; fetch those that were not
        listed.
        """
        for top_up in self._credited(report):
            unsure = {booked for booked in _payments(top_up) if _name(top_up.gateway, booked) not in listed}
            if top_up.gateway == _BANK:
                unsure = {booked for booked in unsure if not self._desk.has(booked)}
            if not unsure or top_up.provider_id is None or top_up.gateway not in gateways:
                continue
            try:
                state = gateways[top_up.gateway].fetch(top_up.provider_id)
                unsure -= {payment.id for payment in state.payments}
                why = "is credited, and the gateway does not have it."
            except GatewayError as error:
                why = f"is credited, and could not be asked for: {error}"
            report.differences.extend(
                PaymentDifference(top_up.gateway, booked, top_up.id, f"{booked} of {top_up.id} {why}")
                for booked in sorted(unsure)
            )

    def _credited(self, report: ComparisonReport) -> Iterator[TopUp]:
        """The top-ups with entries in the window, each once."""
        for customer_id in self._ledger.customer_ids():
            seen = set()
            for entry in self._ledger.all_entries(customer_id, report.since):
                if entry.type is EntryType.TOP_UP:
                    report.entries += 1
                    seen.add(entry.reference)
            for reference in sorted(seen):
                top_up = self._top_ups.top_up(customer_id, reference)
                if top_up is None:
                    sentence = f"An entry of {customer_id} is of {reference}, which is not there."
                    report.differences.append(PaymentDifference("", "", reference, sentence))
                else:
                    yield top_up


def _missing(state: PaymentState, top_up: TopUp) -> list[Payment]:
    return [payment for payment in state.payments if payment.id not in top_up.booked]


def _payments(top_up: TopUp) -> set[str]:
    """The gateway's ids of the booked payments."""
    return {booked for booked in top_up.booked if not booked.startswith(("refund:", "dispute:"))}


def _name(gateway: str, payment_id: str) -> str:
    return f"{gateway} {payment_id}"


def _describe(payment: Payment) -> str:
    amount = f"{format_amount(payment.amount.micros)} {payment.amount.currency}"
    return f"{payment.id} of {payment.at:%Y-%m-%d} ({amount})"
