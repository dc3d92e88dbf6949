"""The simulated bank as one object: tests run it in their process, developers as a separate one."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from chalicelib.kernel.clock import Clock, SystemClock, epoch_seconds, isoformat
from dev.simulators.bank import api, control
from dev.simulators.bank.site import ACCOUNTS, sign
from dev.simulators.bank.state import BankState, Order, ReturnState, TransferState
from dev.simulators.bank.statements import as_camt053, as_csv, with_broken_amount
from dev.simulators.control import Route
from dev.simulators.faults import Occasion
from dev.simulators.http import Json, Request, Response
from dev.simulators.simulator import PaymentSimulator
from dev.simulators.webhooks import Webhook


class PayerFault(StrEnum):
    """A mistake of a payer or of an intermediate bank. `match.name` is searched in the transfer's text."""

    PARTIAL = "partial_payment"
    """Only half of the amount arrives."""
    OVER = "over_payment"
    """A tenth more than the amount arrives."""
    LATE = "late_payment"
    """The transfer is credited `delay_seconds` after now, by the bank's clock."""
    WRONG_REFERENCE = "wrong_reference"
    """One character of the text is mistyped."""


class StatementFault(StrEnum):
    """A mistake in a statement. It takes effect when a statement is made."""

    DUPLICATE_LINES = "duplicate_lines"
    """Every transfer is in it twice."""
    BROKEN_LINE = "broken_line"
    """The first transfer's amount cannot be read."""


