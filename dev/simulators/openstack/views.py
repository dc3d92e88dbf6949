"""The simulated objects in the services' API formats, which follow recorded answers."""

from datetime import datetime

from dev.simulators.http import Json
from dev.simulators.openstack.config import Config, Flavor, Image, Network, stable_hex, stable_uuid
from dev.simulators.openstack.site import Site
from dev.simulators.openstack.state import FloatingIp, KeyPairState, Port, SecurityGroup, Server, Volume

CREATED = "2026-01-01T00:00:00Z"
"""The creation time of everything in the configuration."""


def instant(moment: datetime | None) -> str | None:
    """A time in the format of Heat, Nova and Neutron: whole seconds and Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def long_instant(moment: datetime | None, *, microseconds: bool = False) -> str | None:
    """A time in the format of databases: six decimals and no zone."""
    if moment is None:
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f" if microseconds else "%Y-%m-%dT%H:%M:%S.000000")


def owner_id(config: Config) -> str:
    """The project that owns public objects."""
    return config.projects[0].id


def network(site: Site, item: Network) -> Json:
    """A Neutron network."""
    owner = owner_id(site.config)
    body = {
        "id": item.id,
        "name": item.name,
        "tenant_id": owner,
        "project_id": owner,
        "admin_state_up": True,
        "mtu": 1500,
        "status": "ACTIVE",
        "subnets": [item.subnet_id],
        "shared": item.shared,
        "availability_zone_hints": [],
        "availability_zones": [],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
        "router:external": item.external,
        "qinq": False,
        "vlan_transparent": False,
        "description": "",
        "port_security_enabled": True,
        "tags": [],
        "created_at": CREATED,
        "updated_at": CREATED,
        "revision_number": 2,
    }
    return body | {"is_default": False} if item.external else body


def subnet(site: Site, item: Network) -> Json:
    """The subnet of a Neutron network."""
    owner = owner_id(site.config)
    first = item.cidr.rsplit(".", 1)[0]
    return {
        "id": item.subnet_id,
        "name": f"{item.name}-v4",
        "project_id": owner,
        "network_id": item.id,
        "ip_version": 4,
        "subnetpool_id": None,
        "enable_dhcp": not item.external,
        "ipv6_ra_mode": None,
        "ipv6_address_mode": None,
        "gateway_ip": f"{first}.1",
        "cidr": item.cidr,
        "allocation_pools": [{"start": f"{first}.2", "end": f"{first}.254"}],
        "host_routes": [],
        "dns_nameservers": [],
        "description": "",
        "router:external": item.external,
        "service_types": [],
        "tags": [],
        "created_at": CREATED,
        "updated_at": CREATED,
        "revision_number": 0,
        "tenant_id": owner,
    }


def port(site: Site, item: Port) -> Json:
    """A Neutron port."""
    where = site.config.network(item.network)
    return {
        "id": item.id,
        "name": item.name,
        "network_id": where.id,
        "project_id": item.project_id,
        "mac_address": item.mac_address,
        "admin_state_up": True,
        "status": item.status,
        "device_id": item.device_id,
        "device_owner": item.device_owner,
        "fixed_ips": [{"subnet_id": where.subnet_id, "ip_address": item.ip_address}],
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "security_groups": item.security_groups,
        "description": "",
        "binding:vnic_type": "normal",
        "port_security_enabled": True,
        "tags": [],
        "created_at": instant(item.created_at),
        "updated_at": instant(item.updated_at),
        "revision_number": item.revision_number,
        "tenant_id": item.project_id,
    }


def floating_ip(site: Site, item: FloatingIp) -> Json:
    """A Neutron floating IP."""
    target = site.region.ports.get(item.port_id or "")
    details = port(site, target) if target else None
    shown = ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")
    return {
        "id": item.id,
        "tenant_id": item.project_id,
        "project_id": item.project_id,
        "floating_ip_address": item.address,
        "floating_network_id": site.config.network(item.network).id,
        "router_id": stable_uuid("router", site.region.id) if target else None,
        "port_id": item.port_id,
        "fixed_ip_address": target.ip_address if target else None,
        "status": "ACTIVE" if target else "DOWN",
        "description": "",
        "port_details": {key: details[key] for key in shown} if details else None,
        "tags": [],
        "created_at": instant(item.created_at),
        "updated_at": instant(item.updated_at),
        "revision_number": item.revision_number,
    }


def security_group(item: SecurityGroup) -> Json:
    """A Neutron security group with its rules."""
    return {
        "id": item.id,
        "name": item.name,
        "stateful": True,
        "tenant_id": item.project_id,
        "project_id": item.project_id,
        "description": item.description,
        "shared": False,
        "security_group_rules": [_rule(item, index, rule) for index, rule in enumerate(_all_rules(item))],
        "tags": [],
        "created_at": instant(item.created_at),
        "updated_at": instant(item.created_at),
        "revision_number": len(item.rules),
    }


def _all_rules(item: SecurityGroup) -> list[dict[str, Json]]:
    """The rules that were added, and the two default rules that allow all outgoing traffic."""
    egress = [{"direction": "egress", "ethertype": version, "description": None} for version in ("IPv4", "IPv6")]
    return [*egress, *item.rules]


def _rule(group: SecurityGroup, index: int, rule: dict[str, Json]) -> Json:
    prefix = rule.get("remote_ip_prefix")
    return {
        "id": stable_uuid("rule", group.id, str(index)),
        "project_id": group.project_id,
        "security_group_id": group.id,
        "ethertype": rule.get("ethertype", "IPv4"),
        "direction": rule.get("direction", "ingress"),
        "protocol": rule.get("protocol"),
        "port_range_min": rule.get("port_range_min"),
        "port_range_max": rule.get("port_range_max"),
        "remote_ip_prefix": prefix,
        "remote_address_group_id": None,
        "normalized_cidr": prefix,
        "remote_group_id": rule.get("remote_group_id"),
        "standard_attr_id": 100 + index,
        "belongs_to_default_sg": group.name == "default",
        "description": rule.get("description", ""),
        "tags": [],
        "created_at": instant(group.created_at),
        "updated_at": instant(group.created_at),
        "revision_number": 0,
        "tenant_id": group.project_id,
    }


def flavor(site: Site, item: Flavor, minor: int) -> Json:
    """A Nova flavor at microversion 2.`minor`."""
    body = {
        "id": item.id,
        "name": item.name,
        "ram": item.ram_mb,
        "disk": item.disk_gb,
        "swap": 0 if minor >= 75 else "",
        "OS-FLV-EXT-DATA:ephemeral": 0,
        "OS-FLV-DISABLED:disabled": False,
        "vcpus": item.vcpus,
        "os-flavor-access:is_public": True,
        "rxtx_factor": 1.0,
        "links": nova_links(site, "flavors", item.id),
    }
    if minor >= 55:
        body["description"] = None
    if minor >= 61:
        body["extra_specs"] = item.extra_specs
    return body


def nova_links(site: Site, kind: str, item_id: str) -> Json:
    """The links of one of Nova's objects."""
    compute = f"{site.region_url}/compute"
    return [
        {"rel": "self", "href": f"{compute}/v2.1/{kind}/{item_id}"},
        {"rel": "bookmark", "href": f"{compute}/{kind}/{item_id}"},
    ]


