"""Endpoints for approvals: decisions that need two members of the staff."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.foundation.approvals.models import Approval
from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.http import Caller, Listing, Reply, StaffPageQuery, endpoint
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.runtime.grants import PAYMENT_ACCESS
from chalicelib.wiring.app import app
from functions.foundation.approvals.schemas import ApprovalId, ApprovalView


def _view(approval: Approval) -> ApprovalView:
    return ApprovalView.of(approval, app().core.clock.now())


def _decided(approval: Approval) -> Reply[ApprovalView]:
    return Reply(_view(approval), concerns=approval.request.customer_id)


@endpoint("GET", "/v1/admin/approvals", scope=Scope.STAFF_APPROVALS_READ)
def list_approvals(query: StaffPageQuery, caller: Caller) -> Listing[ApprovalView]:
    """List the approvals, open and decided, newest first."""
    return query.listing(app().money.approvals.list, _view)


@endpoint(
    "POST",
    "/v1/admin/approvals/{approvalId}/approve",
    scope=Scope.STAFF_APPROVALS_WRITE,
    errors=(NotFound, Conflict, InsufficientBalance),
    grants=(PAYMENT_ACCESS,),
    timeout_seconds=25,
)
def approve(approval_id: ApprovalId, caller: Caller) -> Reply[ApprovalView]:
    """Approve what a colleague requested; it takes effect at once."""
    return _decided(app().money.approvals.approve(approval_id, caller.user_id))


@endpoint(
    "POST",
    "/v1/admin/approvals/{approvalId}/reject",
    scope=Scope.STAFF_APPROVALS_WRITE,
    errors=(NotFound, Conflict),
)
def reject(approval_id: ApprovalId, caller: Caller) -> Reply[ApprovalView]:
    """Reject what a colleague requested."""
    return _decided(app().money.approvals.reject(approval_id, caller.user_id))
