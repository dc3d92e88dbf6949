"""Routes requests to the simulated services, and checks their tokens."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dev.simulators.faults import Occasion
from dev.simulators.http import Json, Request, Response
from dev.simulators.openstack import cinder, glance, heat, keystone, neutron, nova, placement
from dev.simulators.openstack.api import ApiError, Call, Route, Service
from dev.simulators.openstack.cloud import Cloud
from dev.simulators.openstack.site import request_id
from dev.simulators.openstack.stack_faults import TokenFault
from dev.simulators.openstack.state import Token
from dev.simulators.openstack.views import long_instant

_SERVICES: Final[dict[str, Service]] = {
    "orchestration": heat.service,
    "compute": nova.service,
    "image": glance.service,
    "network": neutron.service,
    "volume": cinder.service,
    "placement": placement.service,
}
_REGIONAL: Final = re.compile(r"/regions/(?P<region>[^/]+)/(?P<service>[^/]+)(?P<path>/.*)?")
_TITLES: Final = {
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class RoutedRequest:
    """A request, and the service that it is for."""

    service: Service
    call: Call

    @property
    def occasion(self) -> Occasion:
        """The request, as faults match it."""
        return Occasion(
            region=self.call.region_or_none.id if self.call.region_or_none else "",
            service=self.service.name,
            method=self.call.request.method,
            path=self.call.request.path,
            name=_stack_name(self.call.request, self.service),
        )

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """An error answer as a proxy in front of the services makes it."""
        title = _TITLES.get(status, "Error")
        body = f"<html><body><h1>{status} {title}</h1>\n{title}\n</body></html>\n"
        return Response(status, body, {"x-openstack-request-id": self.call.request_id, **headers})


class Router:
    """Answers every request to the simulated cloud. Not thread-safe: hold the lock."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def locate(self, request: Request) -> RoutedRequest | None:
        """The service for a request; None if there is none."""
        base = self.cloud.base_url
        if request.path == "/identity" or request.path.startswith("/identity/"):
            path = request.path.removeprefix("/identity")
            call = Call(self.cloud, request, f"{base}/identity", path.rstrip("/"), request_id())
            return RoutedRequest(keystone.service, call)
        found = _REGIONAL.fullmatch(request.path)
        if found is None:
            return None
        region = self.cloud.state.regions.get(found["region"])
        service = _SERVICES.get(found["service"])
        if region is None or service is None:
            return None
        url = f"{base}/regions/{region.id}/{found['service']}"
        path = (found["path"] or "").rstrip("/")
        return RoutedRequest(service, Call(self.cloud, request, url, path, request_id(), region))

    def serve(self, routed: RoutedRequest) -> Response:
        """Handle a request."""
        self.cloud.advance()
        self._strike_token(routed.call, routed.occasion)
        try:
            response = self._handle(routed.service, routed.call)
        except ApiError as error:
            response = error.response
        except json.JSONDecodeError:
            response = Response(400, {"badRequest": {"code": 400, "message": "Malformed request body"}})
        routed.service.add_headers(routed.call, response)
        return response

    def note(self, routed: RoutedRequest) -> dict[str, Json]:
        """Fields for the request log, besides those that all requests have."""
        return {
            "time": f"{long_instant(self.cloud.clock.now(), microseconds=True)}Z",
            "region": routed.occasion.region,
            "service": routed.occasion.service,
        }

    def _strike_token(self, call: Call, occasion: Occasion) -> None:
        token = self.cloud.state.tokens.get(call.request.headers.get("x-auth-token", ""))
        if token is None:
            return
        if self.cloud.faults.take(occasion, {TokenFault.EXPIRED}):
            token.expires_at = self.cloud.clock.now()
        if self.cloud.faults.take(occasion, {TokenFault.REVOKED}):
            token.revoked = True
            token.cached_until.clear()

    def _handle(self, service: Service, call: Call) -> Response:
        found = service.find(call.request.method, call.path)
        if found and found[0].is_open:
            return found[0].handler(_with(call, found[1], None))
        token = self._token(service, call)
        if token is None:
            return service.unauthorized(call)
        return self._admitted(service, _with(call, found[1] if found else {}, token), found[0] if found else None)

    def _admitted(self, service: Service, call: Call, route: Route | None) -> Response:
        service.admit(call)
        return route.handler(call) if route else service.not_found(call)

    def _token(self, service: Service, call: Call) -> Token | None:
        token_id = call.request.headers.get("x-auth-token", "")
        if service is keystone.service:
            return keystone.valid_token(self.cloud, token_id)
        name = f"{call.region.id}/{service.name}"
        return keystone.token_for_service(self.cloud, name, token_id)


def _with(call: Call, arguments: dict[str, str], token: Token | None) -> Call:
    return Call(
        call.cloud,
        call.request,
        call.service_url,
        call.path,
        call.request_id,
        call.region_or_none,
        token,
        arguments,
    )


def _stack_name(request: Request, service: Service) -> str:
    """The name of the stack in a request to Heat."""
    if service is not heat.service:
        return ""
    parts = request.path.split("/stacks/", 1)
    if len(parts) == 2:
        return parts[1].split("/", 1)[0]
    if request.method != "POST":
        return request.query.get("name", "")
    try:
        body = request.json()
    except ValueError:
        return ""
    return str(body.get("stack_name", "")) if isinstance(body, dict) else ""
