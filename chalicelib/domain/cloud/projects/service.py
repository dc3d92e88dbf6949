"""Manages projects: groups of a customer's deployments, to which an API key can be confined.

A key that is confined to a project sees and creates deployments only there; a `Reach` enforces it.
"""

from dataclasses import replace

from chalicelib.domain.cloud.projects.models import MAX_PROJECTS_PER_CUSTOMER, Project, no_such_project
from chalicelib.domain.cloud.projects.ports import PROJECT_NAME_FREE, PROJECT_UNCHANGED, ProjectRecords
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, FieldError, Forbidden, LimitExceeded
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, with_fresh_reads


class Projects:
    """Manages customers' projects."""

    def __init__(self, records: ProjectRecords, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._clock = clock

    def list(self, reach: Reach, page: PageRequest) -> Page[Project]:
        """Return a customer's projects, oldest first; a key confined to a project sees only that."""
        if not reach.project_id:
            return self._records.list(reach.customer_id, page)
        own = self._records.get(reach.customer_id, reach.project_id)
        return Page([own] if own else [])

    def get(self, reach: Reach, project_id: str) -> Project:
        """Return one project.

        Raises:
            NotFound: there is no such project within reach.
        """
        project = self._records.get(reach.customer_id, project_id) if reach.covers(project_id) else None
        if project is None:
            raise no_such_project()
        return project

    def has(self, customer_id: str, project_id: str) -> bool:
        """Whether the customer has this project."""
        return self._records.get(customer_id, project_id) is not None

    def create(self, reach: Reach, name: str) -> Project:
        """Create a project.

        Raises:
            Forbidden: the caller is confined to a project.
            Conflict: a project has this name, ignoring case.
            LimitExceeded: the customer has the maximum number of projects.
        """
        if reach.project_id:
            raise Forbidden("This API key reaches one project only; it cannot make another.")
        now = self._clock.now()
        project = Project(new_id(Kind.PROJECT, now), reach.customer_id, name, now)
        try:
            self._transactor.commit(self._records.insert(project, MAX_PROJECTS_PER_CUSTOMER))
        except ConditionFailed as failed:
            if PROJECT_NAME_FREE in failed.asserts:
                raise _name_taken() from failed
            raise LimitExceeded(
                f"You have {MAX_PROJECTS_PER_CUSTOMER} projects, the most there can be; delete one first."
            ) from failed
        return project

    def rename(self, reach: Reach, project_id: str, name: str) -> Project:
        """Rename a project.

        Raises:
            NotFound: as for `get`.
            Conflict: a project has this name, ignoring case.
        """

        def change() -> Project:
            before = self.get(reach, project_id)
            after = replace(before, name=name, version=before.version + 1)
            self._transactor.commit(self._records.rename(before, after))
            return after

        try:
            return with_fresh_reads(change, stale=frozenset({PROJECT_UNCHANGED}))
        except ConditionFailed as failed:
            raise _name_taken() from failed

    def remove(self, reach: Reach, project_id: str) -> None:
        """Delete a project without existing deployments.

        Raises:
            NotFound: as for `get`.
            Conflict: it contains deployments.
        """

        def forget() -> None:
            project = self.get(reach, project_id)
            if not self._records.is_empty(reach.customer_id, project_id):
                raise Conflict("There are deployments in this project; delete them, or move them, first.")
            self._transactor.commit(self._records.remove(project))

        with_fresh_reads(forget, stale=frozenset({PROJECT_UNCHANGED}))


def _name_taken() -> Conflict:
    message = "You have a project of this name; choose another."
    return Conflict(message, details=[FieldError("name", message)])
