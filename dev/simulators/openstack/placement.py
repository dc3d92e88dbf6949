"""Placement: the inventory of each host, its usage, and the hosts where a server would fit."""

from email.utils import format_datetime
from http import HTTPStatus
from typing import Final

from dev.simulators.http import Json, Response
from dev.simulators.openstack.api import ApiError, Call, Service
from dev.simulators.openstack.config import Inventory
from dev.simulators.openstack.site import Provider, Site

HIGHEST_MINOR: Final = 39
_STANDARD_CLASSES: Final = ("VCPU", "MEMORY_MB", "DISK_GB", "PCI_DEVICE", "VGPU", "PCPU")


class Placement(Service):
    """The placement service. By default only administrators may read it."""

    def admit(self, call: Call) -> None:
        """Refuse an unknown microversion, and a role that may not read."""
        asked = _asked(call)
        if _minor(asked) is None:
            raise _error(
                call,
                406,
                "The resource could not be generated that was acceptable to your browser (content of type"
                f" application/json. \n\n Invalid microversion: Unacceptable version header: {asked}",
            )
        if not set(call.token.roles) & set(call.cloud.config.placement_reader_roles):
            raise _error(
                call,
                403,
                "Access was denied to this resource.\n\n Policy does not allow"
                f" placement:{_policy_name(call.path)} to be performed.  ",
            )

    def not_found(self, call: Call) -> Response:
        """The 404 in Placement's format."""
        return _error(call, 404, "The resource could not be found.\n\n   ").response

    def add_headers(self, call: Call, response: Response) -> None:
        """Add the microversion header."""
        super().add_headers(call, response)
        asked = _asked(call)
        if response.status in {401, 406}:
            return
        response.headers["openstack-api-version"] = f"placement {asked}"
        response.headers["vary"] = "openstack-api-version"
        if (_minor(asked) or 0) >= 15 and response.status < 300:
            response.headers["Last-Modified"] = format_datetime(call.cloud.clock.now(), usegmt=True)
            response.headers["Cache-Control"] = "no-cache"


service = Placement("placement")


def _asked(call: Call) -> str:
    words = call.request.headers.get("openstack-api-version", "placement 1.0").split()
    version = words[-1] if words[0] == "placement" else "1.0"
    return f"1.{HIGHEST_MINOR}" if version == "latest" else version


def _minor(version: str) -> int | None:
    major, _, minor = version.partition(".")
    return int(minor) if major == "1" and minor.isdigit() and int(minor) <= HIGHEST_MINOR else None


def _policy_name(path: str) -> str:
    parts = path.strip("/").split("/")
    if len(parts) == 3:
        return f"{parts[0]}:{parts[2]}:list"
    return f"{parts[0]}:{'show' if len(parts) == 2 else 'list'}"


def _errors(call: Call, status: int, detail: str) -> dict[str, Json]:
    error: dict[str, Json] = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail}
    if status == 406:
        error |= {"max_version": f"1.{HIGHEST_MINOR}", "min_version": "1.0"}
    elif (_minor(_asked(call)) or 0) >= 23:
        error["code"] = "placement.undefined_code"
    return {"errors": [error | {"request_id": call.request_id}]}


def _error(call: Call, status: int, detail: str) -> ApiError:
    return ApiError(Response(status, _errors(call, status, detail)))


@service.route("GET", "", is_open=True)
def list_versions(call: Call) -> Response:
    """The versions of the API."""
    version = {
        "id": "v1.0",
        "max_version": f"1.{HIGHEST_MINOR}",
        "min_version": "1.0",
        "status": "CURRENT",
        "links": [{"rel": "self", "href": ""}],
    }
    return Response(200, {"versions": [version]})


def _generation(site: Site) -> int:
    return 1 + site.region.counter


def _provider(call: Call, item: Provider) -> Json:
    minor, base = _minor(_asked(call)) or 0, f"/resource_providers/{item.uuid}"
    parts = ["inventories", "usages"]
    parts += ["aggregates"] if minor >= 1 else []
    parts += ["traits"] if minor >= 6 else []
    parts += ["allocations"] if minor >= 11 else []
    links = [{"rel": part, "href": f"{base}/{part}"} for part in parts]
    body = {
        "uuid": item.uuid,
        "name": item.name,
        "generation": _generation(call.site),
        "links": [{"rel": "self", "href": base}, *links],
    }
    return body | {"parent_provider_uuid": None, "root_provider_uuid": item.uuid} if minor >= 14 else body


def _wanted_resources(call: Call) -> dict[str, int]:
    wanted = {}
    known = _known_classes(call.site)
    for part in filter(None, call.query.get("resources", "").split(",")):
        name, _, amount = part.partition(":")
        if name not in known:
            raise _error(
                call,
                400,
                "The server could not comply with the request since it is either malformed or otherwise incorrect."
                f"\n\n Invalid resource class in resources parameter: No such resource class {name}.  ",
            )
        wanted[name] = int(amount) if amount.isdigit() else 1
    return wanted


def _known_classes(site: Site) -> list[str]:
    """The standard classes, those of hosts, and those of hosts whose total was set to zero by a command."""
    configured = site.config.region(site.region.id).hosts
    return list(dict.fromkeys([*_STANDARD_CLASSES, *(name for hosts in configured for name in hosts.inventory)]))


def _wanted_traits(call: Call) -> frozenset[str]:
    return frozenset(filter(None, call.query.get("required", "").split(",")))


