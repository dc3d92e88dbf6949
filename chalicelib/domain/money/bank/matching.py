"""Finds the top-up that a bank transfer pays; staff handle a transfer for which there is none."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from chalicelib.domain.money.bank.references import holds_attempt, normalized
from chalicelib.domain.money.bank.transfers import (
    Invalid,
    Line,
    PassedOver,
    Received,
    Statement,
    Transfer,
    shown,
)
from chalicelib.domain.money.top_ups.models import Flag, TopUp

Lookup = Callable[[str], TopUp | None]
"""Finds the top-up of a reference; None if there is none."""


class Reason(StrEnum):
    """Why a transfer matches no top-up."""

    NO_REFERENCE = "no_reference"
    MISTYPED_REFERENCE = "mistyped_reference"
    """The text contains something like a reference, but its check digits are wrong."""
    UNKNOWN_REFERENCE = "unknown_reference"
    SEVERAL_REFERENCES = "several_references"
    BATCH = "batch"
    """One booking with the money of several payers, which the bank did not separate."""
    OTHER_CURRENCY = "other_currency"
    """The reference belongs to a top-up in another currency."""


@dataclass(frozen=True)
class Matched:
    """A transfer that pays a top-up. The amount that arrived is credited, be it less or more than was asked."""

    transfer: Transfer
    top_up: TopUp
    flags: frozenset[Flag]


@dataclass(frozen=True)
class Unmatched:
    """A transfer for staff to handle. `top_up` is the one that it might be for."""

    transfer: Transfer
    reason: Reason
    top_up: TopUp | None = None


def match(transfer: Transfer, lookup: Lookup) -> Matched | Unmatched:
    """Find the top-up by the reference in the transfer's text; the currencies must agree."""
    references = transfer.references
    if transfer.is_batch:
        return Unmatched(transfer, Reason.BATCH)
    if not references:
        is_attempt = holds_attempt(transfer.text)
        return Unmatched(transfer, Reason.MISTYPED_REFERENCE if is_attempt else Reason.NO_REFERENCE)
    if len(references) > 1:
        return Unmatched(transfer, Reason.SEVERAL_REFERENCES)
    top_up = lookup(references[0])
    if top_up is None:
        return Unmatched(transfer, Reason.UNKNOWN_REFERENCE)
    if top_up.amount.currency != transfer.amount.currency:
        return Unmatched(transfer, Reason.OTHER_CURRENCY, top_up)
    return Matched(transfer, top_up, flags_of(transfer, top_up))


def flags_of(transfer: Transfer, top_up: TopUp) -> frozenset[Flag]:
    """What is unusual about `transfer` for `top_up`: less or more than asked, or after the deadline."""
    found = {
        Flag.UNDERPAID: transfer.amount.micros < top_up.amount.micros,
        Flag.OVERPAID: transfer.amount.micros > top_up.amount.micros,
        Flag.LATE: transfer.booked_on > top_up.deadline_at.date(),
    }
    return frozenset(flag for flag, holds in found.items() if holds)


@dataclass(frozen=True)
class Accepted:
    """A line whose transfer is to be credited."""

    line_number: int
    matched: Matched


@dataclass(frozen=True)
class Queued:
    """A line whose transfer goes to the staff's queue."""

    line_number: int
    unmatched: Unmatched


@dataclass(frozen=True)
class StatementReport:
    """What to do with each line of a statement. Every line is in exactly one of these tuples."""

    accepted: tuple[Accepted, ...] = ()
    unmatched: tuple[Queued, ...] = ()
    known: tuple[Received, ...] = ()
    """Lines whose transfer was recorded before, or appears earlier in the same statement."""
    passed_over: tuple[PassedOver, ...] = ()
    invalid: tuple[Invalid, ...] = ()

    @property
    def line_count(self) -> int:
        """The number of lines in the statement."""
        parts = (self.accepted, self.unmatched, self.known, self.passed_over, self.invalid)
        return sum(len(part) for part in parts)


def sort_lines(
    statement: Statement, lookup: Lookup, is_known: Callable[[str], bool], accounts: Container[str]
) -> StatementReport:
    """Decide what to do with every line of a statement. Nothing is changed, so a report can be shown first.

    Args:
        statement: the statement that was read.
        lookup: finds the top-up of a reference.
        is_known: whether the transfer of this id was credited or queued before.
        accounts: our accounts, as `references.normalized` writes them. Lines of other accounts are invalid.
    """
    sorter = _Sorter(lookup, is_known, accounts)
    for line in statement.lines:
        sorter.add(line)
    return sorter.report()


