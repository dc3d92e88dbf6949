"""Looking at deployments. Everything else that asks for one by a request's id comes through here."""

from dataclasses import replace

from chalicelib.domain.cloud.deployments.models import Deployment, DeploymentFilter, TimelineEvent
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.pages import Page, PageRequest


class Reading:
    """Shows the deployments that a caller reaches."""

    def __init__(self, records: DeploymentRecords) -> None:
        self._records = records

    def get(self, reach: Reach, deployment_id: str) -> Deployment:
        """One deployment.

        Raises:
            NotFound: the caller reaches no such deployment.
        """
        deployment = self._records.deployment(reach.customer_id, deployment_id)
        if deployment is None or not reach.covers(deployment.project_id):
            raise NotFound("You have no such deployment.")
        return deployment

    def list(self, reach: Reach, wanted: DeploymentFilter, page: PageRequest) -> Page[Deployment]:
        """The deployments that are reached, and that `wanted` asks for."""
        if wanted.project_id and not reach.covers(wanted.project_id):
            return Page([])
        wanted = replace(wanted, project_id=wanted.project_id or reach.project_id)
        return self._records.deployments(reach.customer_id, wanted, page)

    def events(self, reach: Reach, deployment_id: str, after: int, page: PageRequest) -> Page[TimelineEvent]:
        """The timeline after the event numbered `after`.

        Raises:
            NotFound: the caller reaches no such deployment.
        """
        self.get(reach, deployment_id)
        return self._records.events(reach.customer_id, deployment_id, after, page)