_POWER_STATES = {"ACTIVE": 1, "REBOOT": 1, "SUSPENDED": 4, "SHUTOFF": 4}
_VM_STATES = {
    "ACTIVE": "active",
    "REBOOT": "active",
    "BUILD": "building",
    "SHUTOFF": "stopped",
    "SUSPENDED": "suspended",
    "ERROR": "error",
}
_TASK_STATES = {"BUILD": "spawning", "REBOOT": "rebooting"}


def vm_state(item: Server) -> str:
    """A server's internal state in Nova."""
    return _VM_STATES[item.status]


def server(site: Site, item: Server, minor: int) -> Json:
    """A Nova server at microversion 2.`minor`."""
    built_on = site.config.flavor(item.flavor)
    links = nova_links(site, "flavors", built_on.id)
    body: dict[str, Json] = {
        "accessIPv4": "",
        "accessIPv6": "",
        "addresses": addresses(site, item),
        "created": instant(item.created_at),
        "flavor": _embedded_flavor(built_on) if minor >= 47 else {"id": built_on.id, "links": [links[1]]},
        "hostId": stable_hex("host", item.provider)[:28] * 2 if item.provider else "",
        "id": item.id,
        "image": _image_link(site, item.image) if item.image else "",
        "links": nova_links(site, "servers", item.id),
        "metadata": item.metadata,
        "name": item.name,
        "status": item.status,
        "tenant_id": item.project_id,
        "user_id": item.user_id,
        "updated": instant(item.updated_at),
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": "nova" if item.provider else "",
        "config_drive": "",
        "key_name": item.key_name,
        "OS-SRV-USG:launched_at": long_instant(item.launched_at),
        "OS-SRV-USG:terminated_at": None,
        "OS-EXT-STS:task_state": _TASK_STATES.get(item.status),
        "OS-EXT-STS:vm_state": vm_state(item),
        "OS-EXT-STS:power_state": _POWER_STATES.get(item.status, 0),
        "os-extended-volumes:volumes_attached": _attached(site, item, minor),
    }
    if item.status in {"ACTIVE", "BUILD", "REBOOT"}:
        body["progress"] = 0
    if item.fault:
        body["fault"] = {"code": 500, "created": instant(item.updated_at), "message": item.fault}
    else:
        body["security_groups"] = [{"name": name} for name in security_group_names(site, item)]
    return body | _newer(item, minor)


