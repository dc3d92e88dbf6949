"""What the operator's staff do for customers."""

from chalicelib import bootstrap
from chalicelib.access.models import Scope
from chalicelib.http import Caller, endpoint
from chalicelib.kernel.money import parse_amount
from functions.schemas.billing import BalanceView, CreditBody, CustomerId


@endpoint(
    "POST",
    "/v1/admin/customers/{customerId}/credits",
    status=201,
    scope=Scope.STAFF_CREDITS_WRITE,
    idempotent=True,
)
def credit_customer(customer_id: CustomerId, request: CreditBody, caller: Caller) -> BalanceView:
    """Give a customer money, with a reason that goes into the ledger and the activity log."""
    # Kept for ever: the same key with the same amount is the same credit, even after the door has forgotten it.
    kept = f"{caller.user_id}:{caller.idempotency_key}:{request.amount}"
    key = kept if caller.idempotency_key else caller.request_id
    balance = bootstrap.ledger().credit(
        customer_id,
        parse_amount(request.amount),
        reason=request.reason,
        actor_user_id=caller.user_id,
        key=f"credit:{key}",
    )
    return BalanceView.of(balance)
