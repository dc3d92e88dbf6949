"""The resource types that simulated stacks are made of."""

import secrets
import string
from collections.abc import Mapping
from typing import ClassVar, Final

from dev.simulators.http import Json
from dev.simulators.openstack import views
from dev.simulators.openstack.config import stable_uuid
from dev.simulators.openstack.hot import Property
from dev.simulators.openstack.keypairs import fingerprint
from dev.simulators.openstack.site import Site, new_uuid, request_id
from dev.simulators.openstack.stack_faults import StackFault
from dev.simulators.openstack.state import FloatingIp, KeyPairState, Resource, SecurityGroup, Server, Volume

NO_VALID_HOST: Final = "No valid host was found. "


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


def _properties(optional: str, **special: Property) -> dict[str, Property]:
    return special | {name: Property() for name in optional.split()}


class ServerType(ResourceType):
    """A Nova server."""

    name = "OS::Nova::Server"
    can_be_checked = True
    properties = _properties(
        "name block_device_mapping block_device_mapping_v2 flavor_update_policy image_update_policy admin_user"
        " availability_zone security_groups networks scheduler_hints user_data_format user_data"
        " user_data_update_policy reservation_id config_drive diskConfig personality admin_pass"
        " software_config_transport deployment_swift_data tags",
        flavor=Property("string", required=True, custom_constraint="nova.flavor"),
        image=Property("string", custom_constraint="glance.image"),
        key_name=Property("string", custom_constraint="nova.keypair"),
        metadata=Property("map"),
    )
    attributes = frozenset(
        [
            "name",
            "addresses",
            "networks",
            "first_address",
            "instance_name",
            "accessIPv4",
            "accessIPv6",
            "console_urls",
            "os_collect_config",
            "tags",
            "show",
        ]
    )
    create_seconds = 3.0
    refused_seconds: ClassVar[float] = 1.0
    delete_seconds = 1.0

    def create(self, site: Site, resource: Resource) -> str:
        """Ask Nova for a server, which asks Placement for a host."""
        wanted = resource.properties
        flavor = site.config.flavor(wanted["flavor"])
        if StackFault.QUOTA_EXCEEDED in resource.faults:
            used = len(site.servers)
            raise server_quota_error(resource.name, "instances", 1, used, used)
        self._check_quota(site, resource.name, flavor.vcpus, flavor.ram_mb)
        host = None if StackFault.NO_VALID_HOST in resource.faults else site.host_for(flavor)
        server = Server(
            id=new_uuid(),
            name=str(wanted.get("name") or resource.placeholder),
            project_id=site.project_id,
            user_id=site.user_id,
            flavor=flavor.name,
            image=site.config.image(wanted["image"]).name if wanted.get("image") else None,
            key_name=wanted.get("key_name") or None,
            metadata={str(key): str(value) for key, value in (wanted.get("metadata") or {}).items()},
            port_ids=[],
            security_groups=list(wanted.get("security_groups") or []),
            created_at=site.now,
            updated_at=site.now,
            provider=host.uuid if host else None,
        )
        site.region.servers[server.id] = server
        if host:
            self._plug(site, server, wanted.get("networks") or [])
        return server.id

    def _check_quota(self, site: Site, name: str, cores: int, ram_mb: int) -> None:
        flavors = [site.config.flavor(server.flavor) for server in site.servers]
        for quota, wanted, used in (
            ("instances", 1, len(flavors)),
            ("cores", cores, sum(flavor.vcpus for flavor in flavors)),
            ("ram", ram_mb, sum(flavor.ram_mb for flavor in flavors)),
        ):
            if site.exceeds(quota, used, wanted):
                raise server_quota_error(name, quota, wanted, used, site.limit(quota))

    def _plug(self, site: Site, server: Server, networks: list[Json]) -> None:
        for entry in networks:
            port = site.region.ports.get(str(entry.get("port", "")))
            if port is None and (where := entry.get("network")):
                port = site.new_port(site.config.network(where))
            if port is not None:
                port.device_id, port.device_owner, port.status = server.id, "compute:nova", "ACTIVE"
                port.updated_at, port.revision_number = site.now, port.revision_number + 3
                server.port_ids.append(port.id)

    def duration(self, site: Site, resource: Resource) -> float:
        """A refusal by the scheduler comes sooner than a running server."""
        server = site.region.servers[resource.physical_id]
        return self.create_seconds if server.provider else self.refused_seconds

    def complete(self, site: Site, resource: Resource) -> None:
        """The server runs, or has ended in ERROR for want of a host."""
        server = site.region.servers.get(resource.physical_id)
        if server is None:
            raise ResourceError(
                f"NotFound: resources.{resource.name}: Server {resource.physical_id} could not be found."
            )
        server.updated_at = site.now
        if server.provider is None:
            server.status, server.fault = "ERROR", NO_VALID_HOST
            raise ResourceError(
                f"ResourceInError: resources.{resource.name}: Went to status ERROR due to"
                f' "Message: {NO_VALID_HOST}, Code: 500"',
                retried=True,
            )
        server.status, server.launched_at = "ACTIVE", site.now
        self.refresh(site, resource)

    def refresh(self, site: Site, resource: Resource) -> None:
        """Keep the addresses that the server has now: those that come later are not seen until an update."""
        if server := site.region.servers.get(resource.physical_id):
            resource.snapshot["addresses"] = views.heat_addresses(site, server)

    def delete(self, site: Site, resource: Resource) -> None:
        """The server goes, its host's capacity comes back, its ports stay, but for those that Nova made."""
        remove_server(site, resource.physical_id)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The server as Nova shows it to Heat."""
        server = site.region.servers.get(resource.physical_id)
        return views.server(site, server, 96) | {"os_collect_config": {}} if server else {}

    def attribute(self, site: Site, resource: Resource, name: str) -> Json:
        """One of Nova's fields, or one that Heat derives from the addresses."""
        server = site.region.servers.get(resource.physical_id)
        if server is None or name not in {"addresses", "networks", "first_address"}:
            return super().attribute(site, resource, name)
        if name == "addresses":
            return resource.snapshot.get(name, {})
        by_network = {
            network: [entry["addr"] for entry in entries]
            for network, entries in views.addresses(site, server).items()
        }
        return by_network if name == "networks" else next((found[0] for found in by_network.values()), "")


