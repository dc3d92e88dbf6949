"""Books payments that gateways have reported, and finds payments that they should have reported."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import ALERT_STAFF, PAYMENT_ACCESS, TABLE_READ, TABLE_WRITE, WRITE_REPORTS
from chalicelib.runtime.observe import logger
from chalicelib.runtime.triggers import queue, schedule
from chalicelib.wiring.app import app

_GRANTS = (TABLE_READ, TABLE_WRITE, PAYMENT_ACCESS)
_MAX_REPORTED = 20


@queue("NoticeQueue", grants=_GRANTS, timeout_seconds=60)
def book_notice(message: Mapping[str, Any]) -> None:
    """Fetch the object of a notice, and book what is new."""
    top_up = app().money.webhooks.handle(message["gateway"], message["providerId"], message["reference"])
    if top_up is None and message["gateway"] == "bank" and message["providerId"]:
        found = app().money.bank_desk.look(message["providerId"])
        logger.info("transfers of no top-up", provider_id=message["providerId"], found=found)
    elif top_up is None:
        logger.info("notice about nothing of ours", gateway=message["gateway"], provider_id=message["providerId"])
    else:
        logger.info("booked", top_up_id=top_up.id, status=top_up.status)


@schedule("rate(5 minutes)", grants=_GRANTS, timeout_seconds=300)
def reconcile_top_ups(event: Mapping[str, Any]) -> Mapping[str, int]:
    """Ask the gateways about every top-up that is due, in case their webhooks were lost."""
    return app().money.settlement.reconcile()


@schedule("rate(1 day)", grants=(*_GRANTS, WRITE_REPORTS, ALERT_STAFF), timeout_seconds=900, memory_mb=1024)
def compare_payments(event: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the gateways' settled payments with the ledger, store the report, and alert staff about
    differences.
    """
    report = app().operations.comparison.run()
    return {
        "payments": report.payments,
        "entries": report.entries,
        "bookedNow": report.booked_now[:_MAX_REPORTED],
        "differences": [found.sentence for found in report.differences[:_MAX_REPORTED]],
    }
