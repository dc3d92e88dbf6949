"""Control commands of the simulated cloud, which no cloud user has; the README lists them."""

from collections.abc import Iterable

from pydantic import Field

from dev.simulators.control import Body, Route, read
from dev.simulators.http import Json, Request
from dev.simulators.openstack.cloud import Cloud
from dev.simulators.openstack.config import Quota
from dev.simulators.openstack.state import Region, Token


class Speed(Body):
    """The speed of lifecycles."""

    speed: float = Field(gt=0, le=10_000)


class TokenSelection(Body):
    """Some tokens: those of a user, of a project, of both, or all."""

    user: str | None = None
    project: str | None = None


class Revocation(TokenSelection):
    """Tokens to revoke; optionally also drop them from the services' caches."""

    everywhere: bool = True


class Capacity(Body):
    """The total of a resource class in a region, distributed over its hosts; None restores the configured
    total.
    """

    region: str
    resource_class: str
    total: int | None = Field(ge=0)


class QuotaChange(Body):
    """Limits of a project in a region; -1 is no limit."""

    region: str
    project: str
    quota: dict[str, int]


def routes(cloud: Cloud) -> Iterable[Route]:
    """The commands about the cloud."""

    def set_speed(request: Request, item: str) -> Json:
        cloud.set_speed(read(Speed, request).speed)
        return {"speed": cloud.clock.speed}

    return (
        Route("POST", "/speed", set_speed),
        Route("POST", "/tokens/expire", lambda request, item: _expire(cloud, read(TokenSelection, request))),
        Route("POST", "/tokens/revoke", lambda request, item: _revoke(cloud, read(Revocation, request))),
        Route("POST", "/capacity", lambda request, item: _set_capacity(cloud, read(Capacity, request))),
        Route("POST", "/quota", lambda request, item: _set_quota(cloud, read(QuotaChange, request))),
    )


def shown(cloud: Cloud) -> Json:
    """The cloud as the control API shows it."""
    state = cloud.snapshot()
    return {
        "speed": state.speed,
        "lifecycle_seconds": state.lifecycle_seconds,
        "regions": {region.id: _shown_region(cloud, region) for region in state.regions.values()},
    }


def _shown_region(cloud: Cloud, region: Region) -> dict[str, Json]:
    return {
        project.name: {
            "stacks": [
                {
                    "id": stack.id,
                    "name": stack.name,
                    "status": stack.full_status,
                    "reason": stack.reason,
                    "tags": stack.tags,
                    "resources": {item.name: f"{item.action}_{item.status}" for item in stack.resources.values()},
                }
                for stack in region.stacks.values()
                if stack.project_id == project.id
            ],
            "servers": [
                {"id": item.id, "name": item.name, "status": item.status, "flavor": item.flavor}
                for item in region.servers.values()
                if item.project_id == project.id
            ],
            "ports": [
                {"id": item.id, "name": item.name, "status": item.status, "device_id": item.device_id}
                for item in region.ports.values()
                if item.project_id == project.id
            ],
            "volumes": [
                {"id": item.id, "name": item.name, "status": item.status, "size_gb": item.size_gb}
                for item in region.volumes.values()
                if item.project_id == project.id
            ],
            "floating_ips": [
                {"id": item.id, "address": item.address, "port_id": item.port_id}
                for item in region.floating_ips.values()
                if item.project_id == project.id
            ],
        }
        for project in cloud.config.projects
    }


def _selected(cloud: Cloud, selection: TokenSelection) -> list[Token]:
    config = cloud.config
    return [
        token
        for token in cloud.state.tokens.values()
        if selection.user in (None, config.user(token.user_id).name)
        and (
            selection.project is None
            or (token.project_id is not None and config.project(token.project_id).name == selection.project)
        )
    ]


def _expire(cloud: Cloud, selection: TokenSelection) -> Json:
    tokens = _selected(cloud, selection)
    for token in tokens:
        token.expires_at = cloud.clock.now()
    return {"expired": len(tokens)}


def _revoke(cloud: Cloud, wanted: Revocation) -> Json:
    tokens = _selected(cloud, wanted)
    for token in tokens:
        token.revoked = True
        if wanted.everywhere:
            token.cached_until.clear()
    return {"revoked": len(tokens)}


def _region(cloud: Cloud, name: str) -> Region:
    if name not in cloud.state.regions:
        raise ValueError(f"unknown region {name!r}")
    return cloud.state.regions[name]


def _set_capacity(cloud: Cloud, wanted: Capacity) -> Json:
    region = _region(cloud, wanted.region)
    known = {name for hosts in cloud.config.region(region.id).hosts for name in hosts.inventory}
    if wanted.resource_class not in known:
        raise ValueError(f"no host of {wanted.region} has {wanted.resource_class}")
    if wanted.total is None:
        region.capacities.pop(wanted.resource_class, None)
    else:
        region.capacities[wanted.resource_class] = wanted.total
    return {"capacities": region.capacities}


def _set_quota(cloud: Cloud, wanted: QuotaChange) -> Json:
    unknown = wanted.quota.keys() - Quota.model_fields.keys()
    if unknown:
        raise ValueError(f"unknown quota {', '.join(sorted(unknown))}")
    project = next((item for item in cloud.config.projects if item.name == wanted.project), None)
    if project is None:
        raise ValueError(f"unknown project {wanted.project!r}")
    limits = _region(cloud, wanted.region).quotas.setdefault(project.id, {})
    limits.update(wanted.quota)
    return {"quota": limits}
