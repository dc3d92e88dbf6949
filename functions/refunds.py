"""Sending money back, and what staff decide together."""

from chalicelib import bootstrap
from chalicelib.access.models import Scope
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import Conflict, InsufficientBalance, NotFound
from chalicelib.payments.approvals import Approval
from chalicelib.payments.refunds import RefundWish
from chalicelib.runtime.grants import PAYMENT_ACCESS
from functions.schemas.refunds import ApprovalId, ApprovalView, RefundAnswer, RefundBody, RefundView
from functions.schemas.top_ups import TopUpId


def _view(approval: Approval) -> ApprovalView:
    return ApprovalView.of(approval, bootstrap.clock().now())


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
def refund_top_up(top_up_id: TopUpId, request: RefundBody, caller: Caller) -> RefundAnswer:
    """Send part of a top-up back to who paid it; above the limit a second of the staff must approve it first."""
    key = f"{caller.user_id}:{caller.idempotency_key}" if caller.idempotency_key else caller.request_id
    wish = RefundWish(top_up_id, request.amount, request.reason, caller.user_id)
    made = bootstrap.four_eyes().refund(wish, key)
    if isinstance(made, Approval):
        return RefundAnswer(refund=None, approval=_view(made))
    return RefundAnswer(refund=RefundView.of(made), approval=None)


@endpoint("GET", "/v1/admin/topups/{topUpId}/refunds", scope=Scope.STAFF_REFUNDS_READ, errors=(NotFound,))
def list_refunds(top_up_id: TopUpId, caller: Caller) -> Listing[RefundView]:
    """List the refunds that were ordered of a top-up, oldest first."""
    return Listing([RefundView.of(order) for order in bootstrap.refunds().list(top_up_id)])


@endpoint("GET", "/v1/admin/approvals", scope=Scope.STAFF_APPROVALS_READ)
def list_approvals(query: PageQuery, caller: Caller) -> Listing[ApprovalView]:
    """List what needs, or needed, a second of the staff, newest first."""
    return Listing.of(bootstrap.four_eyes().list(query.page_request()), _view)


@endpoint(
    "POST",
    "/v1/admin/approvals/{approvalId}/approve",
    scope=Scope.STAFF_APPROVALS_WRITE,
    errors=(NotFound, Conflict, InsufficientBalance),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def approve(approval_id: ApprovalId, caller: Caller) -> ApprovalView:
    """Let what a colleague asked for happen, at once."""
    return _view(bootstrap.four_eyes().approve(approval_id, caller.user_id))


@endpoint(
    "POST",
    "/v1/admin/approvals/{approvalId}/reject",
    scope=Scope.STAFF_APPROVALS_WRITE,
    errors=(NotFound, Conflict),
)
def reject(approval_id: ApprovalId, caller: Caller) -> ApprovalView:
    """Do not let what a colleague asked for happen."""
    return _view(bootstrap.four_eyes().reject(approval_id, caller.user_id))
