"""The simulator's front door: which service answers a request, and which faults strike on its way."""

import json
import re
import threading
from collections import deque
from typing import Final

from dev.simulators.faults import Fault, Occasion, RequestFault
from dev.simulators.http import Disconnect, Json, Request, Response
from dev.simulators.openstack import cinder, glance, heat, keystone, neutron, nova, placement
from dev.simulators.openstack.api import ApiError, Call, Route, Service
from dev.simulators.openstack.cloud import Cloud
from dev.simulators.openstack.site import request_id
from dev.simulators.openstack.stack_faults import TokenFault
from dev.simulators.openstack.state import Token
from dev.simulators.openstack.views import long_instant

REQUESTS_KEPT: Final = 2000
_SERVICES: Final[dict[str, Service]] = {
    "orchestration": heat.service,
    "compute": nova.service,
    "image": glance.service,
    "network": neutron.service,
    "volume": cinder.service,
    "placement": placement.service,
}
_REGIONAL: Final = re.compile(r"/regions/(?P<region>[^/]+)/(?P<service>[^/]+)(?P<path>/.*)?")


class Door:
    """Answers every request to the simulated cloud, one at a time."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.requests: deque[dict[str, Json]] = deque(maxlen=REQUESTS_KEPT)
        self.served = 0

    def answer(self, request: Request) -> Response | Disconnect:
        """Answer a request, or fail to, as the injected faults will have it."""
        found = self._locate(request)
        if found is None:
            return Response(404, {"error": {"code": 404, "message": "no such service", "title": "Not Found"}})
        service, call = found
        occasion = Occasion(
            region=call.region_or_none.id if call.region_or_none else "",
            service=service.name,
            method=request.method,
            path=request.path,
            name=_stack_name(request, service),
        )
        fault = self.cloud.faults.take(occasion, frozenset(RequestFault))
        answer = self._answer_with(fault, service, call, occasion)
        self._log(request, occasion, answer, fault)
        return answer

    def _locate(self, request: Request) -> tuple[Service, Call] | None:
        """The service that a request is for."""
        base = self.cloud.base_url
        if request.path == "/identity" or request.path.startswith("/identity/"):
            path = request.path.removeprefix("/identity")
            return keystone.service, Call(self.cloud, request, f"{base}/identity", path.rstrip("/"), request_id())
        found = _REGIONAL.fullmatch(request.path)
        if found is None:
            return None
        region = self.cloud.state.regions.get(found["region"])
        service = _SERVICES.get(found["service"])
        if region is None or service is None:
            return None
        url = f"{base}/regions/{region.id}/{found['service']}"
        return service, Call(self.cloud, request, url, (found["path"] or "").rstrip("/"), request_id(), region)

    def _answer_with(
        self, fault: Fault | None, service: Service, call: Call, occasion: Occasion
    ) -> Response | Disconnect:
        if fault is None:
            return self._serve(service, call, occasion)
        kind = RequestFault(fault.kind)
        if kind is RequestFault.CONNECTION_RESET:
            return Disconnect(reset=True)
        if kind is RequestFault.ERROR_BEFORE_EFFECT:
            return _injected(fault.status, call)
        if kind is RequestFault.RATE_LIMIT:
            return _injected(429, call, {"Retry-After": str(fault.retry_after_seconds)})
        if kind is RequestFault.SLOW:
            self.stopping.wait(fault.delay_seconds)
            return self._serve(service, call, occasion)
        self._serve(service, call, occasion)
        if kind is RequestFault.ERROR_AFTER_EFFECT:
            return _injected(fault.status, call)
        if kind is RequestFault.TIMEOUT_AFTER_EFFECT:
            self.stopping.wait(fault.delay_seconds)
        return Disconnect()

    def _serve(self, service: Service, call: Call, occasion: Occasion) -> Response:
        with self.lock:
            self.cloud.advance()
            self._strike_token(call, occasion)
            try:
                response = self._handle(service, call)
            except ApiError as error:
                response = error.response
            except json.JSONDecodeError:
                response = Response(400, {"badRequest": {"code": 400, "message": "Malformed request body"}})
            service.dress(call, response)
            return response

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

    def _log(
        self, request: Request, occasion: Occasion, answer: Response | Disconnect, fault: Fault | None
    ) -> None:
        with self.lock:
            self.served += 1
            self.requests.append(
                {
                    "number": self.served,
                    "time": f"{long_instant(self.cloud.clock.now(), microseconds=True)}Z",
                    "region": occasion.region,
                    "service": occasion.service,
                    "method": request.method,
                    "path": request.path,
                    "query": request.query_string,
                    "status": answer.status if isinstance(answer, Response) else None,
                    "fault": fault.kind if fault else None,
                }
            )


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
    """The stack that a request to Heat is about."""
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


def _injected(status: int, call: Call, headers: dict[str, str] | None = None) -> Response:
    """What a proxy in front of the services answers: the services themselves were not asked."""
    titles = {
        429: "Too Many Requests",
        500: "Internal Server Error",
        502: "Bad Gateway",
        503: "Service Unavailable",
    }
    title = titles.get(status, "Error")
    body = f"<html><body><h1>{status} {title}</h1>\n{title}\n</body></html>\n"
    return Response(status, body, {"x-openstack-request-id": call.request_id} | (headers or {}))
