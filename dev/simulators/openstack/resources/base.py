"""The base of all resource types of a simulated stack."""

from collections.abc import Mapping
from typing import ClassVar

from dev.simulators.http import Json
from dev.simulators.openstack.hot import Property
from dev.simulators.openstack.site import Site
from dev.simulators.openstack.state import Resource


class ResourceError(Exception):
    """Creating or deleting a resource failed; the text is Heat's reason."""

    def __init__(self, reason: str, *, retried: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retried = retried
        """Whether Heat retries it by itself."""


class ResourceType:
    """One type. `create` starts and `complete` ends a creation (`create_seconds`); `delete` ends a deletion."""

    name: ClassVar[str]
    properties: ClassVar[Mapping[str, Property]] = {}
    attributes: ClassVar[frozenset[str]] = frozenset({"show"})
    create_seconds: ClassVar[float] = 0.3
    delete_seconds: ClassVar[float] = 0.3
    can_be_checked: ClassVar[bool] = False
    """Whether Heat's CHECK checks it."""

    def create(self, site: Site, resource: Resource) -> str:
        """Start to create it; return its physical id. Raises ResourceError if the service refuses."""
        return resource.placeholder

    def duration(self, site: Site, resource: Resource) -> float:
        """Lifecycle seconds between `create` and `complete`."""
        return self.create_seconds

    def complete(self, site: Site, resource: Resource) -> None:
        """Finish the creation. Raises ResourceError if it failed meanwhile."""

    def refresh(self, site: Site, resource: Resource) -> None:
        """Update the attributes that Heat has stored."""

    def delete(self, site: Site, resource: Resource) -> None:
        """Delete it; nothing if it is gone. Raises ResourceError if something prevents it."""

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The resource in its own service's format; empty if it is gone."""
        return {}

    def attribute(self, site: Site, resource: Resource, name: str) -> Json:
        """The value of one of its attributes."""
        if name in resource.snapshot:
            return resource.snapshot[name]
        body = self.body(site, resource)
        return body if name == "show" else body.get(name)


def properties_of(optional: str, **special: Property) -> dict[str, Property]:
    """A schema: the names of optional properties of any kind, and the properties with further rules."""
    return special | {name: Property() for name in optional.split()}
