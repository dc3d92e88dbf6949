"""A simulated service of hosted crypto invoices: the vendor's HTTP API, the chain, faults and control commands."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from chalicelib.kernel.clock import Clock, SystemClock
from dev.simulators.control import Route, clock_routes, dumped
from dev.simulators.crypto import control
from dev.simulators.crypto.book import Book, HostedInvoice, Mark, Transfer, TransferStatus, seconds
from dev.simulators.http import Json, Request, Response
from dev.simulators.simulator import PaymentSimulator
from dev.simulators.webhooks import Webhook


class Event(StrEnum):
    """A change of an invoice."""

    CREATED = "created"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    COVERED = "covered"
    PAID = "paid"
    EXPIRED = "expired"
    MARKED = "marked"


class Vendor(Protocol):
    """The HTTP API of one vendor."""

    name: str

    def answer(self, simulator: "CryptoSimulator", request: Request) -> Response:
        """Answer a request to the vendor's API."""
        ...

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """An injected error in the vendor's format."""
        ...

    def announce(
        self, simulator: "CryptoSimulator", event: Event, invoice: HostedInvoice, transfer: Transfer | None
    ) -> None:
        """Post the webhooks for an event, if there are any."""
        ...

    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that sign a webhook."""
        ...

    def again(self, webhook: Webhook) -> Webhook:
        """The webhook as the vendor's panel redelivers it; unchanged if there is no difference."""
        ...


class CryptoSimulator(PaymentSimulator):
    """One vendor on one loopback port. As a context manager it starts and stops itself."""

    beat_seconds = 1.0

    def __init__(
        self,
        vendor: Vendor,
        *,
        port: int = 0,
        state_path: Path | None = None,
        webhook_url: str = "",
        clock: Clock | None = None,
    ) -> None:
        """Prepare the simulator; `start` starts it.

        Args:
            vendor: the vendor whose HTTP API is simulated.
            port: the port to listen on; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
            webhook_url: the URL that webhooks are sent to; without one, they are only stored.
            clock: the chain's time, to which `advance` adds.
        """
        self.vendor = vendor
        super().__init__(vendor.name, port=port, state_path=state_path, webhook_url=webhook_url)
        self._clock = clock or SystemClock()
        self.book = self._file.load(Book) or _new_book()

    def routes(self) -> Iterable[Route]:
        """The commands of payers, the chain and the vendor's staff."""
        return (*clock_routes(self), *control.routes(self))

    def serve(self, request: Request) -> Response:
        """Answer a request to the vendor's API, after updating the invoices to the current time."""
        self._tick()
        return self.vendor.answer(self, request)

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """An injected error in the vendor's format."""
        return self.vendor.refuse(status, headers)

    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that sign a webhook."""
        return self.vendor.sign(body)

    def snapshot(self) -> str:
        """The book as JSON."""
        return self.book.model_dump_json()

    def show(self) -> Json:
        """The book, and the chain's time."""
        return {"now": self.now().isoformat(), **dumped(self.book)}

    def forget(self) -> None:
        """Start with an empty book."""
        self.book = _new_book()

    def beat(self) -> None:
        """Let invoices expire, and save the state."""
        with self.lock:
            self._tick()
        super().beat()

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
        """Send tokens to an invoice; by default the amount due, and confirmed."""
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
        """Confirm all unconfirmed transfers."""
        with self.lock:
            for transfer in invoice.transfers:
                if transfer.status is TransferStatus.SEEN:
                    was_paid = invoice.is_paid
                    transfer.status = TransferStatus.CONFIRMED
                    self._announce(Event.CONFIRMED, invoice, transfer)
                    if invoice.is_paid and not was_paid:
                        self._announce(Event.PAID, invoice)

    def drop(self, invoice: HostedInvoice) -> None:
        """Drop all unconfirmed transfers from the chain."""
        with self.lock:
            for transfer in invoice.transfers:
                if transfer.status is TransferStatus.SEEN:
                    transfer.status = TransferStatus.DROPPED

    def expire(self, invoice: HostedInvoice) -> None:
        """Let the invoice expire now."""
        with self.lock:
            invoice.expires_at = min(invoice.expires_at, self.now())
            self._tick()

    def mark(self, invoice: HostedInvoice, mark: Mark) -> None:
        """Record a decision of staff about an invoice."""
        with self.lock:
            invoice.mark = mark
            self._announce(Event.MARKED, invoice)

    def redeliver(self, webhook_id: str) -> bool:
        """Send a webhook like the vendor's panel does; False if there is none."""
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


def _new_book() -> Book:
    return Book(seed=secrets.token_hex(8))
