"""Requests and responses of the bank desk endpoints."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.money.bank.matching import StatementReport
from chalicelib.domain.money.bank.models import Passed, Reason, TransferState, UnmatchedTransfer
from chalicelib.http import ApiModel, Money
from chalicelib.kernel.money import format_amount
from functions.money.top_ups.schemas import TopUpId

_ID_EXAMPLE = "bt_0f3c8a51d2e94b76a1c05e8f7d624b93"
TransferId = Annotated[str, StringConstraints(pattern=r"^bt_[0-9a-f]{32}$"), Field(examples=[_ID_EXAMPLE])]
Note = Annotated[str, StringConstraints(min_length=1, max_length=500)]

_CSV = (
    "account,bank_reference,booked_on,amount,currency,text\n"
    "NL91ABNA0417164300,FP-7781,2026-11-20,100.00,EUR,RF86 RDTQ NJLJ BDHG LQ"
)


class StatementBody(ApiModel):
    """A statement file as text: CAMT.053, or Hearth's CSV. Split larger files."""

    content: Annotated[str, StringConstraints(min_length=1, max_length=60_000)] = Field(examples=[_CSV])


class CreditedLine(ApiModel):
    """A line that was credited to a customer."""

    line: int
    transfer_id: str
    top_up_id: str
    amount: Money


class QueuedLine(ApiModel):
    """A line that waits for staff."""

    line: int
    transfer_id: str
    reason: Reason
    amount: Money


class KnownLine(ApiModel):
    """A line whose transfer was credited or queued before."""

    line: int
    transfer_id: str


class PassedLine(ApiModel):
    """A line that is no payment by a customer."""

    line: int
    why: Passed


class InvalidLine(ApiModel):
    """A line that could not be read; it was not booked."""

    line: int
    problem: str


class StatementView(ApiModel):
    """The result for each line; each line is in exactly one of these lists."""

    credited: list[CreditedLine]
    unmatched: list[QueuedLine]
    known: list[KnownLine]
    passed_over: list[PassedLine]
    invalid: list[InvalidLine]

    @classmethod
    def of(cls, report: StatementReport) -> Self:
        """The view of `report`."""
        return cls(
            credited=[
                CreditedLine(
                    line=one.line_number,
                    transfer_id=one.matched.transfer.id,
                    top_up_id=one.matched.top_up.id,
                    amount=_money(one.matched.transfer.amount.micros, one.matched.transfer.amount.currency),
                )
                for one in report.accepted
            ],
            unmatched=[
                QueuedLine(
                    line=one.line_number,
                    transfer_id=one.unmatched.transfer.id,
                    reason=one.unmatched.reason,
                    amount=_money(one.unmatched.transfer.amount.micros, one.unmatched.transfer.amount.currency),
                )
                for one in report.unmatched
            ],
            known=[KnownLine(line=one.line_number, transfer_id=one.transfer.id) for one in report.known],
            passed_over=[PassedLine(line=one.line_number, why=one.why) for one in report.passed_over],
            invalid=[InvalidLine(line=one.line_number, problem=one.problem) for one in report.invalid],
        )


class UnmatchedView(ApiModel):
    """A transfer that matches no top-up, and the decision of staff about it."""

    id: str
    amount: Money
    booked_on: date
    account: str = Field(description="our account")
    text: str = Field(description="what the payer wrote")
    payer_name: str
    payer_account: str
    reason: Reason
    found_at: datetime
    state: TransferState
    top_up_id: str | None
    decided_by: str | None
    decided_at: datetime | None
    note: str | None

    @classmethod
    def of(cls, unmatched: UnmatchedTransfer) -> Self:
        """The view of `unmatched`."""
        transfer = unmatched.transfer
        return cls(
            id=unmatched.id,
            amount=_money(transfer.amount.micros, transfer.amount.currency),
            booked_on=transfer.booked_on,
            account=transfer.account,
            text=transfer.text,
            payer_name=transfer.payer_name,
            payer_account=transfer.payer_account,
            reason=unmatched.reason,
            found_at=unmatched.found_at,
            state=unmatched.state,
            top_up_id=unmatched.top_up_id,
            decided_by=unmatched.decided_by,
            decided_at=unmatched.decided_at,
            note=unmatched.note or None,
        )


class AssignBody(ApiModel):
    """The top-up whose customer the transfer belongs to."""

    audited_fields = frozenset({"top_up_id"})

    top_up_id: TopUpId
    note: Note = Field(
        description="how the customer was found", examples=["The customer sent the bank's receipt."]
    )

    @property
    def reason(self) -> str:
        """The reason for the activity log."""
        return self.note


class ReturnBody(ApiModel):
    """A note that the transfer was sent back at the bank."""

    note: Note = Field(description="why", examples=["The payer is no customer."])

    @property
    def reason(self) -> str:
        """The reason for the staff log."""
        return self.note


def _money(micros: int, currency: str) -> Money:
    return Money(amount=format_amount(micros), currency=currency)