def _newer(item: Server, minor: int) -> dict[str, Json]:
    """The fields of later microversions of Nova's API."""
    since: list[tuple[int, dict[str, Json]]] = [
        (9, {"locked": False}),
        (19, {"description": None}),
        (26, {"tags": []}),
        (63, {"trusted_image_certificates": None}),
        (71, {"server_groups": []}),
        (73, {"locked_reason": None}),
        (90, {"OS-EXT-SRV-ATTR:hostname": item.name}),
        (96, {"pinned_availability_zone": None}),
    ]
    return {key: value for first, fields in since if minor >= first for key, value in fields.items()}


def _embedded_flavor(item: Flavor) -> Json:
    return {
        "vcpus": item.vcpus,
        "ram": item.ram_mb,
        "disk": item.disk_gb,
        "ephemeral": 0,
        "swap": 0,
        "original_name": item.name,
        "extra_specs": item.extra_specs,
    }


def _image_link(site: Site, name: str) -> Json:
    image_id = site.config.image(name).id
    href = f"{site.region_url}/compute/images/{image_id}"
    return {"id": image_id, "links": [{"rel": "bookmark", "href": href}]}


def _attached(site: Site, item: Server, minor: int) -> Json:
    ids = [volume.id for volume in site.region.volumes.values() if volume.server_id == item.id]
    if minor >= 3:
        return [{"id": volume_id, "delete_on_termination": False} for volume_id in ids]
    return [{"id": volume_id} for volume_id in ids]


def security_group_names(site: Site, item: Server) -> list[str]:
    """The names of the groups on a server's ports."""
    ids = [group for port_id in item.port_ids for group in _port_groups(site, port_id)]
    known = (site.region.security_groups.get(group) for group in dict.fromkeys(ids))
    return [group.name for group in known if group is not None]


def _port_groups(site: Site, port_id: str) -> list[str]:
    found = site.region.ports.get(port_id)
    return found.security_groups if found else []


def addresses(site: Site, item: Server) -> dict[str, list[dict[str, Json]]]:
    """A server's addresses by network, including floating ones; none until it runs."""
    found: dict[str, list[dict[str, Json]]] = {}
    if item.status in {"BUILD", "ERROR"}:
        return found
    for port_id in item.port_ids:
        if (own := site.region.ports.get(port_id)) is None:
            continue
        entries = found.setdefault(own.network, [])
        entries.append(_address(own, own.ip_address, "fixed"))
        entries.extend(
            _address(own, public.address, "floating")
            for public in site.region.floating_ips.values()
            if public.port_id == port_id
        )
    return found


