"""Endpoints for projects: groups of deployments, to which API keys can be confined."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import Conflict, LimitExceeded
from chalicelib.wiring.app import app
from functions.cloud.projects.schemas import ProjectDeleted, ProjectId, ProjectRequest, ProjectView


@endpoint("GET", "/projects", scope=Scope.PROJECTS_READ)
def list_projects(query: PageQuery, caller: Caller) -> Listing[ProjectView]:
    """List projects, oldest first. A key that is confined to one sees only that one."""
    page = app().cloud.projects.list(caller.reach, query.page_request())
    return Listing.of(page, ProjectView.of)


@endpoint(
    "POST",
    "/projects",
    status=201,
    scope=Scope.PROJECTS_WRITE,
    idempotent=True,
    errors=(Conflict, LimitExceeded),
)
def create_project(request: ProjectRequest, caller: Caller) -> ProjectView:
    """Create a project; there are at most 100."""
    return ProjectView.of(app().cloud.projects.create(caller.reach, request.name))


@endpoint("GET", "/projects/{projectId}", scope=Scope.PROJECTS_READ)
def get_project(project_id: ProjectId, caller: Caller) -> ProjectView:
    """Show one project."""
    return ProjectView.of(app().cloud.projects.get(caller.reach, project_id))


@endpoint("PATCH", "/projects/{projectId}", scope=Scope.PROJECTS_WRITE, errors=(Conflict,))
def rename_project(project_id: ProjectId, request: ProjectRequest, caller: Caller) -> ProjectView:
    """Rename a project."""
    return ProjectView.of(app().cloud.projects.rename(caller.reach, project_id, request.name))


@endpoint("DELETE", "/projects/{projectId}", scope=Scope.PROJECTS_WRITE, errors=(Conflict,))
def delete_project(project_id: ProjectId, caller: Caller) -> ProjectDeleted:
    """Delete a project without deployments. API keys that are confined to it reach nothing from then on."""
    app().cloud.projects.remove(caller.reach, project_id)
    return ProjectDeleted(id=project_id)
