"""The bank desk: staff import statements and decide about transfers that match no top-up.

A transfer has the same id whether the bank's interface, a webhook or a statement reports it, and it is booked
under that id: it is credited once (G01). A transfer that matches no top-up waits in the queue under the same id.
Staff either assign it to a top-up, which credits it in the same transaction that takes it out of the queue, or
note that it was sent back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from chalicelib.domain.money.bank.matching import StatementReport, match, sort_lines
from chalicelib.domain.money.bank.models import (
    Matched,
    Received,
    StatementRefused,
    Transfer,
    Unmatched,
    UnmatchedTransfer,
)
from chalicelib.domain.money.bank.ports import (
    NEW_TRANSFER,
    TRANSFER_UNCHANGED,
    Bank,
    UnmatchedTransferRecords,
)
from chalicelib.domain.money.bank.statements import read_statement
from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.domain.money.top_ups.models import GatewayError, PaymentState, TopUp, TopUpStatus
from chalicelib.domain.money.top_ups.ports import TopUpRecords
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, InvalidInput, NotFound
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor

GATEWAY = "bank"


class BankDesk:
    """Books statements, keeps the queue of unmatched transfers, and carries out the decisions of staff."""

    def __init__(
        self,
        transfers: UnmatchedTransferRecords,
        bank: Callable[[], Bank],
        top_ups: TopUpRecords,
        settlement: Settlement,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._transfers = transfers
        self._bank = bank
        self._top_ups = top_ups
        self._settlement = settlement
        self._transactor = transactor
        self._clock = clock

    def import_statement(self, raw: bytes) -> StatementReport:
        """Book every line that pays a top-up, and queue every other credit. Transfers that are known already are
        skipped.

        Each line is booked in a transaction of its own: after an error, import the same statement again to book
        the rest.

        Raises:
            InvalidInput: the file cannot be read; nothing was booked.
            PaymentProviderError: the bank does not answer.
        """
        try:
            statement = read_statement(raw)
        except StatementRefused as refused:
            raise InvalidInput.of("content", str(refused)) from refused
        report = _without_credited(sort_lines(statement, self._lookup, self.has, self._bank().accounts))
        for accepted in report.accepted:
            self._credit(accepted.matched)
        for queued in report.unmatched:
            self._queue(queued.unmatched)
        return report

    def look(self, provider_id: str) -> int:
        """Credit or queue the transfers of a notice that names no top-up; return how many transfers it names.

        Raises:
            GatewayError: the bank does not answer; the bank sends the notice again.
        """
        found = self._bank().transfers(provider_id)
        for transfer in found:
            if not self.has(transfer.id):
                self._take(transfer)
        return len(found)

    def has(self, transfer_id: str) -> bool:
        """Whether a transfer is, or ever was, in the queue."""
        return self._transfers.transfer(transfer_id) is not None

    def waiting(self, page: PageRequest) -> Page[UnmatchedTransfer]:
        """The transfers that wait for a decision, oldest first."""
        return self._transfers.waiting(page)

    def assign(self, transfer_id: str, top_up_id: str, *, user_id: str, note: str) -> UnmatchedTransfer:
        """Credit a transfer to the customer of a top-up.

        Raises:
            NotFound: there is no such transfer, or no such top-up by bank transfer.
            Conflict: the transfer was decided before, or the currencies differ.
            PaymentProviderError: the bank does not answer.
        """
        before = self._found(transfer_id)
        top_up = self._top_ups.top_up_of_reference(top_up_id)
        if top_up is None or top_up.gateway != GATEWAY:
            raise NotFound("There is no such top-up by bank transfer.")
        with _deciding():
            after = before.assigned(top_up, user_id, self._clock.now(), note)
            state = self._state_with(top_up, before.transfer)
            self._settlement.book(top_up, state, also=self._transfers.replace_transfer(before, after))
        return after

    def note_return(self, transfer_id: str, *, user_id: str, note: str) -> UnmatchedTransfer:
        """Take a transfer out of the queue, because staff have sent it back at the bank.

        Raises:
            NotFound: there is no such transfer.
            Conflict: the transfer was decided before.
        """
        before = self._found(transfer_id)
        with _deciding():
            after = before.returned(user_id, self._clock.now(), note)
            self._transactor.commit(self._transfers.replace_transfer(before, after))
        return after

    def _found(self, transfer_id: str) -> UnmatchedTransfer:
        found = self._transfers.transfer(transfer_id)
        if found is None:
            raise NotFound("There is no such transfer in the queue.")
        return found

    def _lookup(self, reference: str) -> TopUp | None:
        return self._top_ups.top_up_of_provider(GATEWAY, reference)

    def _take(self, transfer: Transfer) -> None:
        found = match(transfer, self._lookup)
        if isinstance(found, Matched):
            self._credit(found)
        else:
            self._queue(found)

    def _credit(self, matched: Matched) -> None:
        self._settlement.book(matched.top_up, self._state_with(matched.top_up, matched.transfer))

    def _queue(self, unmatched: Unmatched) -> None:
        waiting = UnmatchedTransfer.of(unmatched, self._clock.now())
        try:
            self._transactor.commit(self._transfers.insert_transfer(waiting))
        except ConditionFailed as failed:
            if failed.asserts != {NEW_TRANSFER}:
                raise  # the transfer was queued before, and stays as it is

    def _state_with(self, top_up: TopUp, transfer: Transfer) -> PaymentState:
        """The bank's state of `top_up`, with `transfer` added if the bank's interface does not list it there."""
        try:
            state = self._bank().fetch(top_up.provider_id or "")
        except GatewayError as error:
            raise PaymentProviderError from error
        payment = transfer.payment()
        if any(known.id == payment.id for known in state.payments):
            return state
        return replace(
            state,
            payments=(*state.payments, payment),
            status=TopUpStatus.SETTLED,
            payers=state.payers | transfer.payers,
        )


@contextmanager
def _deciding() -> Iterator[None]:
    """Turn a second decision about the same transfer into `Conflict`."""
    try:
        yield
    except ValueError as error:
        raise Conflict(str(error)) from error
    except ConditionFailed as failed:
        if TRANSFER_UNCHANGED not in failed.asserts:
            raise
        raise Conflict("Somebody else has decided about this transfer just now.") from failed


def _without_credited(report: StatementReport) -> StatementReport:
    """The report with transfers that their top-up was credited with before moved from `accepted` to `known`."""
    new = tuple(one for one in report.accepted if one.matched.transfer.id not in one.matched.top_up.booked)
    old = [Received(one.line_number, one.matched.transfer) for one in report.accepted if one not in new]
    return replace(report, accepted=new, known=tuple(sorted([*report.known, *old], key=_line_number)))


def _line_number(line: Received) -> int:
    return line.line_number
