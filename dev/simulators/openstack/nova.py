"""Nova v2.1: servers, flavors, key pairs, limits and quotas."""

from typing import Final

from dev.simulators.http import Json, Response
from dev.simulators.openstack import views
from dev.simulators.openstack.api import ApiError, Call, Service, json_body, page
from dev.simulators.openstack.resources import add_keypair, remove_server
from dev.simulators.openstack.site import Site
from dev.simulators.openstack.state import KeyPairState, Server

HIGHEST_MINOR: Final = 104
STOP_SECONDS: Final = 1.0
REBOOT_SECONDS: Final = 2.0
_EMPTY: Final = {"Content-Type": "application/json"}
_QUOTAS: Final = {
    "cores": "cores",
    "fixed_ips": None,
    "floating_ips": None,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
    "injected_files": 5,
    "instances": "instances",
    "key_pairs": "key_pairs",
    "metadata_items": 128,
    "ram": "ram",
    "security_group_rules": None,
    "security_groups": None,
    "server_group_members": 10,
    "server_groups": 10,
}


class Nova(Service):
    """The compute service."""

    def admit(self, call: Call) -> None:
        """Refuse an unknown microversion."""
        asked = _asked_version(call)
        if asked is not None and _minor(call) is None:
            message = (
                f"Version {asked} is not supported by the API. Minimum is 2.1 and maximum is 2.{HIGHEST_MINOR}."
            )
            raise nova_error(406, "computeFault", message)

    def unauthorized(self, call: Call) -> Response:
        """The answer without microversion headers: Keystone's middleware answers before Nova does."""
        response = super().unauthorized(call)
        response.headers["x-compute-request-id"] = call.request_id
        return response

    def add_headers(self, call: Call, response: Response) -> None:
        """Add the microversion headers."""
        super().add_headers(call, response)
        if response.status == 401:
            return
        version = _asked_version(call) or "2.1"
        response.headers.update(
            {
                "OpenStack-API-Version": f"compute {version}",
                "X-OpenStack-Nova-API-Version": version,
                "Vary": "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
                "x-compute-request-id": call.request_id,
            }
        )


service = Nova("compute")


def nova_error(status: int, kind: str, message: str) -> ApiError:
    """An error in Nova's format."""
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    return ApiError(Response(status, {kind: {"code": status, "message": message}}, headers))


def _asked_version(call: Call) -> str | None:
    header = call.request.headers.get("openstack-api-version", "")
    for part in header.split(","):
        words = part.split()
        if len(words) == 2 and words[0] == "compute":
            return f"2.{HIGHEST_MINOR}" if words[1] == "latest" else words[1]
    return call.request.headers.get("x-openstack-nova-api-version")


def _minor(call: Call) -> int | None:
    major, _, minor = (_asked_version(call) or "2.1").partition(".")
    return int(minor) if major == "2" and minor.isdigit() and 1 <= int(minor) <= HIGHEST_MINOR else None


def _version_of(call: Call) -> int:
    return _minor(call) or 1


@service.route("GET", "", is_open=True)
def list_versions(call: Call) -> Response:
    """The versions of the API."""
    return Response(200, {"versions": [_version(call)]})


@service.route("GET", "/v2.1", is_open=True)
def show_version(call: Call) -> Response:
    """The version of the API, with its range of microversions."""
    described = {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}
    media = {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}
    version = _version(call)
    return Response(200, {"version": version | {"links": [*version["links"], described], "media-types": [media]}})


def _version(call: Call) -> dict[str, Json]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": f"2.{HIGHEST_MINOR}",
        "min_version": "2.1",
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": f"{call.service_url}/v2.1/"}],
    }


# Flavors


@service.route("GET", "/v2.1/flavors")
def list_flavors(call: Call) -> Response:
    """The flavors, names only."""
    site = call.site
    return Response(
        200,
        {
            "flavors": [
                {"id": item.id, "name": item.name, "links": views.nova_links(site, "flavors", item.id)}
                | ({"description": None} if _version_of(call) >= 55 else {})
                for item in site.config.flavors
            ]
        },
    )