def server_quota_error(name: str, quota: str, wanted: int, used: int, limit: int) -> ResourceError:
    """Heat's reason when Nova's quota is in the way. Heat does not try again."""
    return ResourceError(
        f"Forbidden: resources.{name}: Quota exceeded for {quota}: Requested {wanted},"
        f" but already used {used} of {limit} {quota} (HTTP 403) (Request-ID: {request_id()})"
    )


def remove_server(site: Site, server_id: str) -> None:
    """Delete a server; nothing if it is gone. Its volumes stay and are free again."""
    server = site.region.servers.pop(server_id, None)
    if server is None:
        return
    for port_id in server.port_ids:
        port = site.region.ports.get(port_id)
        if port and not port.name:
            site.remove_port(port_id)
        elif port:
            port.device_id, port.device_owner, port.status, port.updated_at = "", "", "DOWN", site.now
    for volume in site.region.volumes.values():
        if volume.server_id == server_id:
            volume.server_id, volume.attachment_id, volume.status = None, None, "available"


class PortType(ResourceType):
    """A Neutron port."""

    name = "OS::Neutron::Port"
    properties = _properties(
        "name admin_state_up fixed_ips mac_address security_groups allowed_address_pairs device_id device_owner"
        " replacement_policy binding:vnic_type value_specs port_security_enabled dns_name qos_policy tags"
        " propagate_uplink_status no_fixed_ips hardware_offload",
        network=Property("string", custom_constraint="neutron.network"),
        network_id=Property("string", custom_constraint="neutron.network"),
    )
    attributes = frozenset(
        [
            "admin_state_up",
            "device_id",
            "device_owner",
            "fixed_ips",
            "mac_address",
            "name",
            "network",
            "network_id",
            "security_groups",
            "status",
            "tenant_id",
            "allowed_address_pairs",
            "subnets",
            "port_security_enabled",
            "qos_policy_id",
            "dns_assignment",
            "propagate_uplink_status",
            "show",
        ]
    )
    create_seconds = 0.5

    def create(self, site: Site, resource: Resource) -> str:
        """Make the port with an address."""
        if site.exceeds("port", len(site.ports)):
            raise _network_quota_error(resource, "port")
        wanted = resource.properties
        network = site.config.network(str(wanted.get("network") or wanted.get("network_id")))
        port = site.new_port(
            network,
            name=str(wanted.get("name") or resource.placeholder),
            security_groups=wanted.get("security_groups"),
        )
        return port.id

    def delete(self, site: Site, resource: Resource) -> None:
        """Remove the port, unless an injected fault holds it."""
        port = site.region.ports.get(resource.physical_id)
        if port and port.undeletable_by_heat:
            raise ResourceError(
                f"Conflict: resources.{resource.name}: Port {port.id} cannot be deleted directly via the port API:"
                f" has device owner network:dhcp.{_neutron_request_ids()}"
            )
        site.remove_port(resource.physical_id)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The port as Neutron shows it."""
        port = site.region.ports.get(resource.physical_id)
        return dict(views.port(site, port)) if port else {}

    def attribute(self, site: Site, resource: Resource, name: str) -> Json:
        """One of Neutron's fields, or what Heat looks up beside it."""
        port = site.region.ports.get(resource.physical_id)
        if port and name == "subnets":
            return [views.subnet(site, site.config.network(port.network))]
        if port and name == "network":
            return views.network(site, site.config.network(port.network))
        return super().attribute(site, resource, name)


