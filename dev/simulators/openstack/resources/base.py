"""What every resource type of a simulated stack is."""

from collections.abc import Mapping
from typing import ClassVar

from dev.simulators.http import Json
from dev.simulators.openstack.hot import Property
from dev.simulators.openstack.site import Site
from dev.simulators.openstack.state import Resource


class ResourceError(Exception):
    """Making or removing a resource failed; the text is Heat's reason."""

    def __init__(self, reason: str, *, retried: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retried = retried
        """Whether Heat tries it again by itself."""


class ResourceType:
    """One type. `create` begins, `complete` ends what takes `create_seconds`; `delete` ends what takes its own."""

    name: ClassVar[str]
    properties: ClassVar[Mapping[str, Property]] = {}
    attributes: ClassVar[frozenset[str]] = frozenset({"show"})
    create_seconds: ClassVar[float] = 0.3
    delete_seconds: ClassVar[float] = 0.3
    can_be_checked: ClassVar[bool] = False
    """Whether Heat's CHECK looks at it."""

    def create(self, site: Site, resource: Resource) -> str:
        """Begin to make it; gives its physical id. ResourceError if the service refuses."""
        return resource.placeholder

    def duration(self, site: Site, resource: Resource) -> float:
        """Lifecycle seconds between `create` and `complete`."""
        return self.create_seconds

    def complete(self, site: Site, resource: Resource) -> None:
        """End making it. ResourceError if it went wrong meanwhile."""

    def refresh(self, site: Site, resource: Resource) -> None:
        """Look again at what Heat keeps of it."""

    def delete(self, site: Site, resource: Resource) -> None:
        """Remove it; nothing if it is gone. ResourceError if something is in the way."""

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """It as its own service shows it; empty if it is gone."""
        return {}

    def attribute(self, site: Site, resource: Resource, name: str) -> Json:
        """The value of one of its attributes."""
        if name in resource.snapshot:
            return resource.snapshot[name]
        body = self.body(site, resource)
        return body if name == "show" else body.get(name)


def properties_of(optional: str, **special: Property) -> dict[str, Property]:
    """A schema: names of optional properties of any kind, and those that more is asked of."""
    return special | {name: Property() for name in optional.split()}
