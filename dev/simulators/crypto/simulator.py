"""A simulated service of hosted crypto invoices: the vendor's HTTP, the chain behind it, faults and control."""

import secrets
import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from chalicelib.kernel.clock import Clock, SystemClock
from dev.simulators.crypto import control
from dev.simulators.crypto.book import Book, HostedInvoice, Mark, Transfer, TransferStatus, seconds
from dev.simulators.exchange import exchange
from dev.simulators.faults import Fault, FaultBoard, FaultMatch, Occasion, RequestFault
from dev.simulators.http import Disconnect, Json, LoopbackServer, Request, Response
from dev.simulators.webhooks import Outbox, Webhook, WebhookFault

TICK_SECONDS: Final = 1.0
REQUESTS_KEPT: Final = 2000


class Event(StrEnum):
    """What happens to an invoice."""

    CREATED = "created"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    COVERED = "covered"
    PAID = "paid"
    EXPIRED = "expired"
    MARKED = "marked"


class Vendor(Protocol):
    """One service's own HTTP."""

    name: str

    def answer(self, simulator: "CryptoSimulator", request: Request) -> Response:
        """Answer a request to the vendor's API."""
        ...

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """Word an injected error."""
        ...

    def announce(
        self, simulator: "CryptoSimulator", event: Event, invoice: HostedInvoice, transfer: Transfer | None
    ) -> None:
        """Post the webhooks that an event causes, if any."""
        ...

    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that prove a webhook."""
        ...

    def again(self, webhook: Webhook) -> Webhook:
        """What a redelivery asked for by people looks like; itself, where it looks the same."""
        ...


class CryptoSimulator:
    """One vendor on one loopback port. As a context manager it starts and stops itself."""

    def __init__(
        self,
        vendor: Vendor,
        *,
        port: int = 0,
        state_path: Path | None = None,
        webhook_url: str = "",
        clock: Clock | None = None,
    ) -> None:
        """Make it ready to start.

        Args:
            vendor: whose HTTP it speaks.
            port: where to listen; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
            webhook_url: where webhooks go; without one, they are only kept.
            clock: the time on which the chain runs, before what `advance` adds.
        """
        self.vendor = vendor
        self.faults = FaultBoard({*RequestFault, *WebhookFault})
        self.outbox = Outbox(vendor.name, vendor.sign, self.faults, webhook_url)
        self.lock = threading.RLock()
        self.requests: deque[dict[str, Json]] = deque(maxlen=REQUESTS_KEPT)
        self.served = 0
        self._clock = clock or SystemClock()
        self._state_path = state_path
        self._saved = ""
        self.book = self._load()
        self._stopping = threading.Event()
        self._server = LoopbackServer(self._answer, port)
        self._ticker = threading.Thread(target=self._tick_now_and_then, name="simulator-chain", daemon=True)
        self.base_url = self._server.base_url

    @property
    def control_url(self) -> str:
        """The control API's address."""
        return f"{self.base_url}{control.PREFIX}"

    def start(self) -> str:
        """Serve from background threads; gives the base URL."""
        self._server.start()
        self.outbox.start()
        self._ticker.start()
        return self.base_url

    def stop(self) -> None:
        """Stop serving and sending, and save the state."""
        self._stopping.set()
        self._server.stop()
        self.outbox.stop()
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
        """The chain's time."""
        return self._clock.now() + seconds(self.book.clock_offset_seconds)

    def advance(self, by_seconds: float) -> None:
        """Let time pass on the chain."""
        with self.lock:
            self.book.clock_offset_seconds += by_seconds
            self._tick()

    def open(self, invoice: HostedInvoice) -> None:
        """Add an invoice."""
        with self.lock:
            self.book.invoices[invoice.id] = invoice
            self._announce(Event.CREATED, invoice)

    def pay(
        self, invoice: HostedInvoice, amount: Decimal | None = None, *, confirm: bool = True, asset: str = ""
    ) -> Transfer:
        """Send tokens to an invoice: what is due by default, and confirmed by default."""
        with self.lock:
            due = invoice.asked - invoice.received()
            transfer = Transfer(
                tx_hash=f"0x{self.book.next_token('transfer')}",
                asset=asset or invoice.asset,
                network=invoice.network,
                amount=due if amount is None else amount,
                at=self.now(),
            )
            was_covered = invoice.is_covered
            invoice.transfers.append(transfer)
            self._announce(Event.SEEN, invoice, transfer)
            if invoice.is_covered and not was_covered:
                self._announce(Event.COVERED, invoice)
            if confirm:
                self.confirm(invoice)
            return transfer

    def confirm(self, invoice: HostedInvoice) -> None:
        """Give every transfer that is only seen its confirmations."""
        with self.lock:
            for transfer in invoice.transfers:
                if transfer.status is TransferStatus.SEEN:
                    was_paid = invoice.is_paid
                    transfer.status = TransferStatus.CONFIRMED
                    self._announce(Event.CONFIRMED, invoice, transfer)
                    if invoice.is_paid and not was_paid:
                        self._announce(Event.PAID, invoice)

    def drop(self, invoice: HostedInvoice) -> None:
        """Let every transfer that is only seen vanish from the chain."""
        with self.lock:
            for transfer in invoice.transfers:
                if transfer.status is TransferStatus.SEEN:
                    transfer.status = TransferStatus.DROPPED

    def expire(self, invoice: HostedInvoice) -> None:
        """End an invoice's time now."""
        with self.lock:
            invoice.expires_at = min(invoice.expires_at, self.now())
            self._tick()

    def mark(self, invoice: HostedInvoice, mark: Mark) -> None:
        """Let people decide about an invoice."""
        with self.lock:
            invoice.mark = mark
            self._announce(Event.MARKED, invoice)

    def reset(self) -> None:
        """Forget everything."""
        with self.lock:
            self.book = Book(seed=secrets.token_hex(8))
            self.faults.clear()
            self.outbox.history.clear()
            self.requests.clear()

    def redeliver(self, webhook_id: str) -> bool:
        """Send a webhook as the vendor's panel does; False if there is none."""
        found = next((item for item in self.outbox.history if item.id == webhook_id), None)
        if found is None:
            return False
        again = self.vendor.again(found)
        if again is not found:
            self.outbox.history.append(again)
        return self.outbox.deliver(again.id)

    def _announce(self, event: Event, invoice: HostedInvoice, transfer: Transfer | None = None) -> None:
        self.vendor.announce(self, event, invoice, transfer)

    def _tick(self) -> None:
        for invoice in self.book.invoices.values():
            if not invoice.expiry_told and invoice.expires_at <= self.now():
                invoice.expiry_told = True
                if not invoice.is_covered and invoice.mark is Mark.NONE:
                    self._announce(Event.EXPIRED, invoice)

    def _tick_now_and_then(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            with self.lock:
                self._tick()
            self._save()

    def _answer(self, request: Request) -> Response | Disconnect:
        if request.path.startswith(f"{control.PREFIX}/"):
            return control.answer(self, request)
        occasion = Occasion(service=self.vendor.name, method=request.method, path=request.path)
        answer, fault = exchange(
            self.faults, occasion, lambda: self._serve(request), self.vendor.refuse, self._stopping
        )
        self._log(request, answer, fault)
        return answer

    def _serve(self, request: Request) -> Response:
        with self.lock:
            self._tick()
            return self.vendor.answer(self, request)

    def _log(self, request: Request, answer: Response | Disconnect, fault: Fault | None) -> None:
        with self.lock:
            self.served += 1
            entry: dict[str, Any] = {
                "number": self.served,
                "method": request.method,
                "path": request.path,
                "query": request.query_string,
                "body": request.body.decode(errors="replace"),
                "status": answer.status if isinstance(answer, Response) else None,
                "fault": fault.kind if fault else None,
            }
            self.requests.append(entry)

    def _load(self) -> Book:
        if self._state_path is not None and self._state_path.exists():
            return Book.model_validate_json(self._state_path.read_text())
        return Book(seed=secrets.token_hex(8))

    def _save(self) -> None:
        if self._state_path is None:
            return
        with self.lock:
            text = self.book.model_dump_json()
        if text != self._saved:
            beside = self._state_path.with_suffix(".new")
            beside.write_text(text)
            beside.replace(self._state_path)
            self._saved = text