def _neutron_request_ids() -> str:
    return f"\nNeutron server returns request_ids: ['{request_id()}']"


def _network_quota_error(resource: Resource, kind: str) -> ResourceError:
    return ResourceError(
        f"OverQuotaClient: resources.{resource.name}: Quota exceeded for resources: ['{kind}']."
        f"{_neutron_request_ids()}"
    )


class SecurityGroupType(ResourceType):
    """A Neutron security group with its rules."""

    name = "OS::Neutron::SecurityGroup"
    properties = _properties("name", description=Property("string"), rules=Property("list"))
    create_seconds = 0.4

    def create(self, site: Site, resource: Resource) -> str:
        """Make the group."""
        own = [group for group in site.region.security_groups.values() if group.project_id == site.project_id]
        if site.exceeds("security_group", len(own)):
            raise _network_quota_error(resource, "security_group")
        group = SecurityGroup(
            id=new_uuid(),
            name=str(resource.properties.get("name") or resource.placeholder),
            project_id=site.project_id,
            description=str(resource.properties.get("description") or ""),
            rules=list(resource.properties.get("rules") or []),
            created_at=site.now,
        )
        site.region.security_groups[group.id] = group
        return group.id

    def delete(self, site: Site, resource: Resource) -> None:
        """Remove the group; a port that uses it, whoever owns it, is in the way."""
        if any(resource.physical_id in port.security_groups for port in site.region.ports.values()):
            raise ResourceError(
                f"Conflict: resources.{resource.name}: Security Group {resource.physical_id} in use."
                f"{_neutron_request_ids()}"
            )
        site.region.security_groups.pop(resource.physical_id, None)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The group as Neutron shows it."""
        group = site.region.security_groups.get(resource.physical_id)
        return dict(views.security_group(group)) if group else {}


class FloatingIpType(ResourceType):
    """A Neutron floating IP."""

    name = "OS::Neutron::FloatingIP"
    properties = _properties(
        "floating_subnet value_specs port_id fixed_ip_address floating_ip_address dns_name dns_domain qos_policy",
        floating_network=Property("string", required=True, custom_constraint="neutron.network"),
        floating_network_id=Property("string", custom_constraint="neutron.network"),
    )
    attributes = frozenset(
        [
            "router_id",
            "tenant_id",
            "floating_network_id",
            "fixed_ip_address",
            "floating_ip_address",
            "port_id",
            "show",
        ]
    )
    create_seconds = 3.8

    def create(self, site: Site, resource: Resource) -> str:
        """Take an address of the external network."""
        if site.exceeds("floatingip", len(site.floating_ips)):
            raise _network_quota_error(resource, "floatingip")
        network = site.config.network(resource.properties["floating_network"])
        item = FloatingIp(
            id=new_uuid(),
            project_id=site.project_id,
            network=network.name,
            address=site.free_address(network),
            created_at=site.now,
            updated_at=site.now,
        )
        item.port_id = resource.properties.get("port_id") or None
        site.region.floating_ips[item.id] = item
        return item.id

    def delete(self, site: Site, resource: Resource) -> None:
        """Give the address back."""
        site.region.floating_ips.pop(resource.physical_id, None)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The floating IP as Neutron shows it."""
        item = site.region.floating_ips.get(resource.physical_id)
        return dict(views.floating_ip(site, item)) if item else {}


