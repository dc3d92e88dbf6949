"""`/_control`: commands of tests and developers to a simulator, which the real service does not have.

| request | every simulator |
|---|---|
| `GET /_control/health` | answers if the simulator runs |
| `GET /_control/state` | shows the state |
| `POST /_control/reset` | forgets everything: the state, the faults, the requests and the webhooks |
| `GET, POST, DELETE /_control/faults`, `DELETE /_control/faults/{id}` | lists, injects, clears, removes |
| `GET /_control/requests?since=N` | the requests after number N, the last 2,000 at most |

| request | simulators that send webhooks |
|---|---|
| `GET /_control/webhooks` | their URL, the webhooks, and the answer to each attempt |
| `PUT /_control/webhooks/url` | sets their URL: `{"url": "…"}`; empty: none |
| `POST /_control/webhooks/{id}/deliver` | sends one again: `{"times": 100, "forged": false, "as_is": false}` |
| `POST /_control/webhooks/flush` | sends those that a fault holds back |
| `POST /_control/webhooks/deliver` | sends those, and those that were never tried |

| request | simulators with a clock of their own |
|---|---|
| `POST /_control/clock` | lets time pass: `{"advance_seconds": 3600}` |

A command for an object that does not exist is answered with 404, one that cannot be carried out with 400, and one
that the service itself refuses in the service's format: `{"error": …}`.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from dev.simulators.faults import Fault, FaultBoard
from dev.simulators.http import Json, Refused, Request, Response
from dev.simulators.request_log import RequestLog
from dev.simulators.webhooks import Outbox, Webhook

PREFIX: Final = "/_control"

Handler = Callable[[Request, str], Json]
"""Carries out a command; the second argument is the path segment at `{}`.

The result is answered with 200, None with 204 and no body; a `Response` is sent as it is.
"""


class Body(BaseModel):
    """The body of a command; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Advance(Body):
    """Let time pass."""

    advance_seconds: float = Field(ge=0, le=10 * 365 * 86_400)


class WebhookUrl(Body):
    """The new URL of webhooks; empty for none."""

    url: str


class Delivery(Body):
    """How to send a webhook by hand: like the vendor's panel, byte for byte, or with a forged signature."""

    times: int = Field(default=1, ge=1, le=1000)
    forged: bool = False
    as_is: bool = False


class Route(NamedTuple):
    """One command; `{}` in its path matches a name without a slash."""

    method: str
    path: str
    handler: Handler


class Control:
    """Answers the control commands of one simulator."""

    def __init__(self, lock: AbstractContextManager[object], routes: Iterable[Route]) -> None:
        """`lock` is held while a command is carried out; the first matching route is used."""
        self._lock = lock
        self._routes = [
            (route.method, re.compile(route.path.replace("{}", "([^/]+)")), route.handler) for route in routes
        ]

    def answer(self, request: Request) -> Response:
        """Carry out a command."""
        path = request.path.removeprefix(PREFIX).rstrip("/")
        for method, pattern, handler in self._routes:
            if method == request.method and (found := pattern.fullmatch(path)):
                return self._carried_out(handler, request, found[1] if found.groups() else "")
        return Response(404, {"error": f"no such command: {request.method} {request.path}"})

    def _carried_out(self, handler: Handler, request: Request, item: str) -> Response:
        try:
            with self._lock:
                answer = handler(request, item)
        except Refused as refused:
            return refused.response
        except LookupError as error:
            return Response(404, {"error": str(error)})
        except ValueError as error:
            return Response(400, {"error": str(error)})
        if isinstance(answer, Response):
            return answer
        return Response(204) if answer is None else Response(200, answer)


BodyT = TypeVar("BodyT", bound=Body)
ThingT = TypeVar("ThingT", bound=BaseModel)


def read(kind: type[BodyT], request: Request) -> BodyT:
    """A command's body; without one, the defaults.

    Raises:
        ValueError: the body is not valid.
    """
    return kind.model_validate(request.json() if request.body else {})


