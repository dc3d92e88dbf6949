"""Reads deployments. All other code that looks one up for a request uses this service."""

from dataclasses import replace

from chalicelib.domain.cloud.deployments.models import Deployment, DeploymentFilter, TimelineEvent
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.pages import Page, PageRequest


class Reading:
    """Reads the deployments within a caller's reach."""

    def __init__(self, records: DeploymentRecords) -> None:
        self._records = records

    def get(self, reach: Reach, deployment_id: str) -> Deployment:
        """Return one deployment.

        Raises:
            NotFound: there is no such deployment within reach.
        """
        deployment = self._records.deployment(reach.customer_id, deployment_id)
        if deployment is None or not reach.covers(deployment.project_id):
            raise NotFound("You have no such deployment.")
        return deployment

    def list(self, reach: Reach, wanted: DeploymentFilter, page: PageRequest) -> Page[Deployment]:
        """Return the deployments within reach that match `wanted`."""
        if wanted.project_id and not reach.covers(wanted.project_id):
            return Page([])
        wanted = replace(wanted, project_id=wanted.project_id or reach.project_id)
        return self._records.deployments(reach.customer_id, wanted, page)

    def events(self, reach: Reach, deployment_id: str, after: int, page: PageRequest) -> Page[TimelineEvent]:
        """Return the timeline after event number `after`.

        Raises:
            NotFound: there is no such deployment within reach.
        """
        self.get(reach, deployment_id)
        return self._records.events(reach.customer_id, deployment_id, after, page)
