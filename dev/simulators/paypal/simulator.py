"""The simulated PayPal as one object: tests run it in their process, developers as a separate one."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from chalicelib.kernel.clock import Clock, SystemClock, later
from dev.simulators.control import Route, clock_routes
from dev.simulators.http import Json, Request, Response
from dev.simulators.paypal import control, page
from dev.simulators.paypal.account import Account
from dev.simulators.paypal.api import Api
from dev.simulators.paypal.bank import Bank
from dev.simulators.paypal.signing import CERTIFICATES, Signer
from dev.simulators.paypal.wire import refused
from dev.simulators.simulator import PaymentSimulator


class PayPalSimulator(PaymentSimulator):
    """One business account on one loopback port. As a context manager it starts and stops itself."""

    def __init__(
        self,
        *,
        port: int = 0,
        state_path: Path | None = None,
        webhook_url: str = "",
        clock: Clock | None = None,
    ) -> None:
        """Prepare the simulator; `start` starts it.

        Args:
            port: the port to listen on; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
            webhook_url: the URL that webhooks are sent to; without one, they are only stored.
            clock: PayPal's time, to which `advance` adds.
        """
        super().__init__("paypal", port=port, state_path=state_path, webhook_url=webhook_url)
        self._clock = clock or SystemClock()
        self.signer = Signer(self.base_url, self.now)
        self._open(self._file.load(Account) or Account())

    def routes(self) -> Iterable[Route]:
        """The commands of payers, PayPal's staff and the account's owner."""
        return (*clock_routes(self), *control.routes(self))

    def serve(self, request: Request) -> Response:
        """Answer a request to the API, to the payer's page, or for the certificate."""
        if request.path.startswith(CERTIFICATES):
            found = request.path == self.signer.certificate_path
            headers = {"Content-Type": "application/x-x509-ca-cert"}
            return Response(200, self.signer.certificate, headers) if found else Response(404, "")
        if request.path == page.PREFIX or request.path.startswith(f"{page.PREFIX}/"):
            return page.answer(self.bank, request)
        return self._api.answer(request)

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """An error answer as PayPal's own gateway makes it, in front of the account."""
        return refused(status, [], headers)

    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that sign a webhook."""
        return self.signer.headers(body)

    def note(self, request: Request) -> Mapping[str, Json]:
        """The body and the request id; token requests' bodies and Authorization headers are left out."""
        noted = {**super().note(request), "request_id": request.headers.get("paypal-request-id", "")}
        return noted | {"body": ""} if request.path == "/v1/oauth2/token" else noted

    def snapshot(self) -> str:
        """The account."""
        return self.bank.account.model_dump_json()

    def show(self) -> Json:
        """The account without its tokens, and PayPal's time."""
        shown = self.bank.account.model_dump(mode="json", exclude={"tokens"})
        return {"now": self.now().isoformat(), **shown}

    def forget(self) -> None:
        """Empty the account."""
        self._open(Account())

    def now(self) -> datetime:
        """PayPal's time."""
        return later(self._clock.now(), self.bank.account.clock_offset_seconds)

    def advance(self, by_seconds: float) -> None:
        """Let time pass."""
        with self.lock:
            self.bank.account.clock_offset_seconds += by_seconds

    def _open(self, account: Account) -> None:
        self.bank = Bank(account, self.base_url, self.now, self.outbox.post)
        self._api = Api(self.bank)
