"""Projects: groups of a customer's deployments, and what an API key can be confined to.

A key that is confined to a project sees and makes deployments in it and nowhere else; `Deployments.within` is the
one place that holds it to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, FieldError, Forbidden, LimitExceeded, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

MAX_PROJECTS_PER_CUSTOMER = 100
MAX_PROJECT_NAME_LENGTH = 64

PROJECT_THERE = "project_there"
PROJECT_UNCHANGED = "project_unchanged"
PROJECT_NAME_FREE = "project_name_free"
PROJECT_ROOM_LEFT = "project_room_left"


@dataclass(frozen=True)
class Project:
    """A group of deployments under a name of the customer's."""

    id: str
    customer_id: str
    name: str
    created_at: datetime
    version: int = 1
    """Grows with each change, and with each deployment that comes in."""


class ProjectRecords(Protocol):
    """Where projects are kept. Single reads are strongly consistent."""

    def list(self, customer_id: str, page: PageRequest) -> Page[Project]:
        """A customer's projects, oldest first."""
        ...

    def get(self, customer_id: str, project_id: str) -> Project | None:
        """One project; a stranger's is not found."""
        ...

    def insert(self, project: Project, limit: int) -> Sequence[Write]:
        """Keep a new project; asserts PROJECT_NAME_FREE (in any case) and PROJECT_ROOM_LEFT below `limit`."""
        ...

    def rename(self, before: Project, after: Project) -> Sequence[Write]:
        """Give it another name; asserts PROJECT_UNCHANGED since `before`, and PROJECT_NAME_FREE."""
        ...

    def remove(self, project: Project) -> Sequence[Write]:
        """Forget it; asserts PROJECT_UNCHANGED: no deployment has come in since it was read."""
        ...

    def enter(self, customer_id: str, project_id: str) -> Write:
        """Note that a deployment comes in; asserts PROJECT_THERE."""
        ...

    def is_empty(self, customer_id: str, project_id: str) -> bool:
        """Whether no deployment in it exists any more; strongly consistent."""
        ...


class Projects:
    """Keeps customers' projects. `within` is the project that the asker is confined to, if any."""

    def __init__(self, records: ProjectRecords, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._clock = clock

    def list(self, customer_id: str, page: PageRequest, *, within: str = "") -> Page[Project]:
        """A customer's projects, oldest first; of somebody confined, that one."""
        if not within:
            return self._records.list(customer_id, page)
        own = self._records.get(customer_id, within)
        return Page([own] if own else [])

    def get(self, customer_id: str, project_id: str, *, within: str = "") -> Project:
        """One project.

        Raises:
            NotFound: the customer has no such project, or the asker is confined to another.
        """
        project = self._records.get(customer_id, project_id) if within in {"", project_id} else None
        if project is None:
            raise no_such_project()
        return project

    def has(self, customer_id: str, project_id: str) -> bool:
        """Whether the customer has this project."""
        return self._records.get(customer_id, project_id) is not None

    def create(self, customer_id: str, name: str, *, within: str = "") -> Project:
        """Make a project.

        Raises:
            Forbidden: the asker is confined to a project.
            Conflict: there is one of this name, in any case.
            LimitExceeded: there are as many as there can be.
        """
        if within:
            raise Forbidden("This API key reaches one project only; it cannot make another.")
        now = self._clock.now()
        project = Project(new_id(Kind.PROJECT, now), customer_id, name, now)
        try:
            self._transactor.commit(self._records.insert(project, MAX_PROJECTS_PER_CUSTOMER))
        except ConditionFailed as failed:
            if PROJECT_NAME_FREE in failed.asserts:
                raise _name_taken() from failed
            raise LimitExceeded(
                f"You have {MAX_PROJECTS_PER_CUSTOMER} projects, the most there can be; delete one first."
            ) from failed
        return project

    def rename(self, customer_id: str, project_id: str, name: str, *, within: str = "") -> Project:
        """Give a project another name.

        Raises:
            NotFound: as for `get`.
            Conflict: there is one of this name, in any case.
        """

        def change() -> Project:
            before = self.get(customer_id, project_id, within=within)
            after = replace(before, name=name, version=before.version + 1)
            self._transactor.commit(self._records.rename(before, after))
            return after

        try:
            return with_fresh_reads(change, stale=frozenset({PROJECT_UNCHANGED}))
        except ConditionFailed as failed:
            raise _name_taken() from failed

    def remove(self, customer_id: str, project_id: str, *, within: str = "") -> None:
        """Forget a project that is empty; deployments that are gone do not count.

        Raises:
            NotFound: as for `get`.
            Conflict: there are deployments in it.
        """

        def forget() -> None:
            project = self.get(customer_id, project_id, within=within)
            if not self._records.is_empty(customer_id, project_id):
                raise Conflict("There are deployments in this project; delete them, or move them, first.")
            self._transactor.commit(self._records.remove(project))

        with_fresh_reads(forget, stale=frozenset({PROJECT_UNCHANGED}))


def no_such_project() -> NotFound:
    """The refusal of a project that is none of the asker's."""
    message = "You have no such project."
    return NotFound(message, details=[FieldError("projectId", message)])


def _name_taken() -> Conflict:
    message = "You have a project of this name; choose another."
    return Conflict(message, details=[FieldError("name", message)])