@service.route("GET", "/v2.1/flavors/detail")
def list_flavors_in_detail(call: Call) -> Response:
    """The flavors."""
    shown = [views.flavor(call.site, item, _version_of(call)) for item in call.site.config.flavors]
    limit = int(call.query["limit"]) if call.query.get("limit", "").isdigit() else None
    return Response(200, {"flavors": page(shown, call.query.get("marker"), limit)})


@service.route("GET", "/v2.1/flavors/{id}")
def show_flavor(call: Call) -> Response:
    """One flavor, by its id alone."""
    for item in call.site.config.flavors:
        if item.id == call.arguments["id"]:
            return Response(200, {"flavor": views.flavor(call.site, item, _version_of(call))})
    raise nova_error(404, "itemNotFound", f"Flavor {call.arguments['id']} could not be found.")


@service.route("GET", "/v2.1/flavors/{id}/os-extra_specs")
def show_extra_specs(call: Call) -> Response:
    """A flavor's requirements for its host."""
    for item in call.site.config.flavors:
        if item.id == call.arguments["id"]:
            return Response(200, {"extra_specs": item.extra_specs})
    raise nova_error(404, "itemNotFound", f"Flavor {call.arguments['id']} could not be found.")


# Servers


def settle(site: Site, server: Server) -> Server:
    """The server, after a running action has taken its time."""
    if server.next_status and server.next_status_due <= site.seconds:
        server.status, server.next_status, server.updated_at = server.next_status, None, site.now
    return server


def _find_server(call: Call) -> Server:
    server = call.region.servers.get(call.arguments["id"])
    if server is None or server.project_id != call.project_id:
        raise nova_error(404, "itemNotFound", f"Instance {call.arguments['id']} could not be found.")
    return settle(call.site, server)


def _listed(call: Call) -> list[Server]:
    query, site = call.query, call.site
    found = [
        settle(site, server)
        for server in reversed(site.servers)
        if query.get("name", "") in server.name and query.get("status", server.status) == server.status
    ]
    limit = int(query["limit"]) if query.get("limit", "").isdigit() else None
    keys = page([{"id": server.id} for server in found], query.get("marker"), limit)
    chosen = {item["id"] for item in keys}
    return [server for server in found if server.id in chosen]


@service.route("GET", "/v2.1/servers")
def list_servers(call: Call) -> Response:
    """The project's servers, newest first."""
    site = call.site
    return Response(
        200,
        {
            "servers": [
                {"id": item.id, "name": item.name, "links": views.nova_links(site, "servers", item.id)}
                for item in _listed(call)
            ]
        },
    )


@service.route("GET", "/v2.1/servers/detail")
def list_servers_in_detail(call: Call) -> Response:
    """The project's servers, newest first, with all fields."""
    return Response(200, {"servers": [views.server(call.site, item, _version_of(call)) for item in _listed(call)]})


@service.route("GET", "/v2.1/servers/{id}")
def show_server(call: Call) -> Response:
    """One server."""
    return Response(200, {"server": views.server(call.site, _find_server(call), _version_of(call))})


@service.route("DELETE", "/v2.1/servers/{id}")
def delete_server(call: Call) -> Response:
    """Delete a server."""
    remove_server(call.site, _find_server(call).id)
    return Response(204)


_ACTIONS: Final[dict[str, tuple[str, frozenset[str], str | None, str, float]]] = {
    "os-stop": ("stop", frozenset({"active", "error"}), None, "SHUTOFF", STOP_SECONDS),
    "os-start": ("start", frozenset({"stopped"}), None, "ACTIVE", STOP_SECONDS),
    "reboot": ("reboot", frozenset({"active", "stopped", "error"}), "REBOOT", "ACTIVE", REBOOT_SECONDS),
}
"""By action: its name, the allowed states, the status during it and after it, and its duration in seconds."""


