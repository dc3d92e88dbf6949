"""The life that all simulators share: they serve, fail as they are told, log what they are asked, keep a state."""

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
    """How often `beat` is called."""

    def __init__(
        self, name: str, kinds: Collection[str], *, port: int = 0, state_path: Path | None = None
    ) -> None:
        """Make it ready to start.

        Args:
            name: what it is called in faults and threads.
            kinds: the faults that it knows.
            port: where to listen; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
        """
        self.name = name
        self.faults = FaultBoard(kinds)
        self.log = RequestLog()
        self.lock = threading.RLock()
        """Held by whoever reads or changes the state."""
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
        """What outlives the process, as JSON. The lock is held."""

    @abstractmethod
    def show(self) -> Json:
        """What the control API shows of the state. The lock is held."""

    @abstractmethod
    def forget(self) -> None:
        """Be as new. The lock is held."""

    @abstractmethod
    def routes(self) -> Iterable[Route]:
        """The control API's commands that no other simulator takes."""

    @property
    def control_url(self) -> str:
        """The control API's address."""
        return f"{self.base_url}{control.PREFIX}"

    @property
    def requests(self) -> list[dict[str, Json]]:
        """What it was asked, up to the last 2,000."""
        with self.lock:
            return self.log.since(0)

    def start(self) -> str:
        """Serve from background threads; gives the base URL."""
        self._server.start()
        self._heart.start()
        return self.base_url

    def stop(self) -> None:
        """Stop serving, cut off answers that are being held back, and save the state."""
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
        """Put a fault on the board; `options` are the other fields of `Fault`."""
        return self.faults.add(Fault.model_validate({"kind": kind, "match": match or FaultMatch(), **options}))

    def reset(self) -> None:
        """Forget everything: the state, the faults, and the records of what happened."""
        with self.lock:
            self.forget()
            self.faults.clear()
            self.log.clear()
        self.save()

    def save(self) -> None:
        """Save the state, if it is to outlive the process."""
        if self._file.path is not None:
            with self.lock:
                self._file.save(self.snapshot())

    def beat(self) -> None:
        """What is done now and then."""
        self.save()

    def control_routes(self) -> Iterable[Route]:
        """Every command of the control API."""
        return (*control.common_routes(self), *self.routes())

    def exchanged(
        self,
        request: Request,
        occasion: Occasion,
        serve: Callable[[], Response],
        refuse: Refusal,
        note: Callable[[], Mapping[str, Json]],
    ) -> Response | Disconnect:
        """Answer a request, or fail to, as the injected faults will have it, and log it.

        Args:
            request: what came in.
            occasion: what it is to the faults.
            serve: does its work, under the lock.
            refuse: words an answer that a fault asks for.
            note: what the log keeps of it beside what it keeps of all.
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
        # Made at the first command: the routes name what a subclass makes after it has called `__init__`.
        return Control(self.lock, self.control_routes())

    def _answer(self, request: Request) -> Response | Disconnect:
        if request.path.startswith(f"{control.PREFIX}/"):
            return self._control.answer(request)
        return self.answer(request)

    def _beat_until_stopped(self) -> None:
        while not self.stopping.wait(self.beat_seconds):
            self.beat()


class PaymentSimulator(Simulator):
    """A payment service: one account, and webhooks that tell what happens in it."""

    def __init__(
        self,
        name: str,
        kinds: Collection[str] = (),
        *,
        port: int = 0,
        state_path: Path | None = None,
        webhook_url: str = "",
    ) -> None:
        """Make it ready to start.

        Args:
            name: what it is called in faults and threads.
            kinds: the faults that it knows beside those of requests and webhooks.
            port: where to listen; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
            webhook_url: where webhooks go; without one, they are only kept.
        """
        super().__init__(name, {*RequestFault, *WebhookFault, *kinds}, port=port, state_path=state_path)
        self.outbox = Outbox(name, self.sign, self.faults, webhook_url)

    @abstractmethod
    def serve(self, request: Request) -> Response:
        """Do what a request asks. The lock is held."""

    @abstractmethod
    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """Word an injected error."""

    @abstractmethod
    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that prove a webhook, made now."""

    def note(self, request: Request) -> Mapping[str, Json]:
        """What the log keeps of a request beside what it keeps of all."""
        return {"body": request.body.decode(errors="replace")}

    def answer(self, request: Request) -> Response | Disconnect:
        """Answer a request, or fail to, as the injected faults will have it."""
        occasion = Occasion(service=self.name, method=request.method, path=request.path)
        return self.exchanged(
            request, occasion, lambda: self.serve(request), self.refuse, lambda: self.note(request)
        )

    def start(self) -> str:
        """Serve and send from background threads; gives the base URL."""
        self.outbox.start()
        return super().start()

    def stop(self) -> None:
        """Stop serving and sending, and save the state."""
        super().stop()
        self.outbox.stop()

    def reset(self) -> None:
        """Forget everything, the webhooks too."""
        super().reset()
        self.outbox.forget()

    def redeliver(self, webhook_id: str) -> bool:
        """Send a webhook as the vendor's panel does; False if there is none."""
        return self.outbox.deliver(webhook_id)

    def control_routes(self) -> Iterable[Route]:
        """Every command of the control API."""
        return (*super().control_routes(), *control.webhook_routes(self))