class BankSimulator(PaymentSimulator):
    """One bank on one loopback port. As a context manager it starts and stops itself."""

    def __init__(
        self,
        *,
        port: int = 0,
        state_path: Path | None = None,
        webhook_url: str = "",
        clock: Clock | None = None,
        page_size: int = 100,
    ) -> None:
        """Prepare the simulator; `start` starts it.

        Args:
            port: the port to listen on; 0 takes a free port.
            state_path: the file in which the state outlives the process; by default none.
            webhook_url: the URL that webhooks are sent to; without one, they are only stored.
            clock: the bank's time.
            page_size: the most transfers on one page of a list.
        """
        kinds = {*PayerFault, *StatementFault}
        super().__init__("bank", kinds, port=port, state_path=state_path, webhook_url=webhook_url)
        self.page_size = page_size
        self.clock = clock or SystemClock()
        self.state = self._file.load(BankState) or BankState()

    def routes(self) -> Iterable[Route]:
        """The commands of payers and the bank's staff."""
        return control.routes(self)

    def serve(self, request: Request) -> Response:
        """Answer a request to the bank's API."""
        return api.answer(self, request)

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        """An injected error in the bank's format."""
        return api.refuse(status, headers)

    def sign(self, body: bytes) -> Mapping[str, str]:
        """The headers that sign a webhook."""
        return sign(body, epoch_seconds(self.clock.now()))

    def snapshot(self) -> str:
        """The transfers."""
        return self.state.model_dump_json()

    def show(self) -> Json:
        """All transfers."""
        return {"transfers": [api.shown(transfer) for transfer in self.state.transfers.values()]}

    def forget(self) -> None:
        """Forget all transfers."""
        self.state = BankState()

    def pay(self, order: Order) -> TransferState:
        """Send money to our account in the order's currency; the transfer is booked or pending."""
        with self.lock:
            self.state.last_number += 1
            number = self.state.last_number
            now = self.clock.now()
            transfer = TransferState(
                id=f"tr_{number:08d}",
                account=ACCOUNTS[order.currency],
                amount=order.amount,
                currency=order.currency,
                text=order.text,
                payer_name=order.payer_name,
                payer_account=order.payer_account,
                end_to_end_id=order.end_to_end_id,
                bank_reference=f"BR{number:012d}" if order.has_bank_reference else "",
                status="pending",
                arrived_at=now,
            )
            delay_seconds = self._apply_faults(transfer)
            self.state.transfers[transfer.id] = transfer
            if order.is_booked:
                self._credit(transfer, delay_seconds)
            else:
                self._announce("transfer.pending", transfer)
            self.save()
            return transfer

    def book(self, transfer_id: str) -> None:
        """Credit a pending transfer.

        Raises:
            KeyError: there is no such transfer.
        """
        with self.lock:
            transfer = self.state.transfers[transfer_id]
            if transfer.status == "pending":
                self._credit(transfer)
                self.save()

    def give_back(self, transfer_id: str, amount: Decimal, key: str) -> ReturnState:
        """Send part of a booked transfer back; once for each key.

        Raises:
            KeyError: there is no such transfer.
            ValueError: less than that is left, or the transfer is not booked.
        """
        with self.lock:
            transfer = self.state.transfers[transfer_id]
            made = next((part for part in transfer.returns if part.key == key), None)
            if made is not None:
                return made
            if transfer.credited_at is None or not 0 < amount <= transfer.left:
                raise ValueError("not that much is left of this transfer")
            made = ReturnState(
                id=f"ret_{transfer_id}_{len(transfer.returns) + 1}",
                key=key,
                amount=amount,
                made_at=self.clock.now(),
            )
            transfer.returns.append(made)
            transfer.status = "returned" if transfer.left == 0 else "booked"
            self._announce("transfer.returned", transfer)
            self.save()
            return made

    def statement(self, form: str, *, as_batches: bool = False) -> str:
        """A statement of all transfers, in one of the `control.FORMS`."""
        with self.lock:
            transfers = list(self.state.transfers.values())
            occasion = Occasion(service="statement", name=form)
            if self.faults.take(occasion, {StatementFault.DUPLICATE_LINES}):
                transfers = [transfer for transfer in transfers for _ in range(2)]
            if form == "csv":
                text = as_csv(transfers)
            else:
                version = form.removeprefix("camt.053.001.")
                text = as_camt053(transfers, version, self.clock.now(), as_batches=as_batches)
            if transfers and self.faults.take(occasion, {StatementFault.BROKEN_LINE}):
                text = with_broken_amount(text, transfers[0])
            return text

    def _apply_faults(self, transfer: TransferState) -> float:
        """Apply the payer's faults to the transfer; return its delay in seconds."""
        occasion = Occasion(service="payer", name=transfer.text)
        cent = Decimal("0.01")
        delay_seconds = 0.0
        for kind in PayerFault:
            fault = self.faults.take(occasion, {kind})
            if fault is None:
                continue
            match kind:
                case PayerFault.PARTIAL:
                    transfer.amount = max(cent, (transfer.amount / 2).quantize(cent))
                case PayerFault.OVER:
                    transfer.amount = (transfer.amount * Decimal("1.1")).quantize(cent)
                case PayerFault.WRONG_REFERENCE:
                    transfer.text = _mistyped(transfer.text)
                case PayerFault.LATE:
                    delay_seconds = fault.delay_seconds
        return delay_seconds

    def _credit(self, transfer: TransferState, delay_seconds: float = 0.0) -> None:
        transfer.status = "booked"
        transfer.credited_at = self.clock.now() + timedelta(seconds=delay_seconds)
        self._announce("transfer.credited", transfer)

    def _announce(self, kind: str, transfer: TransferState) -> None:
        self.state.last_event_number += 1
        event_id = f"evt_{self.state.last_event_number:08d}"
        body = {
            "id": event_id,
            "type": kind,
            "created_at": isoformat(self.clock.now()),
            "transfer": {
                "id": transfer.id,
                "currency": transfer.currency,
                "text": transfer.text,
                "end_to_end_id": transfer.end_to_end_id,
            },
        }
        self.outbox.post(Webhook(event_id, kind, json.dumps(body)))


def _mistyped(text: str) -> str:
    """The text with its last consonant replaced by the next."""
    letters = "BCDFGHJKLMNPQRSTVWXZ"
    place = max((text.upper().rfind(letter) for letter in letters), default=-1)
    if place < 0:
        return f"{text}?"
    other = letters[(letters.index(text[place].upper()) + 1) % len(letters)]
    return f"{text[:place]}{other}{text[place + 1 :]}"
