"""Credits that staff give to customers."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, endpoint
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.money import parse_amount
from chalicelib.wiring.app import app
from functions.foundation.approvals.schemas import ApprovalView
from functions.money.balance.schemas import BalanceView, CreditBody, CustomerId
from functions.money.refunds.schemas import CreditAnswer


@endpoint(
    "POST",
    "/v1/admin/customers/{customerId}/credits",
    status=201,
    scope=Scope.STAFF_CREDITS_WRITE,
    idempotent=True,
    errors=(Conflict,),
)
def credit_customer(customer_id: CustomerId, request: CreditBody, caller: Caller) -> CreditAnswer:
    """Give a customer a credit, with a reason for the ledger and the activity log; a large amount needs
    approval.
    """
    # The ledger keeps this key for ever: a repeated request is the same credit, even after its key has expired.
    approval = app().money.four_eyes.credit(
        customer_id,
        parse_amount(request.amount),
        reason=request.reason,
        asked_by=caller.user_id,
        key=caller.effect_key,
    )
    balance = BalanceView.of(app().money.ledger.balance(customer_id), app().cloud.suspensions.of(customer_id))
    asked = ApprovalView.of(approval, app().core.clock.now()) if approval else None
    return CreditAnswer.with_approval(balance, asked)
