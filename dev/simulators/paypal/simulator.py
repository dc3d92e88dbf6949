"""The simulated PayPal as one object: for tests in their process, for developers in its own."""

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
        """Make it ready to start.

        Args:
            port: where to listen; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
            webhook_url: where webhooks go; without one, they are only kept.
            clock: PayPal's time, before what `advance` adds.
        """
        super().__init__("paypal", port=port, state_path=state_path, webhook_url=webhook_url)
        self._clock = clock or SystemClock()
        self.signer = Signer(self.base_url, self.now)
        self._open(self._file.load(Account) or Account())

    def routes(self) -> Iterable[Route]:
        """What payers, PayPal's people and the account's owner do."""
        return (*clock_routes(self), *control.routes(self))

    def serve(self, request: Request) -> Response:
        """Do what a request asks: of the API, of the payer's page, or of the certificate's address."""
        if request.path.startswith(CERTIFICATES):
            found = request.path == self.signer.certificate_path
            headers = {"Content-Type": "application/x-x509-ca-cert"}
            return Response(200, self.signer.certificate, headers) if found else Response(404, "")
        if request.path == page.PREFIX or request.path.startswith(f"{page.PREFIX}/"):
            return page.answer(self.bank, request)
        return self._api.answer(request)

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """What PayPal's own gateway answers: the account was not asked."""
        return refused(status, [], headers)

    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that prove a webhook."""
        return self.signer.headers(body)

    def note(self, request: Request) -> Mapping[str, Json]:
        """The body and the request's id; the token request's body and every Authorization header stay out."""
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