class _Sorter:
    def __init__(self, lookup: Lookup, is_known: Callable[[str], bool], accounts: Container[str]) -> None:
        self._lookup = lookup
        self._is_known = is_known
        self._accounts = accounts
        self._seen: set[str] = set()
        self._accepted: list[Accepted] = []
        self._unmatched: list[Queued] = []
        self._known: list[Received] = []
        self._passed_over: list[PassedOver] = []
        self._invalid: list[Invalid] = []

    def add(self, line: Line) -> None:
        match line:
            case Invalid():
                self._invalid.append(line)
            case PassedOver():
                self._passed_over.append(line)
            case Received(number, transfer) if normalized(transfer.account) not in self._accounts:
                self._invalid.append(Invalid(number, f"The account {shown(transfer.account)} is not ours."))
            case Received():
                self._add_ours(line)

    def _add_ours(self, line: Received) -> None:
        key = line.transfer.id
        if key in self._seen or self._is_known(key):
            self._known.append(line)
            return
        self._seen.add(key)
        found = match(line.transfer, self._lookup)
        if isinstance(found, Matched):
            self._accepted.append(Accepted(line.line_number, found))
        else:
            self._unmatched.append(Queued(line.line_number, found))

    def report(self) -> StatementReport:
        return StatementReport(
            tuple(self._accepted),
            tuple(self._unmatched),
            tuple(self._known),
            tuple(self._passed_over),
            tuple(self._invalid),
        )


class TransferState(StrEnum):
    """The state of a transfer in the staff's queue."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    """Assigned to a top-up, and credited under the transfer's id."""
    RETURNED = "returned"
    """Sent back to its payer."""


@dataclass(frozen=True)
class UnmatchedTransfer:
    """A transfer that matched no top-up, and the decision of staff about it. It has the transfer's id."""

    transfer: Transfer
    reason: Reason
    found_at: datetime
    state: TransferState = TransferState.WAITING
    suggested_top_up_id: str | None = None
    """The top-up that the transfer might be for."""
    top_up_id: str | None = None
    """The top-up that staff assigned it to."""
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str = ""
    version: int = 0

    @property
    def id(self) -> str:
        """The transfer's id."""
        return self.transfer.id

    @classmethod
    def of(cls, unmatched: Unmatched, now: datetime) -> "UnmatchedTransfer":
        """A new item for the queue."""
        suggested = unmatched.top_up.id if unmatched.top_up else None
        return cls(unmatched.transfer, unmatched.reason, now, suggested_top_up_id=suggested)

    def assigned(self, top_up: TopUp, user_id: str, now: datetime, note: str = "") -> "UnmatchedTransfer":
        """The item after staff assigned the transfer to `top_up`.

        Raises:
            ValueError: the transfer was decided before, or the currency differs.
        """
        if top_up.amount.currency != self.transfer.amount.currency:
            raise ValueError(f"The top-up is in {top_up.amount.currency}, the transfer is not.")
        return replace(self._decided(TransferState.ASSIGNED, user_id, now, note), top_up_id=top_up.id)

    def returned(self, user_id: str, now: datetime, note: str = "") -> "UnmatchedTransfer":
        """The item after staff sent the transfer back.

        Raises:
            ValueError: the transfer was decided before.
        """
        return self._decided(TransferState.RETURNED, user_id, now, note)

    def _decided(self, state: TransferState, user_id: str, now: datetime, note: str) -> "UnmatchedTransfer":
        if self.state is not TransferState.WAITING:
            raise ValueError(f"This transfer has been {self.state} before.")
        return replace(self, state=state, decided_by=user_id, decided_at=now, note=note, version=self.version + 1)


@runtime_checkable
class SupportsTransfers(Protocol):
    """A gateway that can report money that names no top-up, so that it can be queued."""

    @property
    def accounts(self) -> frozenset[str]:
        """Our accounts that receive transfers, as `references.normalized` writes them."""
        ...

    def transfer(self, provider_id: str) -> Transfer | None:
        """The transfer with the bank's id `provider_id`, as a notice names it; None if it is not booked yet.

        Raises:
            GatewayError: there is no such transfer, or the bank does not answer.
        """
        ...

    def transfers(self, provider_id: str) -> Sequence[Transfer]:
        """The booked transfers of a notice: `provider_id` is a reference, or the bank's id of one transfer.

        Raises:
            GatewayError: there is no such reference or transfer, or the bank does not answer.
        """
        ...