@service.route("GET", "/resource_providers")
def list_providers(call: Call) -> Response:
    """The hosts, or those that have room for `resources` and have the `required` traits."""
    wanted, traits = _wanted_resources(call), _wanted_traits(call)
    chosen = call.site.hosts_for(wanted, traits) if wanted or traits else call.site.providers
    name, uuid = call.query.get("name"), call.query.get("uuid")
    return Response(
        200,
        {
            "resource_providers": [
                _provider(call, item) for item in chosen if name in (None, item.name) and uuid in (None, item.uuid)
            ]
        },
    )


def _find(call: Call) -> Provider:
    wanted = call.arguments["uuid"]
    for item in call.site.providers:
        if item.uuid == wanted:
            return item
    detail = f"No resource provider with uuid {wanted} found"
    raise _error(call, 404, f"The resource could not be found.\n\n {detail} : {detail}  ")


@service.route("GET", "/resource_providers/{uuid}")
def show_provider(call: Call) -> Response:
    """One host."""
    return Response(200, _provider(call, _find(call)))


def _inventory(item: Inventory) -> Json:
    return {
        "total": item.total,
        "reserved": item.reserved,
        "min_unit": 1,
        "max_unit": min(item.highest_unit or item.total, item.total),
        "step_size": 1,
        "allocation_ratio": item.allocation_ratio,
    }


@service.route("GET", "/resource_providers/{uuid}/inventories")
def list_inventories(call: Call) -> Response:
    """A host's inventory."""
    inventories = {name: _inventory(item) for name, item in _find(call).inventory.items()}
    return Response(200, {"resource_provider_generation": _generation(call.site), "inventories": inventories})


@service.route("GET", "/resource_providers/{uuid}/usages")
def list_provider_usages(call: Call) -> Response:
    """A host's usage."""
    usages = call.site.usage(_find(call))
    return Response(200, {"resource_provider_generation": _generation(call.site), "usages": usages})


@service.route("GET", "/resource_providers/{uuid}/traits")
def list_provider_traits(call: Call) -> Response:
    """A host's traits."""
    return Response(
        200, {"traits": sorted(_find(call).traits), "resource_provider_generation": _generation(call.site)}
    )


@service.route("GET", "/resource_providers/{uuid}/aggregates")
def list_provider_aggregates(call: Call) -> Response:
    """A host's aggregates: none."""
    _find(call)
    return Response(200, {"aggregates": [], "resource_provider_generation": _generation(call.site)})


@service.route("GET", "/resource_providers/{uuid}/allocations")
def list_provider_allocations(call: Call) -> Response:
    """The allocations on a host."""
    provider = _find(call)
    allocations = {
        server.id: {"resources": call.cloud.config.flavor(server.flavor).resources, "consumer_generation": 1}
        for server in call.region.servers.values()
        if server.provider == provider.uuid
    }
    return Response(200, {"allocations": allocations, "resource_provider_generation": _generation(call.site)})


def _summary(site: Site, item: Provider) -> Json:
    used = site.usage(item)
    return {
        "resources": {
            name: {"capacity": inventory.capacity, "used": used[name]}
            for name, inventory in item.inventory.items()
        },
        "traits": sorted(item.traits),
        "parent_provider_uuid": None,
        "root_provider_uuid": item.uuid,
    }


@service.route("GET", "/allocation_candidates")
def list_candidates(call: Call) -> Response:
    """The hosts where the resources would fit now. Available since microversion 1.10."""
    if (_minor(_asked(call)) or 0) < 10:
        return service.not_found(call)
    wanted = _wanted_resources(call)
    limit = int(call.query["limit"]) if call.query.get("limit", "").isdigit() else None
    chosen = call.site.hosts_for(wanted, _wanted_traits(call))[:limit] if wanted else []
    requests = [
        {"allocations": {item.uuid: {"resources": wanted}}, "mappings": {"": [item.uuid]}} for item in chosen
    ]
    return Response(
        200,
        {
            "allocation_requests": requests,
            "provider_summaries": {item.uuid: _summary(call.site, item) for item in chosen},
        },
    )


@service.route("GET", "/traits")
def list_traits(call: Call) -> Response:
    """All traits, or those with a given prefix."""
    known = sorted({trait for item in call.site.providers for trait in item.traits})
    operator, _, names = call.query.get("name", "").partition(":")
    if operator == "startswith":
        known = [trait for trait in known if trait.startswith(names)]
    elif operator == "in":
        known = [trait for trait in known if trait in names.split(",")]
    return Response(200, {"traits": known})


@service.route("GET", "/resource_classes")
def list_classes(call: Call) -> Response:
    """All resource classes."""
    return Response(
        200,
        {
            "resource_classes": [
                {"name": name, "links": [{"rel": "self", "href": f"/resource_classes/{name}"}]}
                for name in _known_classes(call.site)
            ]
        },
    )


@service.route("GET", "/usages")
def list_project_usages(call: Call) -> Response:
    """A project's usage on all hosts together."""
    project_id = call.query.get("project_id", "")
    totals: dict[str, int] = {}
    servers = [
        server for server in call.region.servers.values() if server.project_id == project_id and server.provider
    ]
    for server in servers:
        for name, amount in call.cloud.config.flavor(server.flavor).resources.items():
            totals[name] = totals.get(name, 0) + amount
    if (_minor(_asked(call)) or 0) < 38:
        return Response(200, {"usages": totals})
    return Response(200, {"usages": {"unknown": totals | {"consumer_count": len(servers)}} if servers else {}})
