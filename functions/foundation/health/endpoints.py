"""How Hearth is."""

from chalicelib.domain.foundation.health.models import Status
from chalicelib.http import endpoint
from chalicelib.runtime.grants import LIST_MACHINES, READ_MAIL_QUOTA, SEE_SIGNING_KEY
from chalicelib.runtime.observe import logger
from chalicelib.wiring.app import app
from functions.foundation.health.schemas import HealthView


# Not limited: the limit's own counter is in the table, which may be what does not answer. A report is kept for
# some seconds instead, so that asking often asks nobody.
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
    """See what each dependency says, within a second, whatever state they are in."""
    report = app().foundation.health.report()
    for finding in report.findings:
        if finding.status is not Status.OK:
            logger.warning("not well", dependency=finding.name, status=finding.status.value, error=finding.error)
    return HealthView.of(report)