@service.route("POST", "/v2.1/servers/{id}/action")
def act_on_server(call: Call) -> Response:
    """Stop, start or reboot a server."""
    server = _find_server(call)
    action = next(iter(json_body(call) or {}), "")
    if action not in _ACTIONS:
        raise nova_error(400, "badRequest", f"There is no such action: {action}")
    name, allowed, during, after, seconds = _ACTIONS[action]
    state = views.vm_state(server)
    if state not in allowed:
        message = f"Cannot '{name}' instance {server.id} while it is in vm_state {state}"
        raise nova_error(409, "conflictingRequest", message)
    site = call.site
    server.status = during or server.status
    server.next_status, server.next_status_due, server.updated_at = after, site.seconds + seconds, site.now
    return Response(202, "", _EMPTY)


@service.route("GET", "/v2.1/servers/{id}/os-volume_attachments")
def list_attachments(call: Call) -> Response:
    """A server's volumes."""
    server = _find_server(call)
    return Response(
        200,
        {
            "volumeAttachments": [
                {"id": item.id, "volumeId": item.id, "serverId": server.id, "device": "/dev/sdb"}
                for item in call.region.volumes.values()
                if item.server_id == server.id
            ]
        },
    )


@service.route("DELETE", "/v2.1/servers/{id}/os-volume_attachments/{volume_id}")
def detach_volume(call: Call) -> Response:
    """Detach a volume."""
    volume = call.region.volumes.get(call.arguments["volume_id"])
    if volume is None or volume.server_id != _find_server(call).id:
        raise nova_error(404, "itemNotFound", f"Volume {call.arguments['volume_id']} could not be found.")
    volume.server_id, volume.attachment_id, volume.status = None, None, "available"
    return Response(202, "", _EMPTY)


@service.route("GET", "/v2.1/servers/{id}/os-interface")
def list_interfaces(call: Call) -> Response:
    """A server's ports."""
    server, site = _find_server(call), call.site
    shown = [views.port(site, site.region.ports[port_id]) for port_id in server.port_ids]
    return Response(
        200,
        {
            "interfaceAttachments": [
                {
                    "net_id": port["network_id"],
                    "port_id": port["id"],
                    "mac_addr": port["mac_address"],
                    "port_state": port["status"],
                    "fixed_ips": port["fixed_ips"],
                }
                for port in shown
            ]
        },
    )


@service.route("DELETE", "/v2.1/servers/{id}/os-interface/{port_id}")
def detach_interface(call: Call) -> Response:
    """Detach a port; the port itself stays."""
    server = _find_server(call)
    port = call.region.ports.get(call.arguments["port_id"])
    if port is None or port.id not in server.port_ids:
        raise nova_error(404, "itemNotFound", f"Port id {call.arguments['port_id']} could not be found.")
    server.port_ids.remove(port.id)
    port.device_id, port.device_owner, port.status = "", "", "DOWN"
    return Response(202, "", _EMPTY)


# Key pairs


def _own_keypairs(call: Call) -> list[KeyPairState]:
    return [item for item in call.region.keypairs if item.user_id == call.token.user_id]


def _find_keypair(call: Call) -> KeyPairState:
    name = call.arguments["name"]
    found = next((item for item in _own_keypairs(call) if item.name == name), None)
    if found is None:
        raise nova_error(404, "itemNotFound", f"Keypair {name} not found for user {call.token.user_id}")
    return found


@service.route("GET", "/v2.1/os-keypairs")
def list_keypairs(call: Call) -> Response:
    """The user's key pairs, by name."""
    own = sorted(_own_keypairs(call), key=lambda item: item.name)
    return Response(200, {"keypairs": [{"keypair": views.keypair(item)} for item in own]})


@service.route("POST", "/v2.1/os-keypairs")
def create_keypair(call: Call) -> Response:
    """Import a public key."""
    wanted = (json_body(call) or {}).get("keypair") or {}
    name = str(wanted.get("name"))
    if any(item.name == name for item in _own_keypairs(call)):
        raise nova_error(409, "conflictingRequest", f"Key pair '{name}' already exists.")
    limit = call.site.limit("key_pairs")
    if 0 <= limit <= len(_own_keypairs(call)):
        raise nova_error(403, "forbidden", "Quota exceeded, too many key pairs.")
    try:
        made = add_keypair(call.site, name, str(wanted.get("public_key")))
    except ValueError as error:
        raise nova_error(400, "badRequest", "Keypair data is invalid: failed to generate fingerprint") from error
    status = 200 if _version_of(call) < 2 else 201
    return Response(status, {"keypair": views.keypair(made) | {"user_id": made.user_id}})


