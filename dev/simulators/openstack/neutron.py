"""Neutron v2.0: networks, subnets, ports, floating IPs, security groups, quotas."""

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import parse_qsl

from dev.simulators.http import Json, Response
from dev.simulators.openstack import views
from dev.simulators.openstack.api import ApiError, Call, Service, json_body, page
from dev.simulators.openstack.site import Site


class Neutron(Service):
    """The network service."""

    def not_found(self, call: Call) -> Response:
        """The 404 in Neutron's format."""
        return _error(404, "HTTPNotFound", "The resource could not be found.").response


service = Neutron("network")
_PAGING: Final = frozenset({"limit", "marker", "page_reverse", "fields", "sort_key", "sort_dir"})


def _error(status: int, type_: str, message: str) -> ApiError:
    return ApiError(Response(status, {"NeutronError": {"type": type_, "message": message, "detail": ""}}))


@service.route("GET", "", is_open=True)
def list_versions(call: Call) -> Response:
    """The versions of the API."""
    link = {"rel": "self", "href": f"{call.service_url}/v2.0/"}
    return Response(200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})


def _matches(item: dict[str, Json], query: dict[str, str]) -> bool:
    """Whether an item matches the filters of a list; a field with a list must contain the wanted value."""
    for key, wanted in query.items():
        if key in _PAGING or key not in item:
            continue
        value = item[key]
        if isinstance(value, list):
            if wanted not in value:
                return False
        elif str(value).lower() != wanted.lower():
            return False
    return True


def _networks(site: Site) -> Iterable[dict[str, Json]]:
    return (views.network(site, item) for item in site.config.networks)


def _subnets(site: Site) -> Iterable[dict[str, Json]]:
    return (views.subnet(site, item) for item in site.config.networks)


def _ports(site: Site) -> Iterable[dict[str, Json]]:
    return (views.port(site, item) for item in site.ports)


def _floating_ips(site: Site) -> Iterable[dict[str, Json]]:
    return (views.floating_ip(site, item) for item in site.floating_ips)


def _security_groups(site: Site) -> Iterable[dict[str, Json]]:
    site.default_security_group()
    own = (item for item in site.region.security_groups.values() if item.project_id == site.project_id)
    return (views.security_group(item) for item in own)


_KINDS: Final[dict[str, tuple[str, str, Callable[[Site], Iterable[dict[str, Json]]]]]] = {
    "networks": ("network", "Network", _networks),
    "subnets": ("subnet", "Subnet", _subnets),
    "ports": ("port", "Port", _ports),
    "floatingips": ("floatingip", "FloatingIP", _floating_ips),
    "security-groups": ("security_group", "SecurityGroup", _security_groups),
}
"""By path: the key of one item, its name in errors, and the function that lists the items."""


def _lister(kind: str) -> Callable[[Call], Response]:
    key = f"{_KINDS[kind][0]}s"

    def list_items(call: Call) -> Response:
        shown = [item for item in _KINDS[kind][2](call.site) if _matches(item, call.query)]
        fields = [value for key, value in parse_qsl(call.request.query_string) if key == "fields"]
        limit = int(call.query["limit"]) if call.query.get("limit", "").isdigit() else None
        part = page(shown, call.query.get("marker"), limit)
        body: dict[str, Json] = {key: [_only(item, fields) for item in part]}
        if limit and part:
            url = f"{call.service_url}{call.path}?limit={limit}&marker="
            links = [{"rel": "next", "href": f"{url}{part[-1]['id']}"}] if len(part) == limit else []
            body[f"{key}_links"] = [
                *links,
                {"rel": "previous", "href": f"{url}{part[0]['id']}&page_reverse=True"},
            ]
        return Response(200, body)

    return list_items


def _only(item: dict[str, Json], fields: list[str]) -> dict[str, Json]:
    """The item with only the requested fields; all fields if none were requested."""
    return {name: item[name] for name in fields if name in item} if fields else item


def _find(call: Call, kind: str) -> dict[str, Json]:
    _, word, items = _KINDS[kind]
    wanted = call.arguments["id"]
    for item in items(call.site):
        if item["id"] == wanted:
            return item
    raise _error(404, f"{word}NotFound", f"{_WORDS.get(word, word)} {wanted} could not be found.")


_WORDS: Final = {"FloatingIP": "Floating IP", "SecurityGroup": "Security group"}


def _shower(kind: str) -> Callable[[Call], Response]:
    return lambda call: Response(200, {_KINDS[kind][0]: _find(call, kind)})


for _kind in _KINDS:
    service.route("GET", f"/v2.0/{_kind}")(_lister(_kind))
    service.route("GET", f"/v2.0/{_kind}/{{id}}")(_shower(_kind))


@service.route("POST", "/v2.0/ports")
def create_port(call: Call) -> Response:
    """Create a port."""
    wanted = (json_body(call) or {}).get("port") or {}
    try:
        network = call.cloud.config.network(str(wanted.get("network_id")))
    except KeyError as error:
        message = f"Network {wanted.get('network_id')} could not be found."
        raise _error(404, "NetworkNotFound", message) from error
    port = call.site.new_port(
        network, name=str(wanted.get("name") or ""), security_groups=wanted.get("security_groups")
    )
    return Response(201, {"port": views.port(call.site, port)})


@service.route("DELETE", "/v2.0/ports/{id}")
def delete_port(call: Call) -> Response:
    """Delete a port, even if it is used."""
    call.site.remove_port(_find(call, "ports")["id"])
    return Response(204)


@service.route("DELETE", "/v2.0/floatingips/{id}")
def delete_floating_ip(call: Call) -> Response:
    """Release a floating IP."""
    del call.region.floating_ips[_find(call, "floatingips")["id"]]
    return Response(204)


@service.route("DELETE", "/v2.0/security-groups/{id}")
def delete_security_group(call: Call) -> Response:
    """Delete a security group that no port uses."""
    group_id = _find(call, "security-groups")["id"]
    if any(group_id in port.security_groups for port in call.region.ports.values()):
        raise _error(409, "SecurityGroupInUse", f"Security Group {group_id} in use.")
    del call.region.security_groups[group_id]
    return Response(204)


def _quota(site: Site) -> dict[str, tuple[int, int]]:
    """Limit and usage of each resource that Neutron counts."""
    groups = list(_security_groups(site))
    return {
        "network": (100, 0),
        "subnet": (100, 0),
        "subnetpool": (-1, 0),
        "port": (site.limit("port"), len(site.ports)),
        "router_route": (30, 0),
        "router": (10, 0),
        "floatingip": (site.limit("floatingip"), len(site.floating_ips)),
        "rbac_policy": (10, 0),
        "security_group": (site.limit("security_group"), len(groups)),
        "security_group_rule": (-1, sum(len(group["security_group_rules"]) for group in groups)),
    }


@service.route("GET", "/v2.0/quotas/{project_id}")
def show_quota(call: Call) -> Response:
    """A project's limits."""
    return Response(200, {"quota": {name: limit for name, (limit, _) in _quota(call.site).items()}})


@service.route("GET", r"/v2.0/quotas/{project_id}/details(\.json)?")
def show_quota_in_detail(call: Call) -> Response:
    """A project's limits and usage."""
    detail = {
        name: {"limit": limit, "used": used, "reserved": 0} for name, (limit, used) in _quota(call.site).items()
    }
    return Response(200, {"quota": detail})


@service.route("GET", "/v2.0/extensions")
def list_extensions(call: Call) -> Response:
    """The extensions that clients look for."""
    return Response(200, {"extensions": [{"alias": "quota_details", "name": "Quota details management support"}]})
