"""The simulated PayPal as one object: for tests in their process, for developers in its own."""

import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from chalicelib.kernel.clock import Clock, SystemClock, later
from dev.simulators.exchange import exchange
from dev.simulators.faults import Fault, FaultBoard, FaultMatch, Occasion, RequestFault
from dev.simulators.http import Disconnect, Json, LoopbackServer, Request, Response
from dev.simulators.paypal import control, page
from dev.simulators.paypal.account import Account
from dev.simulators.paypal.api import Api
from dev.simulators.paypal.bank import Bank
from dev.simulators.paypal.signing import CERTIFICATES, Signer
from dev.simulators.paypal.wire import refused
from dev.simulators.webhooks import Outbox, WebhookFault

SAVE_INTERVAL_SECONDS: Final = 2.0
REQUESTS_KEPT: Final = 2000


class PayPalSimulator:
    """One business account on one loopback port. As a context manager it starts and stops itself."""

    def __init__(
        self,
        *,
        port: int = 0,
        state_path: Path | None = None,
        webhook_url: str = "",
        clock: Clock | None = None,
    ) -> None:
        """Make it ready to start.

        Args:
            port: where to listen; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
            webhook_url: where webhooks go; without one, they are only kept.
            clock: PayPal's time, before what `advance` adds.
        """
        self.lock = threading.RLock()
        self.faults = FaultBoard({*RequestFault, *WebhookFault})
        self.requests: deque[dict[str, Json]] = deque(maxlen=REQUESTS_KEPT)
        self.served = 0
        self._clock = clock or SystemClock()
        self._state_path = state_path
        self._saved = ""
        self._stopping = threading.Event()
        self._server = LoopbackServer(self._answer, port)
        self.base_url = self._server.base_url
        self.signer = Signer(self.base_url, self.now)
        self.outbox = Outbox("paypal", self.signer.headers, self.faults, webhook_url)
        self._open(self._load())
        self._saver = threading.Thread(target=self._save_now_and_then, name="paypal-state", daemon=True)

    @property
    def control_url(self) -> str:
        """The control API's address."""
        return f"{self.base_url}{control.PREFIX}"

    def start(self) -> str:
        """Serve from background threads; gives the base URL."""
        self._server.start()
        self.outbox.start()
        if self._state_path:
            self._saver.start()
        return self.base_url

    def stop(self) -> None:
        """Stop serving and sending, and save the state."""
        self._stopping.set()
        self._server.stop()
        self.outbox.stop()
        if self._saver.is_alive():
            self._saver.join()
        self._save()

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

    def now(self) -> datetime:
        """PayPal's time."""
        return later(self._clock.now(), self.bank.account.clock_offset_seconds)

    def advance(self, by_seconds: float) -> None:
        """Let time pass."""
        with self.lock:
            self.bank.account.clock_offset_seconds += by_seconds

    def reset(self) -> None:
        """Empty the account, the faults and the records of requests and webhooks."""
        with self.lock:
            self._open(Account())
            self.faults.clear()
            self.requests.clear()
            self.outbox.history.clear()

    def _open(self, account: Account) -> None:
        self.bank = Bank(account, self.base_url, self.now, self.outbox.post)
        self._api = Api(self.bank)

    def _answer(self, request: Request) -> Response | Disconnect:
        if request.path.startswith(f"{control.PREFIX}/"):
            return control.answer(self, request)
        occasion = Occasion(service="paypal", method=request.method, path=request.path)
        answer, fault = exchange(self.faults, occasion, lambda: self._serve(request), _injected, self._stopping)
        self._log(request, answer, fault)
        return answer

    def _serve(self, request: Request) -> Response:
        with self.lock:
            if request.path.startswith(CERTIFICATES):
                found = request.path == self.signer.certificate_path
                headers = {"Content-Type": "application/x-x509-ca-cert"}
                return Response(200, self.signer.certificate, headers) if found else Response(404, "")
            if request.path == page.PREFIX or request.path.startswith(f"{page.PREFIX}/"):
                return page.answer(self.bank, request)
            return self._api.answer(request)

    def _log(self, request: Request, answer: Response | Disconnect, fault: Fault | None) -> None:
        with self.lock:
            self.served += 1
            # The token request's body and every Authorization header stay out of the log.
            is_secret = request.path == "/v1/oauth2/token"
            self.requests.append(
                {
                    "number": self.served,
                    "method": request.method,
                    "path": request.path,
                    "query": request.query_string,
                    "request_id": request.headers.get("paypal-request-id", ""),
                    "body": "" if is_secret else request.body.decode(errors="replace"),
                    "status": answer.status if isinstance(answer, Response) else None,
                    "fault": fault.kind if fault else None,
                }
            )

    def _load(self) -> Account:
        if self._state_path is not None and self._state_path.exists():
            return Account.model_validate_json(self._state_path.read_text())
        return Account()

    def _save_now_and_then(self) -> None:
        while not self._stopping.wait(SAVE_INTERVAL_SECONDS):
            self._save()

    def _save(self) -> None:
        if self._state_path is None:
            return
        with self.lock:
            text = self.bank.account.model_dump_json()
        if text != self._saved:
            beside = self._state_path.with_suffix(".new")
            beside.write_text(text)
            beside.replace(self._state_path)
            self._saved = text


def _injected(status: int, headers: Mapping[str, str]) -> Response:
    """What PayPal's own gateway answers: the account was not asked."""
    return refused(status, [], headers)