class FloatingIpAssociationType(ResourceType):
    """The link of a floating IP to a port."""

    name = "OS::Neutron::FloatingIPAssociation"
    properties = _properties(
        "fixed_ip_address", floatingip_id=Property("string", required=True), port_id=Property("string")
    )

    def create(self, site: Site, resource: Resource) -> str:
        """Begin to link them; Heat's own number is the physical id."""
        return str(site.region.number())

    def complete(self, site: Site, resource: Resource) -> None:
        """They are linked."""
        self._link(site, resource, resource.properties.get("port_id"))

    def delete(self, site: Site, resource: Resource) -> None:
        """Undo the link."""
        self._link(site, resource, None)

    def _link(self, site: Site, resource: Resource, port_id: str | None) -> None:
        item = site.region.floating_ips.get(str(resource.properties.get("floatingip_id")))
        if item:
            item.port_id, item.updated_at, item.revision_number = port_id, site.now, item.revision_number + 1


class VolumeType(ResourceType):
    """A Cinder volume."""

    name = "OS::Cinder::Volume"
    can_be_checked = True
    properties = _properties(
        "availability_zone snapshot_id backup_id name description source_volid scheduler_hints read_only"
        " multiattach",
        size=Property("integer", minimum=1),
        volume_type=Property("string", custom_constraint="cinder.vtype"),
        metadata=Property("map"),
        image=Property("string", custom_constraint="glance.image"),
        imageRef=Property("string", custom_constraint="glance.image"),
    )
    attributes = frozenset(
        [
            "availability_zone",
            "size",
            "snapshot_id",
            "display_name",
            "display_description",
            "volume_type",
            "metadata",
            "metadata_values",
            "source_volid",
            "status",
            "created_at",
            "bootable",
            "encrypted",
            "attachments",
            "attachments_list",
            "multiattach",
            "show",
        ]
    )
    create_seconds = 0.8
    delete_seconds = 0.6

    def create(self, site: Site, resource: Resource) -> str:
        """Ask Cinder for the volume."""
        wanted = resource.properties
        size_gb = int(wanted.get("size") or 1)
        self._check_quota(site, resource.name, size_gb)
        volume = Volume(
            id=new_uuid(),
            name=str(wanted.get("name") or resource.placeholder),
            description=wanted.get("description"),
            project_id=site.project_id,
            user_id=site.user_id,
            size_gb=size_gb,
            volume_type=str(wanted.get("volume_type") or site.config.volume_types[0]),
            metadata={str(key): str(value) for key, value in (wanted.get("metadata") or {}).items()},
            bootable=bool(wanted.get("image") or wanted.get("imageRef")),
            status="creating",
            created_at=site.now,
            updated_at=None,
        )
        site.region.volumes[volume.id] = volume
        return volume.id

    def _check_quota(self, site: Site, name: str, size_gb: int) -> None:
        own = [volume for volume in site.region.volumes.values() if volume.project_id == site.project_id]
        used_gb = sum(volume.size_gb for volume in own)
        if site.exceeds("gigabytes", used_gb, size_gb):
            raise ResourceError(
                f"OverLimit: resources.{name}: VolumeSizeExceedsAvailableQuota: Requested volume or snapshot"
                f" exceeds allowed gigabytes quota. Requested {size_gb}G, quota is {site.limit('gigabytes')}G and"
                f" {used_gb}G has been consumed. (HTTP 413) (Request-ID: {request_id()})"
            )
        if site.exceeds("volumes", len(own)):
            raise ResourceError(
                f"OverLimit: resources.{name}: VolumeLimitExceeded: Maximum number of volumes allowed"
                f" ({site.limit('volumes')}) exceeded for quota 'volumes'. (HTTP 413) (Request-ID: {request_id()})"
            )

    def complete(self, site: Site, resource: Resource) -> None:
        """The volume can be used."""
        if volume := site.region.volumes.get(resource.physical_id):
            volume.status, volume.updated_at = "available", site.now

    def delete(self, site: Site, resource: Resource) -> None:
        """Remove the volume, unless an injected fault holds it."""
        volume = site.region.volumes.get(resource.physical_id)
        if volume and volume.undeletable_by_heat:
            volume.status, volume.updated_at = "error", site.now
            raise ResourceError(
                f'ResourceInError: resources.{resource.name}: Went to status error_deleting due to "Unknown"'
            )
        site.region.volumes.pop(resource.physical_id, None)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The volume as Cinder shows it."""
        volume = site.region.volumes.get(resource.physical_id)
        if volume is None:
            return {}
        newer = {"group_id": None, "shared_targets": True, "service_uuid": stable_uuid("cinder", site.region.id)}
        newer |= {"volume_type_id": stable_uuid("volume-type", volume.volume_type), "consumes_quota": True}
        return {**views.volume(site, volume), **newer}


class VolumeAttachmentType(ResourceType):
    """The link of a volume to a server."""

    name = "OS::Cinder::VolumeAttachment"
    properties = _properties(
        "mountpoint",
        instance_uuid=Property("string", required=True),
        volume_id=Property("string", required=True),
    )
    create_seconds = 1.2
    delete_seconds = 0.8

    def create(self, site: Site, resource: Resource) -> str:
        """Begin to attach; the volume's id is the physical id."""
        volume = self._volume(site, resource)
        if volume:
            volume.status = "attaching"
        return str(resource.properties["volume_id"])

    def complete(self, site: Site, resource: Resource) -> None:
        """The volume is attached."""
        if volume := self._volume(site, resource):
            volume.status, volume.server_id = "in-use", str(resource.properties["instance_uuid"])
            volume.attachment_id, volume.updated_at = new_uuid(), site.now

    def delete(self, site: Site, resource: Resource) -> None:
        """The volume is free again."""
        if volume := self._volume(site, resource):
            volume.status, volume.server_id, volume.attachment_id = "available", None, None
            volume.updated_at = site.now

    def _volume(self, site: Site, resource: Resource) -> Volume | None:
        return site.region.volumes.get(str(resource.properties.get("volume_id")))


