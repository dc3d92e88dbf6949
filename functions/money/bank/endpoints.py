"""Endpoints for staff: bank statements, and transfers that match no top-up."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.http import Caller, Listing, Reply, StaffPageQuery, endpoint
from chalicelib.kernel.errors import Conflict, NotFound, Unavailable
from chalicelib.runtime.grants import PAYMENT_ACCESS
from chalicelib.wiring.app import app
from functions.money.bank.schemas import (
    AssignBody,
    ReturnBody,
    StatementBody,
    StatementView,
    TransferId,
    UnmatchedView,
)


@endpoint(
    "POST",
    "/v1/admin/bank/statements",
    scope=Scope.STAFF_PAYMENTS_WRITE,
    errors=(PaymentProviderError, Unavailable),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=29,
    memory_mb=1024,
)
def import_bank_statement(request: StatementBody, caller: Caller) -> StatementView:
    """Credit the transfers of a bank statement, and queue those that match no top-up. Importing it again is
    safe.
    """
    return StatementView.of(app().money.bank_desk.import_statement(request.content.encode()))


@endpoint("GET", "/v1/admin/bank/unmatched", scope=Scope.STAFF_PAYMENTS_READ)
def list_unmatched_transfers(query: StaffPageQuery, caller: Caller) -> Listing[UnmatchedView]:
    """List the transfers that wait for a decision, oldest first."""
    return query.listing(app().money.bank_desk.waiting, UnmatchedView.of)


@endpoint(
    "POST",
    "/v1/admin/bank/unmatched/{transferId}/assign",
    scope=Scope.STAFF_PAYMENTS_WRITE,
    errors=(NotFound, Conflict, PaymentProviderError, Unavailable),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def assign_transfer(transfer_id: TransferId, request: AssignBody, caller: Caller) -> Reply[UnmatchedView]:
    """Credit a transfer to the customer of a top-up, once."""
    assigned = app().money.bank_desk.assign(
        transfer_id, request.top_up_id, user_id=caller.user_id, note=request.note
    )
    top_up = app().money.top_up_records.top_up_of_reference(request.top_up_id)
    return Reply(UnmatchedView.of(assigned), concerns=top_up.customer_id if top_up else "")


@endpoint(
    "POST",
    "/v1/admin/bank/unmatched/{transferId}/return",
    scope=Scope.STAFF_PAYMENTS_WRITE,
    errors=(NotFound, Conflict),
    grants=(PAYMENT_ACCESS,),
)
def note_returned_transfer(transfer_id: TransferId, request: ReturnBody, caller: Caller) -> UnmatchedView:
    """Record that a transfer was sent back at the bank; nothing is credited."""
    noted = app().money.bank_desk.note_return(transfer_id, user_id=caller.user_id, note=request.note)
    return UnmatchedView.of(noted)
