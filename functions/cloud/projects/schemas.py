"""Requests and responses of the project endpoints."""

from datetime import datetime
from typing import ClassVar, Self

from pydantic import Field

from chalicelib.domain.cloud.projects.models import MAX_PROJECT_NAME_LENGTH, Project
from chalicelib.http import ApiModel
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind

ProjectId = id_of(Kind.PROJECT)


class ProjectRequest(ApiModel):
    """The name of a project."""

    audited_fields: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = Field(
        min_length=1,
        max_length=MAX_PROJECT_NAME_LENGTH,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Unique among the customer's projects, whatever the case of its letters",
        examples=["Staging"],
    )


class ProjectView(ApiModel):
    """A group of deployments."""

    id: str = Field(examples=["prj_01J…"])
    name: str = Field(examples=["Staging"])
    created_at: datetime

    @classmethod
    def of(cls, project: Project) -> Self:
        """The view of `project`."""
        return cls(id=project.id, name=project.name, created_at=project.created_at)


class ProjectDeleted(ApiModel):
    """A deleted project."""

    id: str = Field(examples=["prj_01J…"])
