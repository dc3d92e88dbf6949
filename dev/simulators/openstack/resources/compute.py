"""Nova's resource types: servers and key pairs."""

from typing import ClassVar, Final

from dev.simulators.http import Json
from dev.simulators.openstack import views
from dev.simulators.openstack.hot import Property
from dev.simulators.openstack.keypairs import fingerprint
from dev.simulators.openstack.resources.base import ResourceError, ResourceType, properties_of
from dev.simulators.openstack.site import Site, new_uuid, request_id
from dev.simulators.openstack.stack_faults import StackFault
from dev.simulators.openstack.state import KeyPairState, Resource, Server

NO_VALID_HOST: Final = "No valid host was found. "


class ServerType(ResourceType):
    """A Nova server."""

    name = "OS::Nova::Server"
    can_be_checked = True
    properties = properties_of(
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
        """Request a server from Nova, which requests a host from Placement."""
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
        """The time until the server runs; shorter if the scheduler refuses it."""
        server = site.region.servers[resource.physical_id]
        return self.create_seconds if server.provider else self.refused_seconds

    def complete(self, site: Site, resource: Resource) -> None:
        """The server runs, or is in ERROR because there is no host."""
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
        """Store the addresses that the server has now: later ones are not seen until an update."""
        if server := site.region.servers.get(resource.physical_id):
            resource.snapshot["addresses"] = views.heat_addresses(site, server)

    def delete(self, site: Site, resource: Resource) -> None:
        """Delete the server and free its host's capacity; its ports stay, except those that Nova created."""
        remove_server(site, resource.physical_id)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The server in the format that Nova gives to Heat."""
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
    """Heat's reason when Nova's quota is exceeded. Heat does not retry."""
    return ResourceError(
        f"Forbidden: resources.{name}: Quota exceeded for {quota}: Requested {wanted},"
        f" but already used {used} of {limit} {quota} (HTTP 403) (Request-ID: {request_id()})"
    )


def remove_server(site: Site, server_id: str) -> None:
    """Delete a server; nothing if it is gone. Its volumes stay and become available."""
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


class KeyPairType(ResourceType):
    """A Nova key pair; its name is its id."""

    name = "OS::Nova::KeyPair"
    properties = properties_of("save_private_key type user public_key", name=Property("string", required=True))
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
        """Delete the key pair."""
        site.region.keypairs = [
            item
            for item in site.region.keypairs
            if (item.user_id, item.name) != (site.user_id, resource.physical_id)
        ]

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The key pair, without the private key."""
        return {"public_key": resource.properties.get("public_key"), "private_key": ""}


def add_keypair(site: Site, name: str, public_key: str) -> KeyPairState:
    """Import a public key for the site's user; raises ValueError if it is not one."""
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
