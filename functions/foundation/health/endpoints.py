"""Endpoint for the health of Hearth's dependencies."""

from chalicelib.domain.foundation.health.models import Status
from chalicelib.http import endpoint
from chalicelib.runtime.grants import LIST_MACHINES, READ_MAIL_QUOTA, SEE_SIGNING_KEY
from chalicelib.runtime.observe import logger
from chalicelib.wiring.app import app
from functions.foundation.health.schemas import HealthView


# Not rate-limited: the counter of the limit is in the table, and the table may be what does not answer. Instead, a
# report is kept for some seconds, so that frequent requests reach no dependency.
@endpoint(
    "GET",
    "/health",
    public=True,
    rate_limited=False,
    asks_provider=True,
    grants=(LIST_MACHINES, READ_MAIL_QUOTA, SEE_SIGNING_KEY),
    memory_mb=1024,
)
def get_health() -> HealthView:
    """Show the state of each dependency; the answer takes at most a second, whatever their state."""
    report = app().foundation.health.report()
    for finding in report.findings:
        if finding.status is not Status.OK:
            logger.warning("not well", dependency=finding.name, status=finding.status.value, error=finding.error)
    return HealthView.of(report)
