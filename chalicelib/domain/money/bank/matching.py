"""Finds the top-up that a bank transfer pays; staff handle a transfer for which there is none."""

from collections.abc import Callable, Container

from chalicelib.domain.money.bank.models import (
    Invalid,
    Line,
    Matched,
    PassedOver,
    Reason,
    Received,
    Statement,
    Transfer,
    Unmatched,
    shown,
)
from chalicelib.domain.money.bank_references.models import holds_attempt, normalized
from chalicelib.domain.money.top_ups.models import Flag, TopUp
from chalicelib.kernel.dataclasses import dataclass

Lookup = Callable[[str], TopUp | None]
"""Finds the top-up of a reference; None if there is none."""


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
