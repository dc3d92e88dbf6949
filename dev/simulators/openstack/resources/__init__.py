"""The resource types of simulated stacks."""

from collections.abc import Mapping
from typing import Final

from dev.simulators.http import Json
from dev.simulators.openstack.hot import Property
from dev.simulators.openstack.resources.base import ResourceError, ResourceType
from dev.simulators.openstack.resources.compute import KeyPairType, ServerType, add_keypair, remove_server
from dev.simulators.openstack.resources.network import (
    FloatingIpAssociationType,
    FloatingIpType,
    PortType,
    SecurityGroupType,
)
from dev.simulators.openstack.resources.values import (
    CloudConfigType,
    MultipartMimeType,
    NoneType,
    RandomStringType,
    SoftwareConfigType,
    TestResourceType,
    ValueType,
)
from dev.simulators.openstack.resources.volume import VolumeAttachmentType, VolumeType

__all__ = ["TYPES", "Catalog", "ResourceError", "add_keypair", "remove_server"]

TYPES: Final[dict[str, ResourceType]] = {
    kind.name: kind()
    for kind in (
        ServerType,
        KeyPairType,
        PortType,
        SecurityGroupType,
        FloatingIpType,
        FloatingIpAssociationType,
        VolumeType,
        VolumeAttachmentType,
        RandomStringType,
        ValueType,
        TestResourceType,
        CloudConfigType,
        MultipartMimeType,
        SoftwareConfigType,
        NoneType,
    )
}


def problem_of(type_name: str, name: str, properties: Mapping[str, Json]) -> str | None:
    """What is wrong with a resource besides its properties' schema; None if nothing is."""
    bootable = properties.keys() & {"image", "block_device_mapping", "block_device_mapping_v2"}
    if type_name == ServerType.name and not bootable:
        return f"Neither image nor bootable volume is specified for instance {name}"
    return None


class Catalog:
    """The known types, in the form that template validation needs."""

    def properties(self, type_name: str) -> Mapping[str, Property]:
        """The properties of a type; KeyError if there is no such type."""
        return TYPES[type_name].properties

    def problem(self, type_name: str, name: str, properties: Mapping[str, Json]) -> str | None:
        """What is wrong with a resource besides its properties' schema; None if nothing is."""
        return problem_of(type_name, name, properties)

    def attributes(self, type_name: str) -> frozenset[str]:
        """The attributes of a type; KeyError if there is no such type."""
        return TYPES[type_name].attributes
