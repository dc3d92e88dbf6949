"""The base of all simulators: they serve, inject faults, log requests, and keep a state."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from dev.simulators import control
from dev.simulators.control import Control, Route
from dev.simulators.exchange import Refusal, exchange
from dev.simulators.faults import Fault, FaultBoard, FaultMatch, Occasion, RequestFault
from dev.simulators.http import Disconnect, Json, LoopbackServer, Request, Response
from dev.simulators.request_log import RequestLog
from dev.simulators.state_file import StateFile
from dev.simulators.webhooks import Outbox, WebhookFault


class Simulator(ABC):
    """A service on one loopback port. As a context manager it starts and stops itself."""

    beat_seconds: ClassVar[float] = 2.0
    """The interval between calls of `beat`."""

    def __init__(
        self, name: str, kinds: Collection[str], *, port: int = 0, state_path: Path | None = None
    ) -> None:
        """Prepare the simulator; `start` starts it.

        Args:
            name: its name in faults and threads.
            kinds: the kinds of fault that it knows.
            port: the port to listen on; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
        """
        self.name = name
        self.faults = FaultBoard(kinds)
        self.log = RequestLog()
        self.lock = threading.RLock()
        """Hold it while reading or changing the state."""
        self.stopping = threading.Event()
        self._file = StateFile(state_path)
        self._server = LoopbackServer(self._answer, port)
        self._heart = threading.Thread(target=self._beat_until_stopped, name=f"{name}-heart", daemon=True)
        self.base_url = self._server.base_url

    @abstractmethod
    def answer(self, request: Request) -> Response | Disconnect:
        """Answer a request to the service's own API."""

    @abstractmethod
    def snapshot(self) -> str:
        """The state that outlives the process, as JSON. The lock is held."""

    @abstractmethod
    def show(self) -> Json:
        """The state in the answer of the control command. The lock is held."""

    @abstractmethod
    def forget(self) -> None:
        """Return to the initial state. The lock is held."""

    @abstractmethod
    def routes(self) -> Iterable[Route]:
        """The control commands that only this simulator has."""

    @property
    def control_url(self) -> str:
        """The URL of the control commands."""
        return f"{self.base_url}{control.PREFIX}"

    @property
    def requests(self) -> list[dict[str, Json]]:
        """The logged requests, the last 2,000 at most."""
        with self.lock:
            return self.log.since(0)

    def start(self) -> str:
        """Serve from background threads; return the base URL."""
        self._server.start()
        self._heart.start()
        return self.base_url

    def stop(self) -> None:
        """Stop serving, end delayed answers, and save the state."""
        self.stopping.set()
        self._server.stop()
        if self._heart.is_alive():
            self._heart.join()
        self.save()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def inject(self, kind: str, match: FaultMatch | None = None, **options: int | float | None) -> Fault:
        """Inject a fault; `options` are the other fields of `Fault`."""
        return self.faults.add(Fault.model_validate({"kind": kind, "match": match or FaultMatch(), **options}))

    def reset(self) -> None:
        """Forget everything: the state, the faults, and the records of what happened."""
        with self.lock:
            self.forget()
            self.faults.clear()
            self.log.clear()
        self.save()

    def save(self) -> None:
        """Save the state, if there is a state file."""
        if self._file.path is not None:
            with self.lock:
                self._file.save(self.snapshot())

    def beat(self) -> None:
        """Called every `beat_seconds`."""
        self.save()

    def control_routes(self) -> Iterable[Route]:
        """All control commands."""
        return (*control.common_routes(self), *self.routes())

    def exchanged(
        self,
        request: Request,
        occasion: Occasion,
        serve: Callable[[], Response],
        refuse: Refusal,
        note: Callable[[], Mapping[str, Json]],
    ) -> Response | Disconnect:
        """Answer a request, subject to the injected faults, and log it.

        Args:
            request: the request.
            occasion: the request, as faults match it.
            serve: handles it, under the lock.
            refuse: makes the error answer that a fault asks for.
            note: returns further fields for the request log.
        """

        def alone() -> Response:
            with self.lock:
                return serve()

        answer, fault = exchange(self.faults, occasion, alone, refuse, self.stopping)
        with self.lock:
            self.log.add(request, answer, fault, note())
        return answer

    @cached_property
    def _control(self) -> Control:
        # Created at the first command: the routes use attributes that a subclass sets after calling `__init__`.
        return Control(self.lock, self.control_routes())

    def _answer(self, request: Request) -> Response | Disconnect:
        if request.path.startswith(f"{control.PREFIX}/"):
            return self._control.answer(request)
        return self.answer(request)

    def _beat_until_stopped(self) -> None:
        while not self.stopping.wait(self.beat_seconds):
            self.beat()


class PaymentSimulator(Simulator):
    """A payment service: one account, and webhooks about its changes."""

    def __init__(
        self,
        name: str,
        kinds: Collection[str] = (),
        *,
        port: int = 0,
        state_path: Path | None = None,
        webhook_url: str = "",
    ) -> None:
        """Prepare the simulator; `start` starts it.

        Args:
            name: its name in faults and threads.
            kinds: the kinds of fault that it knows, besides those of requests and webhooks.
            port: the port to listen on; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
            webhook_url: the URL that webhooks are sent to; without one, they are only stored.
        """
        super().__init__(name, {*RequestFault, *WebhookFault, *kinds}, port=port, state_path=state_path)
        self.outbox = Outbox(name, self.sign, self.faults, webhook_url)

    @abstractmethod
    def serve(self, request: Request) -> Response:
        """Handle a request. The lock is held."""

    @abstractmethod
    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """An injected error in the service's format."""

    @abstractmethod
    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that sign a webhook now."""

    def note(self, request: Request) -> Mapping[str, Json]:
        """Further fields for the request log."""
        return {"body": request.body.decode(errors="replace")}

    def answer(self, request: Request) -> Response | Disconnect:
        """Answer a request, subject to the injected faults."""
        occasion = Occasion(service=self.name, method=request.method, path=request.path)
        return self.exchanged(
            request, occasion, lambda: self.serve(request), self.refuse, lambda: self.note(request)
        )

    def start(self) -> str:
        """Serve and send webhooks from background threads; return the base URL."""
        self.outbox.start()
        return super().start()

    def stop(self) -> None:
        """Stop serving and sending, and save the state."""
        super().stop()
        self.outbox.stop()

    def reset(self) -> None:
        """Forget everything, including the webhooks."""
        super().reset()
        self.outbox.forget()

    def redeliver(self, webhook_id: str) -> bool:
        """Send a webhook like the vendor's panel does; False if there is none."""
        return self.outbox.deliver(webhook_id)

    def control_routes(self) -> Iterable[Route]:
        """All control commands."""
        return (*super().control_routes(), *control.webhook_routes(self))
