"""Heat's own resource types: values that Heat itself stores."""

import secrets
import string

from dev.simulators.http import Json
from dev.simulators.openstack.hot import Property
from dev.simulators.openstack.resources.base import ResourceError, ResourceType, properties_of
from dev.simulators.openstack.site import Site
from dev.simulators.openstack.state import Resource


class RandomStringType(ResourceType):
    """A random string that Heat stores."""

    name = "OS::Heat::RandomString"
    properties = properties_of("length sequence character_classes character_sequences salt")
    attributes = frozenset({"value", "show"})

    def complete(self, site: Site, resource: Resource) -> None:
        """Generate the string."""
        length = int(resource.properties.get("length") or 32)
        letters = string.ascii_letters + string.digits
        resource.snapshot["value"] = "".join(secrets.choice(letters) for _ in range(length))


class ValueType(ResourceType):
    """A named value."""

    name = "OS::Heat::Value"
    properties = properties_of("type", value=Property(required=True))
    attributes = frozenset({"value", "show"})

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The value itself."""
        return {"value": resource.properties.get("value")}


class TestResourceType(ResourceType):
    """Heat's own resource for tests: takes as long as it is told to, and fails if it is told to."""

    __test__ = False
    name = "OS::Heat::TestResource"
    properties = properties_of(
        "value fail update_replace update_replace_value wait_secs action_wait_secs client_name entity_name"
        " constraint_prop_secs attr_value"
    )
    attributes = frozenset({"output", "show"})

    def duration(self, site: Site, resource: Resource) -> float:
        """The seconds in `wait_secs`."""
        return float(resource.properties.get("wait_secs") or 0)

    def complete(self, site: Site, resource: Resource) -> None:
        """Succeed, or fail if the properties say so."""
        if resource.properties.get("fail"):
            resource.physical_id = ""
            raise ResourceError(f"ValueError: resources.{resource.name}: Test Resource failed {resource.name}")

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The value, under the key `output`."""
        return {"output": resource.properties.get("value") if resource.physical_id else None}


class CloudConfigType(ResourceType):
    """Data for cloud-init that Heat stores under an id."""

    name = "OS::Heat::CloudConfig"
    properties = properties_of("cloud_config")
    attributes = frozenset({"config", "show"})


class MultipartMimeType(ResourceType):
    """Several pieces of data for cloud-init under one id."""

    name = "OS::Heat::MultipartMime"
    properties = properties_of("parts group")
    attributes = frozenset({"config", "show"})


class SoftwareConfigType(ResourceType):
    """A script that Heat stores under an id."""

    name = "OS::Heat::SoftwareConfig"
    properties = properties_of("group config inputs outputs options")
    attributes = frozenset({"config", "show"})


class NoneType(ResourceType):
    """A resource that does nothing."""

    name = "OS::Heat::None"
