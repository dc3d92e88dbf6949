"""Parts that all services' handlers share: calls, routes, errors."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from dev.simulators.http import Json, Request, Response
from dev.simulators.openstack.cloud import Cloud
from dev.simulators.openstack.site import Site
from dev.simulators.openstack.state import Region, Token


class ApiError(Exception):
    """An error answer, in its service's format."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.body}")
        self.response = response


@dataclass(frozen=True)
class Call:
    """One request to one service."""

    cloud: Cloud
    request: Request
    service_url: str
    path: str
    request_id: str
    region_or_none: Region | None = None
    token_or_none: Token | None = None
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def region(self) -> Region:
        """The region of the call; only for regional services."""
        if self.region_or_none is None:
            raise LookupError("this service has no regions")
        return self.region_or_none

    @property
    def token(self) -> Token:
        """The caller's token; only on routes that require one."""
        if self.token_or_none is None:
            raise LookupError("this route asks for no token")
        return self.token_or_none

    @property
    def project_id(self) -> str:
        """The project of the token."""
        return self.token.project_id or ""

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return self.request.query

    @property
    def site(self) -> Site:
        """The region as the caller sees it now."""
        return self.cloud.site(self.region, self.project_id, self.token.user_id)


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Route:
    """One method and path of a service."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    is_open: bool


class Service:
    """One service: its routes, and its error formats."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.routes: list[Route] = []

    def route(self, method: str, path: str, *, is_open: bool = False) -> Callable[[Handler], Handler]:
        """Register a handler for `/some/{name}`; an open route requires no token."""
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + r"/?")

        def register(handler: Handler) -> Handler:
            self.routes.append(Route(method, pattern, handler, is_open))
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The most literal route for a request, and the arguments in its path."""
        wanted = {method, "GET"} if method == "HEAD" else {method}
        matches = [
            (route, found.groupdict())
            for route in self.routes
            if route.method in wanted and (found := route.pattern.fullmatch(path))
        ]
        return min(matches, key=lambda match: len(match[1]), default=None)

    def unauthorized(self, call: Call) -> Response:
        """The answer to a missing, unknown, expired or revoked token."""
        message = "The request you have made requires authentication."
        return Response(
            401,
            {"error": {"code": 401, "title": "Unauthorized", "message": message}},
            {"WWW-Authenticate": f'Keystone uri="{call.cloud.base_url}/identity/v3"'},
        )

    def not_found(self, call: Call) -> Response:
        """The answer to an unknown path."""
        return webob_error(404, "Not Found", "The resource could not be found.")

    def admit(self, call: Call) -> None:
        """Check a call that has a valid token; raises ApiError if it is refused."""

    def add_headers(self, call: Call, response: Response) -> None:
        """Add the headers that all of the service's answers have."""
        response.headers.setdefault("x-openstack-request-id", call.request_id)


def webob_error(status: int, title: str, message: str) -> Response:
    """An error in webob's format, which several services use."""
    return Response(
        status, {"message": f"{message}<br /><br />\n\n\n", "code": f"{status} {title}", "title": title}
    )


def json_body(call: Call) -> Json:
    """The request's body as JSON; None if it has none.

    Raises:
        ValueError: the body is not JSON.
    """
    return call.request.json() if call.request.body else None


def page(
    items: list[dict[str, Json]], marker: str | None, limit: int | None, key: str = "id"
) -> list[dict[str, Json]]:
    """At most `limit` items after a marker. With an unknown marker the list starts from the beginning."""
    if marker:
        positions = [index for index, item in enumerate(items) if item[key] == marker]
        items = items[positions[0] + 1 :] if positions else items
    return items if limit is None else items[:limit]
