"""`/_control`: what tests and developers do to the simulator that no customer of a cloud can do."""

import re
from collections.abc import Callable
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dev.simulators.faults import Fault
from dev.simulators.http import Json, Request, Response
from dev.simulators.openstack.app import Door
from dev.simulators.openstack.config import Quota
from dev.simulators.openstack.state import CloudState, Region, Token

PREFIX: Final = "/_control"


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Speed(_Command):
    """How fast lifecycles run."""

    speed: float = Field(gt=0, le=10_000)


class TokenSelection(_Command):
    """Some tokens: those of a user, of a project, of both, or all."""

    user: str | None = None
    project: str | None = None


class Revocation(TokenSelection):
    """Tokens to revoke, with or without the caches that services have of them."""

    everywhere: bool = True


class Capacity(_Command):
    """The total of a resource class in a region, dealt out over its hosts; None is the configured one."""

    region: str
    resource_class: str
    total: int | None = Field(ge=0)


class QuotaChange(_Command):
    """Limits of a project in a region; -1 is no limit."""

    region: str
    project: str
    quota: dict[str, int]


class ControlError(Exception):
    """A command that cannot be carried out."""


class Control:
    """Answers the control API."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._cloud = door.cloud
        self._routes: list[tuple[str, re.Pattern[str], Callable[[Request, str], Response]]] = [
            ("GET", re.compile("/state"), self._state),
            ("GET", re.compile("/health"), lambda request, argument: Response(200, {"status": "ok"})),
            ("POST", re.compile("/speed"), self._speed),
            ("POST", re.compile("/reset"), self._reset),
            ("POST", re.compile("/faults"), self._add_fault),
            ("GET", re.compile("/faults"), self._list_faults),
            ("DELETE", re.compile("/faults"), self._clear_faults),
            ("DELETE", re.compile("/faults/(.+)"), self._remove_fault),
            ("GET", re.compile("/requests"), self._requests),
            ("POST", re.compile("/tokens/expire"), self._expire),
            ("POST", re.compile("/tokens/revoke"), self._revoke),
            ("POST", re.compile("/capacity"), self._capacity),
            ("POST", re.compile("/quota"), self._quota),
        ]

    def answer(self, request: Request) -> Response:
        """Carry a command out."""
        path = request.path.removeprefix(PREFIX).rstrip("/")
        for method, pattern, handler in self._routes:
            if method == request.method and (found := pattern.fullmatch(path)):
                try:
                    with self._door.lock:
                        self._door.served += request.method != "GET"
                        self._cloud.advance()
                        return handler(request, found.group(1) if found.groups() else "")
                except (ValidationError, ControlError, ValueError) as error:
                    return Response(400, {"error": str(error)})
        return Response(404, {"error": f"no such command: {request.method} {request.path}"})

    def _state(self, request: Request, argument: str) -> Response:
        state = self._cloud.snapshot()
        regions = {region.id: self._region_state(region) for region in state.regions.values()}
        return Response(
            200, {"speed": state.speed, "lifecycle_seconds": state.lifecycle_seconds, "regions": regions}
        )

    def _region_state(self, region: Region) -> dict[str, Json]:
        return {
            project.name: {
                "stacks": [
                    {
                        "id": stack.id,
                        "name": stack.name,
                        "status": stack.full_status,
                        "reason": stack.reason,
                        "tags": stack.tags,
                        "resources": {
                            item.name: f"{item.action}_{item.status}" for item in stack.resources.values()
                        },
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
            for project in self._cloud.config.projects
        }

    def _speed(self, request: Request, argument: str) -> Response:
        self._cloud.set_speed(Speed.model_validate(request.json()).speed)
        return Response(200, {"speed": self._cloud.clock.speed})

    def _reset(self, request: Request, argument: str) -> Response:
        self._cloud.reset()
        self._door.requests.clear()
        return Response(204)

    def _add_fault(self, request: Request, argument: str) -> Response:
        fault = self._cloud.faults.add(Fault.model_validate(request.json()))
        return Response(201, fault.model_dump())

    def _list_faults(self, request: Request, argument: str) -> Response:
        return Response(200, {"faults": [fault.model_dump() for fault in self._cloud.faults.list()]})

    def _clear_faults(self, request: Request, argument: str) -> Response:
        self._cloud.faults.clear()
        return Response(204)

    def _remove_fault(self, request: Request, fault_id: str) -> Response:
        if not self._cloud.faults.remove(fault_id):
            return Response(404, {"error": f"no fault {fault_id}"})
        return Response(204)

    def _requests(self, request: Request, argument: str) -> Response:
        """The requests whose number is greater than `since`."""
        since = int(request.query.get("since", "0"))
        kept = [item for item in self._door.requests if item["number"] > since]
        return Response(200, {"requests": kept, "last": self._door.served})

    def _selected(self, selection: TokenSelection) -> list[Token]:
        config = self._cloud.config
        return [
            token
            for token in self._cloud.state.tokens.values()
            if selection.user in (None, config.user(token.user_id).name)
            and (
                selection.project is None
                or (token.project_id is not None and config.project(token.project_id).name == selection.project)
            )
        ]

    def _expire(self, request: Request, argument: str) -> Response:
        tokens = self._selected(TokenSelection.model_validate(request.json() if request.body else {}))
        for token in tokens:
            token.expires_at = self._cloud.clock.now()
        return Response(200, {"expired": len(tokens)})

    def _revoke(self, request: Request, argument: str) -> Response:
        wanted = Revocation.model_validate(request.json() if request.body else {})
        tokens = self._selected(wanted)
        for token in tokens:
            token.revoked = True
            if wanted.everywhere:
                token.cached_until.clear()
        return Response(200, {"revoked": len(tokens)})

    def _region(self, name: str) -> Region:
        state: CloudState = self._cloud.state
        if name not in state.regions:
            raise ControlError(f"unknown region {name!r}")
        return state.regions[name]

    def _capacity(self, request: Request, argument: str) -> Response:
        wanted = Capacity.model_validate(request.json())
        region = self._region(wanted.region)
        known = {name for hosts in self._cloud.config.region(region.id).hosts for name in hosts.inventory}
        if wanted.resource_class not in known:
            raise ControlError(f"no host of {wanted.region} has {wanted.resource_class}")
        if wanted.total is None:
            region.capacities.pop(wanted.resource_class, None)
        else:
            region.capacities[wanted.resource_class] = wanted.total
        return Response(200, {"capacities": region.capacities})

    def _quota(self, request: Request, argument: str) -> Response:
        wanted = QuotaChange.model_validate(request.json())
        unknown = wanted.quota.keys() - Quota.model_fields.keys()
        if unknown:
            raise ControlError(f"unknown quota {', '.join(sorted(unknown))}")
        project = next((item for item in self._cloud.config.projects if item.name == wanted.project), None)
        if project is None:
            raise ControlError(f"unknown project {wanted.project!r}")
        limits = self._region(wanted.region).quotas.setdefault(project.id, {})
        limits.update(wanted.quota)
        return Response(200, {"quota": limits})
