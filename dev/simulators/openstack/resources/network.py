"""Neutron's resource types: ports, security groups, floating IPs."""

from dev.simulators.http import Json
from dev.simulators.openstack import views
from dev.simulators.openstack.hot import Property
from dev.simulators.openstack.resources.base import ResourceError, ResourceType, properties_of
from dev.simulators.openstack.site import Site, new_uuid, request_id
from dev.simulators.openstack.state import FloatingIp, Resource, SecurityGroup


class PortType(ResourceType):
    """A Neutron port."""

    name = "OS::Neutron::Port"
    properties = properties_of(
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
        """Create the port with an address."""
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
        """Delete the port, unless an injected fault prevents it."""
        port = site.region.ports.get(resource.physical_id)
        if port and port.undeletable_by_heat:
            raise ResourceError(
                f"Conflict: resources.{resource.name}: Port {port.id} cannot be deleted directly via the port API:"
                f" has device owner network:dhcp.{_neutron_request_ids()}"
            )
        site.remove_port(resource.physical_id)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The port in Neutron's format."""
        port = site.region.ports.get(resource.physical_id)
        return dict(views.port(site, port)) if port else {}

    def attribute(self, site: Site, resource: Resource, name: str) -> Json:
        """One of Neutron's fields, or an attribute that Heat adds."""
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
    properties = properties_of("name", description=Property("string"), rules=Property("list"))
    create_seconds = 0.4

    def create(self, site: Site, resource: Resource) -> str:
        """Create the group."""
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
        """Delete the group; impossible while any port uses it."""
        if any(resource.physical_id in port.security_groups for port in site.region.ports.values()):
            raise ResourceError(
                f"Conflict: resources.{resource.name}: Security Group {resource.physical_id} in use."
                f"{_neutron_request_ids()}"
            )
        site.region.security_groups.pop(resource.physical_id, None)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The group in Neutron's format."""
        group = site.region.security_groups.get(resource.physical_id)
        return dict(views.security_group(group)) if group else {}


class FloatingIpType(ResourceType):
    """A Neutron floating IP."""

    name = "OS::Neutron::FloatingIP"
    properties = properties_of(
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
        """Allocate an address of the external network."""
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
        """Release the address."""
        site.region.floating_ips.pop(resource.physical_id, None)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The floating IP in Neutron's format."""
        item = site.region.floating_ips.get(resource.physical_id)
        return dict(views.floating_ip(site, item)) if item else {}


class FloatingIpAssociationType(ResourceType):
    """The link of a floating IP to a port."""

    name = "OS::Neutron::FloatingIPAssociation"
    properties = properties_of(
        "fixed_ip_address", floatingip_id=Property("string", required=True), port_id=Property("string")
    )

    def create(self, site: Site, resource: Resource) -> str:
        """Start to associate them; the physical id is Heat's own number."""
        return str(site.region.number())

    def complete(self, site: Site, resource: Resource) -> None:
        """Finish the association."""
        self._link(site, resource, resource.properties.get("port_id"))

    def delete(self, site: Site, resource: Resource) -> None:
        """Remove the association."""
        self._link(site, resource, None)

    def _link(self, site: Site, resource: Resource, port_id: str | None) -> None:
        item = site.region.floating_ips.get(str(resource.properties.get("floatingip_id")))
        if item:
            item.port_id, item.updated_at, item.revision_number = port_id, site.now, item.revision_number + 1