def dumped(thing: BaseModel) -> Json:
    """All fields of `thing`."""
    return thing.model_dump(mode="json")


def change(find: Callable[[str], ThingT], act: Callable[[ThingT, Request], object]) -> Handler:
    """A command that changes the object named in its path, and shows the result."""

    def handle(request: Request, name: str) -> Json:
        thing = find(name)
        act(thing, request)
        return dumped(thing)

    return handle


class Commanded(Protocol):
    """The parts of every simulator that commands use."""

    faults: FaultBoard
    log: RequestLog

    def reset(self) -> None:
        """Forget everything."""
        ...

    def show(self) -> Json:
        """The state."""
        ...


def common_routes(simulator: Commanded) -> tuple[Route, ...]:
    """The commands of every simulator."""

    def add(request: Request, item: str) -> Json:
        return Response(201, simulator.faults.add(Fault.model_validate(request.json())).model_dump())

    def remove(request: Request, fault_id: str) -> Json:
        if not simulator.faults.remove(fault_id):
            raise LookupError(f"no fault {fault_id}")

    def requests(request: Request, item: str) -> Json:
        since = int(request.query.get("since", "0"))
        return {"requests": simulator.log.since(since), "last": simulator.log.last}

    return (
        Route("GET", "/health", lambda request, item: {"status": "ok"}),
        Route("GET", "/state", lambda request, item: simulator.show()),
        Route("POST", "/reset", lambda request, item: simulator.reset()),
        Route(
            "GET",
            "/faults",
            lambda request, item: {"faults": [each.model_dump() for each in simulator.faults.list()]},
        ),
        Route("POST", "/faults", add),
        Route("DELETE", "/faults", lambda request, item: simulator.faults.clear()),
        Route("DELETE", "/faults/{}", remove),
        Route("GET", "/requests", requests),
    )


class Posting(Protocol):
    """A simulator that sends webhooks."""

    outbox: Outbox

    def redeliver(self, webhook_id: str) -> bool:
        """Send a webhook like the vendor's panel does; False if there is none."""
        ...


def webhook_routes(simulator: Posting) -> tuple[Route, ...]:
    """The commands about webhooks."""
    outbox = simulator.outbox

    def shown(webhook: Webhook) -> Json:
        return {**webhook.summary(), "body": webhook.body, "headers": outbox.headers_for(webhook)}

    def set_url(request: Request, item: str) -> Json:
        outbox.url = read(WebhookUrl, request).url
        return {"url": outbox.url}

    def deliver(request: Request, webhook_id: str) -> Json:
        wanted = read(Delivery, request)
        if wanted.as_is or wanted.forged or wanted.times > 1:
            is_found = outbox.deliver(webhook_id, times=wanted.times, forged=wanted.forged)
        else:
            is_found = simulator.redeliver(webhook_id)
        if not is_found:
            raise LookupError(f"no webhook {webhook_id}")
        return Response(202, {"id": webhook_id, "times": wanted.times})

    return (
        Route(
            "GET",
            "/webhooks",
            lambda request, item: {"url": outbox.url, "webhooks": list(map(shown, outbox.history))},
        ),
        Route("PUT", "/webhooks/url", set_url),
        Route("POST", "/webhooks/flush", lambda request, item: Response(202, {"sent": outbox.flush()})),
        Route(
            "POST", "/webhooks/deliver", lambda request, item: Response(202, {"sent": outbox.deliver_untried()})
        ),
        Route("POST", "/webhooks/{}/deliver", deliver),
    )


class Clocked(Protocol):
    """A simulator with a clock that can be advanced."""

    def now(self) -> datetime:
        """The simulator's time."""
        ...

    def advance(self, by_seconds: float) -> None:
        """Let time pass."""
        ...


def clock_routes(simulator: Clocked) -> tuple[Route, ...]:
    """The command about the clock."""

    def advance(request: Request, item: str) -> Json:
        simulator.advance(read(Advance, request).advance_seconds)
        return {"now": simulator.now().isoformat()}

    return (Route("POST", "/clock", advance),)
