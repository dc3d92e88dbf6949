"""The resources that prevent the deletion of a stack, and their removal (G24).

Only a stack whose deletion has failed has blockers: in any other, the same ports and volumes belong to the
machine.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from chalicelib.adapters.providers.openstack.connections import ProjectConnection, reading
from chalicelib.adapters.providers.openstack.stacks import Resource, stack_by_id, stack_resources
from chalicelib.domain.cloud.providers.models import Blocker, MachineState

PORT: Final = "port"
VOLUME: Final = "volume"

_KINDS: Final[Mapping[str, str]] = {
    "OS::Neutron::Port": PORT,
    "OS::Cinder::Volume": VOLUME,
    "OS::Nova::Server": "server",
    "OS::Nova::KeyPair": "key_pair",
    "OS::Neutron::FloatingIP": "floating_ip",
    "OS::Neutron::FloatingIPAssociation": "floating_ip_association",
    "OS::Neutron::SecurityGroup": "security_group",
    "OS::Cinder::VolumeAttachment": "volume_attachment",
}


def blockers(cloud: ProjectConnection, name: str, stack_id: str) -> Sequence[Blocker]:
    """Return the remaining parts of the stack if its deletion failed, otherwise none."""
    return list(dict.fromkeys(_blockers(cloud, _parts_left(cloud, name, stack_id))))


def remove_blockers(cloud: ProjectConnection, name: str, stack_id: str) -> Sequence[Blocker]:
    """Remove blocking ports and volumes; return those that remain, for a retry or for staff.

    An attached volume is detached first, which takes a while: it remains until the next call. A port of another
    running server that uses the stack's security group remains: it does not belong to the stack.
    """
    parts = _parts_left(cloud, name, stack_id)
    own = {part.physical_id for part in parts}
    return [each for each in dict.fromkeys(_blockers(cloud, parts)) if not _remove(cloud, each, own)]


def _parts_left(cloud: ProjectConnection, name: str, stack_id: str) -> Sequence[Resource]:
    stack = stack_by_id(cloud, name, stack_id)
    if stack is None or stack.state is not MachineState.DELETE_FAILED:
        return []
    return [
        part
        for part in stack_resources(cloud, name, stack_id)
        if part.physical_id and part.status != "DELETE_COMPLETE"
    ]


def _blockers(cloud: ProjectConnection, parts: Sequence[Resource]) -> Iterator[Blocker]:
    for part in parts:
        if part.status != "DELETE_FAILED":  # Heat deletes it after the blockers are gone
            continue
        kind = _KINDS.get(part.type, part.type)
        if kind == PORT and _port(cloud, part.physical_id) is not None:
            yield Blocker(PORT, part.physical_id)
        elif kind == VOLUME and _volume(cloud, part.physical_id) is not None:
            yield Blocker(VOLUME, part.physical_id)
        elif kind == "security_group":
            yield from _holders_of(cloud, part.physical_id)
        elif kind not in {PORT, VOLUME}:
            yield Blocker(kind, part.physical_id)


def _holders_of(cloud: ProjectConnection, security_group: str) -> Iterator[Blocker]:
    answer = cloud.call("GET", "network", "/v2.0/ports?fields=id&fields=security_groups")
    with reading("list of ports"):
        for port in answer.body["ports"]:
            if security_group in port["security_groups"]:
                yield Blocker(PORT, str(port["id"]))


def _remove(cloud: ProjectConnection, blocker: Blocker, own: Collection[str]) -> bool:
    if blocker.kind == PORT:
        return _remove_port(cloud, blocker.id, own)
    if blocker.kind == VOLUME:
        return _remove_volume(cloud, blocker.id)
    return False


def _remove_port(cloud: ProjectConnection, port_id: str, own: Collection[str]) -> bool:
    port = _port(cloud, port_id)
    if port is None:
        return True
    used_by = port.get("device_id") or ""
    if used_by and used_by not in own and port_id not in own:
        return False
    return cloud.call("DELETE", "network", f"/v2.0/ports/{port_id}", also={404, 409}).status != 409


def _remove_volume(cloud: ProjectConnection, volume_id: str) -> bool:
    volume = _volume(cloud, volume_id)
    if volume is None or volume.get("status") == "deleting":
        return True
    with reading(f"volume {volume_id}"):
        servers = [str(attachment["server_id"]) for attachment in volume.get("attachments") or ()]
    for server in servers:
        cloud.call("DELETE", "compute", f"/servers/{server}/os-volume_attachments/{volume_id}", also={404, 409})
    if servers:
        return False
    path = f"/volumes/{volume_id}?cascade=true"  # also deletes the snapshots that would block it
    return cloud.call("DELETE", "block-storage", path, also={400, 404, 409}).status not in {400, 409}


def _port(cloud: ProjectConnection, port_id: str) -> Mapping[str, Any] | None:
    return _found(cloud, "network", f"/v2.0/ports/{port_id}", "port")


def _volume(cloud: ProjectConnection, volume_id: str) -> Mapping[str, Any] | None:
    return _found(cloud, "block-storage", f"/volumes/{volume_id}", "volume")


def _found(cloud: ProjectConnection, service: str, path: str, key: str) -> Mapping[str, Any] | None:
    answer = cloud.call("GET", service, path, also={404})
    if answer.status == 404:
        return None
    with reading(path):
        found: Mapping[str, Any] = answer.body[key]
        return found
