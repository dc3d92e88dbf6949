"""Money that a bank says has come in, and what a statement of it adds up to."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from chalicelib.domain.money.bank.references import find_references, squeezed
from chalicelib.domain.money.top_ups.models import BANK_TRANSFER_ID_PREFIX, Amount, Payment, payer_mark
from chalicelib.kernel.money import parse_amount

LONGEST_TEXT = 2_000
"""Characters of a transfer's text that are kept. CAMT allows lines of 140 without end; a reference needs 18."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True)
class Transfer:
    """One booked credit to an account of ours.

    The bank's interface and its statements tell of the same transfer, and it must be one payment: both bring the
    account, the day of booking, the amount and the bank's reference of the booking, from which `id` is made.
    """

    account: str
    """Ours: IBAN or number."""
    amount: Amount
    booked_on: date
    """The bank's day."""
    bank_reference: str = ""
    """The bank's own, of this booking (`AcctSvcrRef`); empty where it gives none."""
    text: str = ""
    """Whatever the payer wrote: the structured reference, the free text and the end-to-end id, by line."""
    payer_name: str = ""
    payer_account: str = ""
    provider_id: str = ""
    """The id that the bank's interface has for it, to send it back by; empty where a statement told of it."""
    is_batch: bool = False
    """Whether it is several payers' money, which the bank did not tell apart."""
    occurrence: int = 1
    """Which of several that cannot be told apart this is. Only counts where the bank gives no reference."""

    @property
    def id(self) -> str:
        """The same for the same transfer, whoever tells of it and however often."""
        facts = [squeezed(self.account), self.booked_on.isoformat(), self.amount.micros, self.amount.currency]
        if self.bank_reference:
            facts.append(self.bank_reference)
        else:
            facts += ["", *(self.references or (squeezed(self.text),)), self.occurrence]
        return f"{BANK_TRANSFER_ID_PREFIX}{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}"

    @property
    def references(self) -> tuple[str, ...]:
        """The references of ours that the payer wrote."""
        return find_references(self.text)

    @property
    def payers(self) -> frozenset[str]:
        """The mark of the payer's account, where the bank tells it."""
        return frozenset({payer_mark("iban", squeezed(self.payer_account))}) if self.payer_account else frozenset()

    def payment(self, at: datetime | None = None) -> Payment:
        """The payment that this is; `at` where the instant is known, otherwise the beginning of the day."""
        instant = at or datetime(self.booked_on.year, self.booked_on.month, self.booked_on.day, tzinfo=UTC)
        return Payment(self.id, self.amount, instant)


def numbered(transfers: Iterable[Transfer]) -> list[Transfer]:
    """The same transfers; those that cannot be told apart are counted, so that none passes for another.

    A bank that gives references tells its transfers apart by them, and a line that comes twice stays one transfer.
    """
    seen: Counter[str] = Counter()

    def count(transfer: Transfer) -> Transfer:
        if transfer.bank_reference:
            return transfer
        seen[transfer.id] += 1
        return replace(transfer, occurrence=seen[transfer.id])

    return [count(transfer) for transfer in transfers]


class Passed(StrEnum):
    """Why a line of a statement is no money of a customer."""

    DEBIT = "debit"
    PENDING = "pending"
    """Not booked yet; it comes again when it is."""
    REVERSAL = "reversal"
    """A credit that the bank takes back, or a debit that came back: for people to look at."""


@dataclass(frozen=True)
class Received:
    """A line that is a booked credit."""

    line_number: int
    transfer: Transfer


@dataclass(frozen=True)
class PassedOver:
    """A line that is understood and is no booked credit."""

    line_number: int
    why: Passed


@dataclass(frozen=True)
class Invalid:
    """A line that is not understood, or concerns no account of ours; `problem` is a sentence for staff."""

    line_number: int
    problem: str


Line = Received | PassedOver | Invalid


@dataclass(frozen=True)
class Statement:
    """What a statement says, line by line; none is lost."""

    lines: tuple[Line, ...]

    @classmethod
    def of(cls, lines: Sequence[Line]) -> "Statement":
        """The statement of these lines, with its indistinguishable transfers counted."""
        counted = iter(numbered(line.transfer for line in lines if isinstance(line, Received)))
        return cls(
            tuple(replace(line, transfer=next(counted)) if isinstance(line, Received) else line for line in lines)
        )


class StatementRefused(ValueError):
    """The file as a whole cannot be read, and nothing of it was; the text is a sentence for staff."""


def read_day(text: str) -> date:
    """A day such as `2026-11-20`.

    Raises:
        ValueError: it is none, with a sentence.
    """
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"The date {shown(text)} is no day such as 2026-11-20.")


def read_amount(text: str, currency: str) -> Amount:
    """An exact amount other than zero; a debit is negative.

    Raises:
        ValueError: it is none, with a sentence.
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
    """`text` in quotes, cut to what a message can bear."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
