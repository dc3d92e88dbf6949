"""Endpoints for staff: refunds."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.foundation.approvals.models import Approval
from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.domain.money.refunds.models import RefundRequest
from chalicelib.http import Caller, Listing, Reply, endpoint
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.runtime.grants import PAYMENT_ACCESS
from chalicelib.wiring.app import app
from functions.foundation.approvals.schemas import ApprovalView
from functions.money.refunds.schemas import RefundAnswer, RefundBody, RefundView
from functions.money.top_ups.schemas import TopUpId


@endpoint(
    "POST",
    "/v1/admin/topups/{topUpId}/refunds",
    status=201,
    scope=Scope.STAFF_REFUNDS_WRITE,
    idempotent=True,
    errors=(NotFound, Conflict, InsufficientBalance),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def refund_top_up(top_up_id: TopUpId, request: RefundBody, caller: Caller) -> Reply[RefundAnswer]:
    """Send part of a top-up back to its payer; above the limit, a second member of staff must approve it first."""
    wanted = RefundRequest(top_up_id, request.amount, request.reason, caller.user_id)
    made = app().money.four_eyes.refund(wanted, caller.effect_key)
    if isinstance(made, Approval):
        answer = RefundAnswer(refund=None, approval=ApprovalView.of(made, app().core.clock.now()))
        return Reply(answer, concerns=made.request.customer_id)
    return Reply(RefundAnswer(refund=RefundView.of(made), approval=None), concerns=made.customer_id)


@endpoint("GET", "/v1/admin/topups/{topUpId}/refunds", scope=Scope.STAFF_REFUNDS_READ, errors=(NotFound,))
def list_refunds(top_up_id: TopUpId, caller: Caller) -> Listing[RefundView]:
    """List the refunds of a top-up, oldest first."""
    return Listing([RefundView.of(order) for order in app().money.refunds.list(top_up_id)])
