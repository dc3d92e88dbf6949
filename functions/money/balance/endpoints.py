"""Endpoints for a customer's balance and ledger."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, Listing, endpoint
from chalicelib.wiring.app import app
from functions.money.balance.schemas import BalanceView, EntryQuery, EntryView


@endpoint("GET", "/billing/balance", scope=Scope.BILLING_READ)
def get_balance(caller: Caller) -> BalanceView:
    """Show your balance, the money held, the rate at which it is used, and how long it will last."""
    balance = app().money.ledger.balance(caller.customer_id)
    return BalanceView.of(balance, app().cloud.suspensions.of(caller.customer_id))


@endpoint("GET", "/billing/ledger", scope=Scope.BILLING_READ)
def list_ledger_entries(query: EntryQuery, caller: Caller) -> Listing[EntryView]:
    """List ledger entries, newest first, optionally by time and type."""
    page = app().money.ledger.entries(caller.customer_id, query.wanted(), query.page_request())
    return Listing.of(page, EntryView.of)
