"""Deployments: machines that customers run."""

from chalicelib import bootstrap
from chalicelib.access.models import Scope
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import (
    AccountSuspended,
    CapacityUnavailable,
    InsufficientBalance,
    LimitExceeded,
    NotFound,
    OperationInProgress,
    SpendCapReached,
)
from chalicelib.runtime.grants import PROVIDER_ACCESS
from functions.schemas.deployments import (
    DeploymentAccepted,
    DeploymentBody,
    DeploymentId,
    DeploymentQuery,
    DeploymentView,
    EventQuery,
    EventView,
    QuoteBody,
    QuoteView,
    UsageView,
)


@endpoint(
    "POST",
    "/deployments/quote",
    scope=Scope.DEPLOYMENTS_READ,
    audited=False,
    grants=(PROVIDER_ACCESS,),
    timeout_seconds=20,
)
def quote_deployment(request: QuoteBody, caller: Caller) -> QuoteView:
    """Say what a machine would cost, whether it could be made now, and what stands in its way."""
    api_key_id = caller.principal.api_key_id
    return QuoteView.of(bootstrap.deployments().quote(caller.customer_id, request.wanted(), api_key_id=api_key_id))


@endpoint(
    "POST",
    "/deployments",
    status=202,
    scope=Scope.DEPLOYMENTS_WRITE,
    idempotent=True,
    errors=(
        AccountSuspended,
        InsufficientBalance,
        SpendCapReached,
        CapacityUnavailable,
        LimitExceeded,
        NotFound,
    ),
    grants=(PROVIDER_ACCESS,),
    timeout_seconds=20,
)
def create_deployment(request: DeploymentBody, caller: Caller) -> DeploymentAccepted:
    """Reserve balance, record the deployment and let its state machine build it."""
    wanted = request.wanted(request.ssh_key_id, request.name or "")
    accepted = bootstrap.deployments().create(
        caller.customer_id, wanted, key=caller.idempotency_key, api_key_id=caller.principal.api_key_id
    )
    return DeploymentAccepted.of(accepted)


@endpoint("GET", "/deployments", scope=Scope.DEPLOYMENTS_READ)
def list_deployments(query: DeploymentQuery, caller: Caller) -> Listing[DeploymentView]:
    """List deployments, by status and region, newest first unless `sort=createdAt`."""
    page = bootstrap.deployments().list(caller.customer_id, query.wanted(), query.page_request())
    return Listing.of(page, DeploymentView.of)


@endpoint("GET", "/deployments/{deploymentId}", scope=Scope.DEPLOYMENTS_READ)
def get_deployment(deployment_id: DeploymentId, caller: Caller) -> DeploymentView:
    """Show one deployment."""
    return DeploymentView.of(bootstrap.deployments().get(caller.customer_id, deployment_id))


@endpoint("GET", "/deployments/{deploymentId}/events", scope=Scope.DEPLOYMENTS_READ)
def list_deployment_events(deployment_id: DeploymentId, query: EventQuery, caller: Caller) -> Listing[EventView]:
    """Tell what has happened to a deployment, oldest first; `?after=` gives only what is new."""
    page = bootstrap.deployments().events(caller.customer_id, deployment_id, query.after, query.page_request())
    return Listing.of(page, EventView.of)


@endpoint("GET", "/deployments/{deploymentId}/usage", scope=Scope.BILLING_READ)
def get_deployment_usage(deployment_id: DeploymentId, query: PageQuery, caller: Caller) -> UsageView:
    """Show what a deployment was charged, interval by interval, with what proves it complete."""
    usage = bootstrap.deployments().usage(caller.customer_id, deployment_id, query.page_request())
    return UsageView.of(usage)


@endpoint(
    "DELETE",
    "/deployments/{deploymentId}",
    status=202,
    scope=Scope.DEPLOYMENTS_WRITE,
    idempotent=True,
    for_blocked=True,
    errors=(OperationInProgress,),
)
def delete_deployment(deployment_id: DeploymentId, caller: Caller) -> DeploymentAccepted:
    """End billing at once, and remove the machine; works at any point of its life, and again."""
    return DeploymentAccepted.of(bootstrap.deployments().delete(caller.customer_id, deployment_id))
