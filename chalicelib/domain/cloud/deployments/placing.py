"""The project of a deployment."""

from collections.abc import Sequence

from chalicelib.domain.cloud.deployments.accepting import accepted
from chalicelib.domain.cloud.deployments.errors import OperationInProgress
from chalicelib.domain.cloud.deployments.models import Deployment
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.cloud.deployments.reading import Reading
from chalicelib.domain.cloud.projects.models import no_such_project
from chalicelib.domain.cloud.projects.ports import ProjectRecords
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.transactions import Transactor, Write


class Placing:
    """Moves deployments between projects."""

    def __init__(
        self,
        records: DeploymentRecords,
        reading: Reading,
        projects: ProjectRecords,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._reading = reading
        self._projects = projects
        self._transactor = transactor
        self._clock = clock

    def move(self, reach: Reach, deployment_id: str, project_id: str) -> Deployment:
        """Move a deployment to a project, or out of all projects if `project_id` is empty.

        Raises:
            NotFound: the deployment or the project is not within reach.
            OperationInProgress: an operation is changing the deployment; move it after that has ended (G29).
        """

        def moved() -> Deployment:
            before = self._reading.get(reach, deployment_id)
            if self.project(reach, project_id) == before.project_id:
                return before
            if before.operation_id is not None:
                raise OperationInProgress
            after = before.changed(self._clock.now(), project_id=project_id)
            self._transactor.commit([self._records.replace_deployment(before, after), *self.enter(after)])
            return after

        return accepted(moved)

    def project(self, reach: Reach, project_id: str) -> str:
        """Return `project_id` if a deployment may be put there; empty means no project.

        Raises:
            NotFound: the project does not exist, or is not within reach.
        """
        is_there = not project_id or self._projects.get(reach.customer_id, project_id) is not None
        if not reach.covers(project_id) or not is_there:
            raise no_such_project()
        return project_id

    def enter(self, deployment: Deployment) -> Sequence[Write]:
        """Assert that the deployment's project exists when the transaction is committed."""
        if not deployment.project_id:
            return []
        return [self._projects.enter(deployment.customer_id, deployment.project_id)]