class KeyPairType(ResourceType):
    """A Nova key pair; its name is its id."""

    name = "OS::Nova::KeyPair"
    properties = _properties("save_private_key type user public_key", name=Property("string", required=True))
    attributes = frozenset({"public_key", "private_key", "show"})

    def create(self, site: Site, resource: Resource) -> str:
        """Import the public key."""
        name, public_key = str(resource.properties["name"]), str(resource.properties.get("public_key"))
        own = [item.name for item in site.region.keypairs if item.user_id == site.user_id]
        problem = f"Key pair '{name}' already exists. (HTTP 409)" if name in own else None
        if site.exceeds("key_pairs", len(own)):
            problem = "Quota exceeded, too many key pairs. (HTTP 403)"
        if problem:
            kind = "Conflict" if name in own else "Forbidden"
            raise ResourceError(f"{kind}: resources.{resource.name}: {problem} (Request-ID: {request_id()})")
        try:
            add_keypair(site, name, public_key)
        except ValueError as error:
            raise ResourceError(
                f"BadRequest: resources.{resource.name}: Keypair data is invalid: failed to generate fingerprint"
                f" (HTTP 400) (Request-ID: {request_id()})"
            ) from error
        return name

    def delete(self, site: Site, resource: Resource) -> None:
        """Forget the key."""
        site.region.keypairs = [
            item
            for item in site.region.keypairs
            if (item.user_id, item.name) != (site.user_id, resource.physical_id)
        ]

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The public half."""
        return {"public_key": resource.properties.get("public_key"), "private_key": ""}


def add_keypair(site: Site, name: str, public_key: str) -> KeyPairState:
    """Import a public key for the site's user; ValueError if it is none."""
    made = KeyPairState(
        number=site.region.number(),
        user_id=site.user_id,
        name=name,
        public_key=public_key,
        fingerprint=fingerprint(public_key),
        created_at=site.now,
    )
    site.region.keypairs.append(made)
    return made


