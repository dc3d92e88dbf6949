"""Bank transfers, and the lines of the statements that report them."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum

from chalicelib.domain.money.bank_references.models import find_references, normalized
from chalicelib.domain.money.top_ups.models import (
    BANK_TRANSFER_ID_PREFIX,
    Amount,
    Flag,
    Payment,
    TopUp,
    payer_mark,
)
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import parse_amount

MAX_TEXT_LENGTH = 2_000
"""How many characters of a transfer's text are kept. CAMT allows any number of lines of 140; a reference needs
18.
"""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True)
class Transfer:
    """One booked credit to an account of ours.

    The bank's interface and its statements report the same transfer, which must be one payment. Both give the
    account, the booking day, the amount and the bank's reference of the booking; `id` is derived from these.
    """

    account: str
    """Our account: IBAN or number."""
    amount: Amount
    booked_on: date
    """The booking day, as the bank counts days."""
    bank_reference: str = ""
    """The bank's reference of this booking (`AcctSvcrRef`); empty if the bank gives none."""
    text: str = ""
    """Everything that the payer wrote, one per line: structured reference, free text, end-to-end id."""
    payer_name: str = ""
    payer_account: str = ""
    provider_id: str = ""
    """The transfer's id in the bank's interface, needed to send it back; empty if only a statement reported it."""
    is_batch: bool = False
    """Whether the booking holds the money of several payers, which the bank did not separate."""
    occurrence: int = 1
    """The number of this transfer among identical ones. It matters only if the bank gives no reference."""

    @property
    def id(self) -> str:
        """The same id for the same transfer, whichever source reports it and however often."""
        facts = [normalized(self.account), self.booked_on.isoformat(), self.amount.micros, self.amount.currency]
        if self.bank_reference:
            facts.append(self.bank_reference)
        else:
            facts += ["", *(self.references or (normalized(self.text),)), self.occurrence]
        return f"{BANK_TRANSFER_ID_PREFIX}{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}"

    @property
    def references(self) -> tuple[str, ...]:
        """The references of ours that the payer wrote."""
        return find_references(self.text)

    @property
    def payers(self) -> frozenset[str]:
        """The mark of the payer's account, if the bank reports the account."""
        return (
            frozenset({payer_mark("iban", normalized(self.payer_account))}) if self.payer_account else frozenset()
        )

    def payment(self, at: datetime | None = None) -> Payment:
        """The payment for this transfer, at `at`; at the start of the booking day if `at` is None."""
        instant = at or datetime(self.booked_on.year, self.booked_on.month, self.booked_on.day, tzinfo=UTC)
        return Payment(self.id, self.amount, instant)


def numbered(transfers: Iterable[Transfer]) -> list[Transfer]:
    """The same transfers, with identical ones numbered, so that each gets an id of its own.

    Transfers with a bank reference are not numbered: two lines with the same reference are one transfer.
    """
    seen: Counter[str] = Counter()

    def count(transfer: Transfer) -> Transfer:
        if transfer.bank_reference:
            return transfer
        seen[transfer.id] += 1
        return replace(transfer, occurrence=seen[transfer.id])

    return [count(transfer) for transfer in transfers]


class Passed(StrEnum):
    """Why a line of a statement is skipped."""

    DEBIT = "debit"
    PENDING = "pending"
    """Not booked yet; a later statement has it as booked."""
    REVERSAL = "reversal"
    """A credit that the bank takes back, or a debit that came back; staff must look at it."""


@dataclass(frozen=True)
class Received:
    """A line that is a booked credit."""

    line_number: int
    transfer: Transfer


@dataclass(frozen=True)
class PassedOver:
    """A line that was read and is no booked credit."""

    line_number: int
    why: Passed


@dataclass(frozen=True)
class Invalid:
    """A line that cannot be read, or whose account is not ours; `problem` is a sentence for staff."""

    line_number: int
    problem: str


Line = Received | PassedOver | Invalid


@dataclass(frozen=True)
class Statement:
    """The lines of a statement; all of them, in order."""

    lines: tuple[Line, ...]

    @classmethod
    def of(cls, lines: Sequence[Line]) -> "Statement":
        """The statement with these lines; identical transfers are numbered."""
        counted = iter(numbered(line.transfer for line in lines if isinstance(line, Received)))
        return cls(
            tuple(replace(line, transfer=next(counted)) if isinstance(line, Received) else line for line in lines)
        )


class StatementRefused(ValueError):
    """The whole file cannot be read, and no line of it was; the text is a sentence for staff."""


def read_day(text: str) -> date:
    """Parse a day such as `2026-11-20`.

    Raises:
        ValueError: `text` is not a day; the message is a sentence for staff.
    """
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"The date {shown(text)} is no day such as 2026-11-20.")


def read_amount(text: str, currency: str) -> Amount:
    """Parse an exact amount other than zero; a debit is negative.

    Raises:
        ValueError: the amount or the currency is not valid; the message is a sentence for staff.
    """
    if not _CURRENCY.fullmatch(currency):
        raise ValueError(f"The currency {shown(currency)} is no three capital letters.")
    try:
        micros = parse_amount(text)
    except ValueError as error:
        raise ValueError(f"The amount {shown(text)} cannot be read: {error}.") from error
    if micros == 0:
        raise ValueError("The amount is zero.")
    return Amount(micros, currency)


def shown(text: str) -> str:
    """`text` in quotes, shortened to 40 characters, for messages."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


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
