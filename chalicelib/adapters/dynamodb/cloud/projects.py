"""Projects, with a guard item for each name and a count, all in the customer's partition."""

from collections.abc import Sequence

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.cloud.deployment_items import DeploymentRecord
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, Record
from chalicelib.adapters.dynamodb.transactor import DynamoWrite, delete, insert, put, update
from chalicelib.domain.cloud.deployments.models import DeploymentStatus
from chalicelib.domain.cloud.projects.models import Project
from chalicelib.domain.cloud.projects.ports import (
    PROJECT_NAME_FREE,
    PROJECT_ROOM_LEFT,
    PROJECT_THERE,
    PROJECT_UNCHANGED,
)
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest

_PREFIX = "PROJECT#"


class ProjectRecord(Record, discriminator="PROJECT"):
    """`CUSTOMER#<customer>` / `PROJECT#<id>`; ids sort by age."""

    name = UnicodeAttribute()
    created_at = UnicodeAttribute()
    version = IntegerAttribute()


class ProjectGuardRecord(Record, discriminator="PROJECT_GUARD"):
    """`CUSTOMER#<customer>` / `PROJECT_NAME#<name>`: the name is in use."""

    project_id = UnicodeAttribute()


class ProjectCountRecord(Record, discriminator="PROJECT_COUNT"):
    """`CUSTOMER#<customer>` / `PROJECT_COUNT`: how many projects there are."""

    projects = IntegerAttribute(null=True)


class DynamoProjects:
    """`ProjectRecords` on the customer's partition."""

    def list(self, customer_id: str, page: PageRequest) -> Page[Project]:
        """A customer's projects; see `ProjectRecords.list`."""
        return query_page(
            ProjectRecord,
            _partition(customer_id),
            page,
            _project,
            sort_key=ProjectRecord.sk.startswith(_PREFIX),
        )

    def get(self, customer_id: str, project_id: str) -> Project | None:
        """One project; see `ProjectRecords.get`."""
        try:
            found = ProjectRecord.get(_partition(customer_id), _PREFIX + project_id, consistent_read=True)
        except ProjectRecord.DoesNotExist:
            return None
        return _project(found)

    def insert(self, project: Project, limit: int) -> Sequence[DynamoWrite]:
        """Add a project; see `ProjectRecords.insert`."""
        room_left = ProjectCountRecord.projects.does_not_exist() | (ProjectCountRecord.projects < limit)
        counted = [ProjectCountRecord.projects.add(1), ProjectCountRecord.kind.set(ProjectCountRecord)]
        return [
            insert(_record(project), asserts=""),
            insert(_guard(project), asserts=PROJECT_NAME_FREE),
            update(_count(project), counted, room_left, asserts=PROJECT_ROOM_LEFT),
        ]

    def rename(self, before: Project, after: Project) -> Sequence[DynamoWrite]:
        """Rename a project; see `ProjectRecords.rename`. The guard stays if the names differ only in case."""
        renamed = put(_record(after), ProjectRecord.version == before.version, PROJECT_UNCHANGED)
        if _guard(before).sk == _guard(after).sk:
            return [renamed]
        return [renamed, delete(_guard(before)), insert(_guard(after), asserts=PROJECT_NAME_FREE)]

    def remove(self, project: Project) -> Sequence[DynamoWrite]:
        """Delete a project; see `ProjectRecords.remove`."""
        unchanged = ProjectRecord.version == project.version
        return [
            delete(_record(project), unchanged, PROJECT_UNCHANGED),
            delete(_guard(project)),
            update(_count(project), [ProjectCountRecord.projects.add(-1)]),
        ]

    def enter(self, customer_id: str, project_id: str) -> DynamoWrite:
        """Record that a deployment is added; see `ProjectRecords.enter`."""
        key = ProjectRecord(_partition(customer_id), _PREFIX + project_id)
        return update(key, [ProjectRecord.version.add(1)], ProjectRecord.pk.exists(), PROJECT_THERE)

    def is_empty(self, customer_id: str, project_id: str) -> bool:
        """Whether it contains no existing deployment; see `ProjectRecords.is_empty`."""
        inside = DeploymentRecord.query(
            _partition(customer_id),
            DeploymentRecord.sk.startswith("DEPLOYMENT#"),
            (DeploymentRecord.project_id == project_id)
            & (DeploymentRecord.status != DeploymentStatus.DELETED.value),
            consistent_read=True,
        )
        return next(iter(inside), None) is None


def _partition(customer_id: str) -> str:
    return f"CUSTOMER#{customer_id}"


def _guard(project: Project) -> ProjectGuardRecord:
    """Return the item that prevents a second project with this name."""
    key = f"PROJECT_NAME#{project.name.casefold()}"
    return ProjectGuardRecord(_partition(project.customer_id), key, project_id=project.id)


def _count(project: Project) -> ProjectCountRecord:
    return ProjectCountRecord(_partition(project.customer_id), "PROJECT_COUNT")


def _record(project: Project) -> ProjectRecord:
    return ProjectRecord(
        _partition(project.customer_id),
        _PREFIX + project.id,
        name=project.name,
        created_at=isoformat(project.created_at),
        version=project.version,
    )


def _project(record: ProjectRecord) -> Project:
    return Project(
        id=record.sk.removeprefix(_PREFIX),
        customer_id=record.pk.removeprefix("CUSTOMER#"),
        name=record.name,
        created_at=parse_isoformat(record.created_at),
        version=record.version,
    )