def _address(own: Port, address: str, kind: str) -> dict[str, Json]:
    return {"version": 4, "addr": address, "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": own.mac_address}


def heat_addresses(site: Site, item: Server) -> dict[str, Json]:
    """The `addresses` attribute of a server in Heat: by network name and by id, with ports and subnets."""
    found: dict[str, Json] = {}
    for name, entries in addresses(site, item).items():
        where = site.config.network(name)
        detailed = [_heat_address(site, item, where, entry) for entry in entries]
        found[where.name] = found[where.id] = detailed
    return found


def _heat_address(site: Site, item: Server, where: Network, entry: dict[str, Json]) -> Json:
    body = {key: entry[key] for key in ("addr", "OS-EXT-IPS-MAC:mac_addr", "OS-EXT-IPS:type")} | {"version": [4]}
    if entry["OS-EXT-IPS:type"] == "floating":
        return body | {"port": None}
    own = next(port_id for port_id in item.port_ids if site.region.ports[port_id].ip_address == entry["addr"])
    return body | {"port": own, "subnets": [subnet(site, where)], "network": network(site, where)}


def image(site: Site, item: Image) -> Json:
    """A Glance image."""
    return {
        **item.properties,
        "owner_specified.openstack.md5": "",
        "owner_specified.openstack.sha256": "",
        "owner_specified.openstack.object": f"images/{item.name}",
        "name": item.name,
        "disk_format": item.disk_format,
        "container_format": "bare",
        "visibility": "public",
        "size": item.size_bytes,
        "virtual_size": item.size_bytes,
        "status": "active",
        "checksum": stable_hex("checksum", item.name),
        "protected": False,
        "min_ram": item.min_ram_mb,
        "min_disk": item.min_disk_gb,
        "owner": owner_id(site.config),
        "os_hidden": False,
        "os_hash_algo": "sha512",
        "os_hash_value": stable_hex("hash", item.name) * 4,
        "id": item.id,
        "created_at": CREATED,
        "updated_at": CREATED,
        "tags": [],
        "self": f"/v2/images/{item.id}",
        "file": f"/v2/images/{item.id}/file",
        "schema": "/v2/schemas/image",
        "stores": "fs",
    }


def volume(site: Site, item: Volume) -> Json:
    """A Cinder volume."""
    attachment = {
        "id": item.id,
        "attachment_id": item.attachment_id,
        "volume_id": item.id,
        "server_id": item.server_id,
        "host_name": None,
        "device": "/dev/sdb",
        "attached_at": long_instant(item.updated_at),
    }
    return {
        "id": item.id,
        "status": item.status,
        "size": item.size_gb,
        "availability_zone": "nova",
        "created_at": long_instant(item.created_at),
        "updated_at": long_instant(item.updated_at),
        "name": item.name,
        "description": item.description,
        "volume_type": item.volume_type,
        "snapshot_id": None,
        "source_volid": None,
        "metadata": item.metadata,
        "links": volume_links(site, item),
        "user_id": item.user_id,
        "bootable": "true" if item.bootable else "false",
        "encrypted": False,
        "replication_status": None,
        "consistencygroup_id": None,
        "multiattach": False,
        "attachments": [attachment] if item.server_id else [],
        "os-vol-tenant-attr:tenant_id": item.project_id,
    }


def volume_links(site: Site, item: Volume) -> Json:
    """The links of a volume."""
    base = f"{site.region_url}/volume"
    return [
        {"rel": "self", "href": f"{base}/v3/{item.project_id}/volumes/{item.id}"},
        {"rel": "bookmark", "href": f"{base}/{item.project_id}/volumes/{item.id}"},
    ]


def keypair(item: KeyPairState) -> Json:
    """A Nova key pair in lists."""
    return {"name": item.name, "public_key": item.public_key, "fingerprint": item.fingerprint}
