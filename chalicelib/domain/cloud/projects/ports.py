"""Ports of projects."""

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
    """Stored projects. Single reads are strongly consistent."""

    def list(self, customer_id: str, page: PageRequest) -> Page[Project]:
        """Return a customer's projects, oldest first."""
        ...

    def get(self, customer_id: str, project_id: str) -> Project | None:
        """Return one project of the customer, or None."""
        ...

    def insert(self, project: Project, limit: int) -> Sequence[Write]:
        """Add a project; asserts PROJECT_NAME_FREE (ignoring case) and PROJECT_ROOM_LEFT (fewer than `limit`)."""
        ...

    def rename(self, before: Project, after: Project) -> Sequence[Write]:
        """Rename it; asserts PROJECT_UNCHANGED since `before` was read, and PROJECT_NAME_FREE."""
        ...

    def remove(self, project: Project) -> Sequence[Write]:
        """Delete it; asserts PROJECT_UNCHANGED: no deployment was added since it was read."""
        ...

    def enter(self, customer_id: str, project_id: str) -> Write:
        """Record that a deployment is added; asserts PROJECT_THERE."""
        ...

    def is_empty(self, customer_id: str, project_id: str) -> bool:
        """Whether it contains no existing deployment (strongly consistent)."""
        ...
