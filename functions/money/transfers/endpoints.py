"""Endpoints for transfers between a user's own customers."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.money.ledger.errors import AccountSuspended, InsufficientBalance
from chalicelib.domain.money.transfers.models import TransferRequest
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import Conflict, Forbidden, NotFound
from chalicelib.wiring.app import app
from functions.money.transfers.schemas import TransferBody, TransferView


@endpoint(
    "POST",
    "/billing/transfers",
    status=201,
    scope=Scope.BILLING_WRITE,
    idempotent=True,
    errors=(NotFound, Conflict, InsufficientBalance, AccountSuspended),
)
def send_transfer(request: TransferBody, caller: Caller) -> TransferView:
    """Transfer money to another customer whose money you manage too; it arrives at once.

    Money that is held or disputed cannot be transferred. An API key cannot do this: it belongs to one customer
    only.
    """
    if caller.principal.api_key_id:
        raise Forbidden("This needs a person who has signed in; an API key cannot do it.")
    wanted = TransferRequest(
        caller.customer_id, request.to_customer_id, request.amount, request.note, caller.user_id
    )
    made = app().money.transfers.send(wanted, caller.effect_key)
    return TransferView.of(made, caller.customer_id)


@endpoint("GET", "/billing/transfers", scope=Scope.BILLING_READ)
def list_transfers(query: PageQuery, caller: Caller) -> Listing[TransferView]:
    """List transfers to and from your other customers, newest first."""
    found = app().money.transfers.list(caller.customer_id, query.page_request())
    return Listing.of(found, lambda transfer: TransferView.of(transfer, caller.customer_id))