class RandomStringType(ResourceType):
    """A random string that Heat keeps."""

    name = "OS::Heat::RandomString"
    properties = _properties("length sequence character_classes character_sequences salt")
    attributes = frozenset({"value", "show"})

    def complete(self, site: Site, resource: Resource) -> None:
        """Draw it."""
        length = int(resource.properties.get("length") or 32)
        letters = string.ascii_letters + string.digits
        resource.snapshot["value"] = "".join(secrets.choice(letters) for _ in range(length))


class ValueType(ResourceType):
    """A value that a template gives a name to."""

    name = "OS::Heat::Value"
    properties = _properties("type", value=Property(required=True))
    attributes = frozenset({"value", "show"})

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The value itself."""
        return {"value": resource.properties.get("value")}


class TestResourceType(ResourceType):
    """Heat's own resource for tests: takes as long as it is told to, and fails if it is told to."""

    __test__ = False
    name = "OS::Heat::TestResource"
    properties = _properties(
        "value fail update_replace update_replace_value wait_secs action_wait_secs client_name entity_name"
        " constraint_prop_secs attr_value"
    )
    attributes = frozenset({"output", "show"})

    def duration(self, site: Site, resource: Resource) -> float:
        """As long as its `wait_secs`."""
        return float(resource.properties.get("wait_secs") or 0)

    def complete(self, site: Site, resource: Resource) -> None:
        """Succeed, or fail as told."""
        if resource.properties.get("fail"):
            resource.physical_id = ""
            raise ResourceError(f"ValueError: resources.{resource.name}: Test Resource failed {resource.name}")

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """Its value, under the name of output."""
        return {"output": resource.properties.get("value") if resource.physical_id else None}


class CloudConfigType(ResourceType):
    """Data for cloud-init that Heat keeps under an id."""

    name = "OS::Heat::CloudConfig"
    properties = _properties("cloud_config")
    attributes = frozenset({"config", "show"})


class MultipartMimeType(ResourceType):
    """Several pieces of data for cloud-init under one id."""

    name = "OS::Heat::MultipartMime"
    properties = _properties("parts group")
    attributes = frozenset({"config", "show"})


class SoftwareConfigType(ResourceType):
    """A script that Heat keeps under an id."""

    name = "OS::Heat::SoftwareConfig"
    properties = _properties("group config inputs outputs options")
    attributes = frozenset({"config", "show"})


class NoneType(ResourceType):
    """A resource that is nothing."""

    name = "OS::Heat::None"


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
    """What Heat refuses about a resource beyond the schema of its properties."""
    bootable = properties.keys() & {"image", "block_device_mapping", "block_device_mapping_v2"}
    if type_name == ServerType.name and not bootable:
        return f"Neither image nor bootable volume is specified for instance {name}"
    return None


class Catalog:
    """The known types, as template validation asks for them."""

    def properties(self, type_name: str) -> Mapping[str, Property]:
        """The properties of a type; KeyError if there is no such type."""
        return TYPES[type_name].properties

    def problem(self, type_name: str, name: str, properties: Mapping[str, Json]) -> str | None:
        """What is wrong with a resource beyond the schema of its properties."""
        return problem_of(type_name, name, properties)

    def attributes(self, type_name: str) -> frozenset[str]:
        """The attributes of a type; KeyError if there is no such type."""
        return TYPES[type_name].attributes
