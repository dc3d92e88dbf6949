"""What projects need from outside."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.cloud.projects.models import Project
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

PROJECT_THERE = "project_there"


PROJECT_UNCHANGED = "project_unchanged"


PROJECT_NAME_FREE = "project_name_free"


PROJECT_ROOM_LEFT = "project_room_left"


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