@service.route("GET", "/v2.1/os-keypairs/{name}")
def show_keypair(call: Call) -> Response:
    """One key pair."""
    found = _find_keypair(call)
    stamps = {"created_at": views.long_instant(found.created_at), "deleted": False, "deleted_at": None}
    more = stamps | {"user_id": found.user_id, "id": found.number, "updated_at": None}
    return Response(200, {"keypair": views.keypair(found) | more})


@service.route("DELETE", "/v2.1/os-keypairs/{name}")
def delete_keypair(call: Call) -> Response:
    """Delete a key pair."""
    call.region.keypairs.remove(_find_keypair(call))
    return Response(202, "", _EMPTY) if _version_of(call) < 2 else Response(204)


# Limits and quotas


def _used(site: Site) -> dict[str, int]:
    flavors = [site.config.flavor(server.flavor) for server in site.servers]
    return {
        "instances": len(flavors),
        "cores": sum(flavor.vcpus for flavor in flavors),
        "ram": sum(flavor.ram_mb for flavor in flavors),
    }


@service.route("GET", "/v2.1/limits")
def show_limits(call: Call) -> Response:
    """The project's limits and usage."""
    site, used = call.site, _used(call.site)
    absolute = {
        "maxTotalCores": site.limit("cores"),
        "maxPersonality": 5,
        "maxPersonalitySize": 10240,
        "maxTotalInstances": site.limit("instances"),
        "maxTotalKeypairs": site.limit("key_pairs"),
        "maxServerMeta": 128,
        "maxImageMeta": 128,
        "maxTotalRAMSize": site.limit("ram"),
        "maxServerGroups": 10,
        "maxServerGroupMembers": 10,
        "maxTotalFloatingIps": -1,
        "maxSecurityGroups": -1,
        "maxSecurityGroupRules": -1,
        "totalRAMUsed": used["ram"],
        "totalCoresUsed": used["cores"],
        "totalInstancesUsed": used["instances"],
        "totalFloatingIpsUsed": 0,
        "totalSecurityGroupsUsed": 0,
        "totalServerGroupsUsed": 0,
    }
    return Response(200, {"limits": {"rate": [], "absolute": absolute}})


def _quota(site: Site, name: str) -> int:
    rule = _QUOTAS[name]
    if rule is None:
        return -1
    return rule if isinstance(rule, int) else site.limit(rule)


@service.route("GET", "/v2.1/os-quota-sets/{project_id}")
def show_quota(call: Call) -> Response:
    """A project's limits."""
    return Response(
        200,
        {"quota_set": {"id": call.arguments["project_id"]} | {name: _quota(call.site, name) for name in _QUOTAS}},
    )


@service.route("GET", "/v2.1/os-quota-sets/{project_id}/detail")
def show_quota_in_detail(call: Call) -> Response:
    """A project's limits and usage."""
    used = _used(call.site)
    detail = {
        name: {"limit": _quota(call.site, name), "in_use": used.get(name, 0), "reserved": 0} for name in _QUOTAS
    }
    return Response(200, {"quota_set": {"id": call.arguments["project_id"]} | detail})


@service.route("PUT", "/v2.1/os-quota-sets/{project_id}")
def set_quota(call: Call) -> Response:
    """Change a project's limits, for administrators."""
    if "admin" not in call.token.roles:
        raise nova_error(
            403, "forbidden", "Policy doesn't allow os_compute_api:os-quota-sets:update to be performed."
        )
    project_id = call.arguments["project_id"]
    wanted = (json_body(call) or {}).get("quota_set") or {}
    changed = call.region.quotas.setdefault(project_id, {})
    changed.update({name: int(limit) for name, limit in wanted.items() if name in {"cores", "instances", "ram"}})
    site = call.cloud.site(call.region, project_id, call.token.user_id)
    return Response(200, {"quota_set": {name: _quota(site, name) for name in _QUOTAS}})
