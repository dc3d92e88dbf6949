"""Deployments: machines that customers run."""

from chalicelib.domain.cloud.deployments.errors import OperationInProgress
from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.money.ledger.errors import AccountSuspended, InsufficientBalance
from chalicelib.domain.money.spending.errors import SpendCapReached
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import LimitExceeded, NotFound
from chalicelib.wiring.app import app
from functions.cloud.deployments.schemas import (
    DeploymentAccepted,
    DeploymentBody,
    DeploymentId,
    DeploymentQuery,
    DeploymentView,
    EventQuery,
    EventView,
    ProjectChoice,
    QuoteBody,
    QuoteView,
    UsageView,
)
from functions.cloud.deployments.usage_schemas import (
    DailyUsageQuery,
    DailyUsageView,
    Days,
    HourlyUsageQuery,
    HourlyUsageView,
)


@endpoint(
    "POST",
    "/deployments/quote",
    scope=Scope.DEPLOYMENTS_READ,
    audited=False,
    asks_provider=True,
)
def quote_deployment(request: QuoteBody, caller: Caller) -> QuoteView:
    """Say what a machine would cost, whether it could be built now, and what prevents it."""
    api_key_id = caller.principal.api_key_id
    return QuoteView.of(app().cloud.admission.quote(caller.reach, request.wanted(), api_key_id=api_key_id))


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
        LimitExceeded,
        NotFound,
    ),
    asks_provider=True,
)
def create_deployment(request: DeploymentBody, caller: Caller) -> DeploymentAccepted:
    """Hold part of the balance, record the deployment and start to build the machine."""
    wanted = request.wanted(request.ssh_key_id, request.name or "", request.project_id or "")
    accepted = app().cloud.ordering.create(
        caller.reach,
        wanted,
        key=caller.effect_key if caller.idempotency_key else None,
        api_key_id=caller.principal.api_key_id,
    )
    return DeploymentAccepted.of(accepted)


@endpoint("GET", "/deployments", scope=Scope.DEPLOYMENTS_READ)
def list_deployments(query: DeploymentQuery, caller: Caller) -> Listing[DeploymentView]:
    """List deployments, by status and region, newest first unless `sort=createdAt`."""
    page = app().cloud.reading.list(caller.reach, query.wanted(), query.page_request())
    return Listing.of(page, DeploymentView.of)


@endpoint("GET", "/deployments/{deploymentId}", scope=Scope.DEPLOYMENTS_READ)
def get_deployment(deployment_id: DeploymentId, caller: Caller) -> DeploymentView:
    """Show one deployment."""
    return DeploymentView.of(app().cloud.reading.get(caller.reach, deployment_id))


@endpoint("GET", "/deployments/{deploymentId}/events", scope=Scope.DEPLOYMENTS_READ)
def list_deployment_events(deployment_id: DeploymentId, query: EventQuery, caller: Caller) -> Listing[EventView]:
    """List the events of a deployment, oldest first; `?after=` gives only newer ones."""
    page = app().cloud.reading.events(caller.reach, deployment_id, query.after, query.page_request())
    return Listing.of(page, EventView.of)


@endpoint("GET", "/deployments/{deploymentId}/usage", scope=Scope.BILLING_READ)
def get_deployment_usage(deployment_id: DeploymentId, query: PageQuery, caller: Caller) -> UsageView:
    """Show what a deployment was charged, interval by interval, with a proof that nothing is missing."""
    usage = app().cloud.usage_reports.intervals(caller.reach, deployment_id, query.page_request())
    return UsageView.of(usage)


@endpoint("GET", "/deployments/{deploymentId}/usage/hourly", scope=Scope.BILLING_READ)
def list_hourly_usage(
    deployment_id: DeploymentId, query: HourlyUsageQuery, caller: Caller
) -> Listing[HourlyUsageView]:
    """List the hours (UTC) in which a deployment ran, with what each cost; they add up to what was charged."""
    deployment = app().cloud.reading.get(caller.reach, deployment_id)
    page = app().cloud.usage_reports.hourly(deployment, query.span(), query.page_request())
    return Listing.of(page, HourlyUsageView.of)


@endpoint("GET", "/deployments/{deploymentId}/usage/daily", scope=Scope.BILLING_READ)
def list_daily_usage(
    deployment_id: DeploymentId, query: DailyUsageQuery, caller: Caller
) -> Listing[DailyUsageView]:
    """List the days in which a deployment ran, with what each cost; they add up to what was charged."""
    deployment = app().cloud.reading.get(caller.reach, deployment_id)
    time_zone = "UTC"
    if query.days is Days.BILLING:
        time_zone = app().money.billing_profiles.get(caller.customer_id).time_zone
    page = app().cloud.usage_reports.daily(deployment, query.span(), query.page_request(), time_zone)
    return Listing.of(page, lambda slot: DailyUsageView.of_day(slot, time_zone))


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
    """End billing at once, and remove the machine; it works at any point of its life, and can be repeated."""
    return DeploymentAccepted.of(app().cloud.removal.delete(caller.reach, deployment_id))


@endpoint(
    "PUT",
    "/deployments/{deploymentId}/project",
    scope=Scope.DEPLOYMENTS_WRITE,
    errors=(NotFound, OperationInProgress),
)
def move_deployment(deployment_id: DeploymentId, request: ProjectChoice, caller: Caller) -> DeploymentView:
    """Put a deployment into a project, or into none. It is refused while an operation is in progress."""
    return DeploymentView.of(app().cloud.placing.move(caller.reach, deployment_id, request.project_id or ""))
