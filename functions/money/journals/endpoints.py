"""Ledger exports for accountants."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, endpoint
from chalicelib.runtime.grants import KEEP_EXPORTS
from chalicelib.wiring.app import app
from functions.money.journals.schemas import ExportQuery, ExportView


@endpoint(
    "GET",
    "/billing/ledger/export",
    scope=Scope.BILLING_READ,
    grants=(KEEP_EXPORTS,),
    memory_mb=1024,
    timeout_seconds=28,
)
def export_ledger(query: ExportQuery, caller: Caller) -> ExportView:
    """Export ledger entries as a file: CSV, or a journal that hledger or Beancount verifies."""
    link = app().money.exports.of_customer(caller.customer_id, query.format, query.from_, query.to)
    return ExportView.of(query.format, link)
