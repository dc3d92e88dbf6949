"""The daily proof of the ledger."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import ALERT_STAFF, TABLE_READ, WRITE_REPORTS
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app

_TOLD_AT_MOST = 20


@schedule("rate(1 day)", grants=(TABLE_READ, WRITE_REPORTS, ALERT_STAFF), timeout_seconds=900, memory_mb=1024)
def ledger_proof(event: Mapping[str, Any]) -> dict[str, Any]:
    """Prove the whole ledger, store the report, and tell staff of any difference."""
    report = app().operations.daily_proof.run()
    return {
        "customers": report.totals.customers,
        "entries": report.totals.entries,
        "differences": [found.sentence for found in report.differences[:_TOLD_AT_MOST]],
    }
