"""The messages of the bank's interface, and their translation.

    GET  /transfers?reference=…                       those whose text contains the reference, in any case and
    spacing
    GET  /transfers?credited_from=…&credited_until=…  those that were credited in [from, until)
    GET  /transfers/{id}
    POST /transfers/{id}/returns                      send part of it back; `Idempotency-Key` is kept for ever

Lists come in pages, `{"transfers": […], "next_cursor": "…"}`; the next page is asked for with `cursor=…`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chalicelib.domain.money.bank.models import MAX_TEXT_LENGTH, Transfer, numbered
from chalicelib.domain.money.bank_references.models import currency_of
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Flag,
    Payment,
    PaymentState,
    Refund,
    RefundStatus,
    TopUpStatus,
)
from chalicelib.kernel.money import parse_amount

_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Amount = Annotated[str, Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,6})?$")]
_Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class ReturnData(_Answer):
    """A return of part of a transfer."""

    id: _Id
    amount: _Amount
    status: RefundStatus
    key: str = ""


class TransferData(_Answer):
    """One transfer to an account of ours."""

    id: _Id
    account: str
    amount: _Amount
    currency: _Currency
    status: Literal["pending", "booked", "returned"]
    booked_on: date | None = None
    """The booking day, the same as in statements."""
    credited_at: AwareDatetime | None = None
    bank_reference: str = ""
    """The `AcctSvcrRef` that statements have for the transaction, or for its entry."""
    text: str = ""
    end_to_end_id: str = ""
    payer_name: str = ""
    payer_account: str = ""
    returns: tuple[ReturnData, ...] = ()

    @property
    def transfer(self) -> Transfer | None:
        """The booked transfer; None while it is not booked."""
        return self._transfer(self.booked_on) if self.booked_on else None

    @property
    def reference(self) -> str | None:
        """The one reference in the text, if it is for the transfer's currency; None otherwise, and then staff must
        look.
        """
        references = self._transfer(date.min).references
        is_clear = len(references) == 1 and currency_of(references[0]) == self.currency
        return references[0] if is_clear else None

    @property
    def refunds(self) -> tuple[Refund, ...]:
        """The returns of this transfer, as refunds."""
        return tuple(
            Refund(part.id, Amount(parse_amount(part.amount), self.currency), part.status, part.key)
            for part in self.returns
        )

    @property
    def left_micros(self) -> int:
        """The amount that was not sent back."""
        gone = (refund for refund in self.refunds if refund.status is not RefundStatus.FAILED)
        return parse_amount(self.amount) - sum(refund.amount.micros for refund in gone)

    def _transfer(self, booked_on: date) -> Transfer:
        return Transfer(
            account=self.account,
            amount=Amount(parse_amount(self.amount), self.currency),
            booked_on=booked_on,
            bank_reference=self.bank_reference,
            text=f"{self.text}\n{self.end_to_end_id}"[:MAX_TEXT_LENGTH],
            payer_name=self.payer_name,
            payer_account=self.payer_account,
            provider_id=self.id,
        )


class TransferList(_Answer):
    """A page of transfers."""

    transfers: tuple[TransferData, ...]
    next_cursor: str | None = None


class AnnouncedTransfer(_Answer):
    """The transfer in a webhook: enough to find the top-up; nothing else in it is believed."""

    id: _Id
    currency: _Currency
    text: str = ""
    end_to_end_id: str = ""


class Announcement(_Answer):
    """A webhook."""

    id: Annotated[str, Field(min_length=1, max_length=128)]
    type: Annotated[str, Field(min_length=1, max_length=64)]
    transfer: AnnouncedTransfer | None = None


def state_of(
    provider_id: str, found: Iterable[TransferData], flags: frozenset[Flag] = frozenset()
) -> PaymentState:
    """The state of all transfers under one id. Arrived money is final; the amount asked for is not known here."""
    transfers = sorted(found, key=_arrival)
    payments = _payments(transfers)
    status = TopUpStatus.AWAITING_PAYMENT
    if payments:
        status = TopUpStatus.SETTLED
    elif any(transfer.status == "pending" for transfer in transfers):
        status = TopUpStatus.PROCESSING
    return PaymentState(
        provider_id=provider_id,
        status=status,
        payments=payments,
        refunds=tuple(refund for transfer in transfers for refund in transfer.refunds),
        flags=flags,
        payers=frozenset().union(*(one.transfer.payers for one in transfers if one.transfer)),
    )


def _payments(transfers: list[TransferData]) -> tuple[Payment, ...]:
    """The transfers that were ever booked; a later return is a refund."""
    booked = [(one.transfer, one.credited_at) for one in transfers if one.transfer]
    counted = numbered(transfer for transfer, _ in booked)
    return tuple(transfer.payment(at) for transfer, (_, at) in zip(counted, booked, strict=True))


def _arrival(transfer: TransferData) -> tuple[bool, datetime | None, str]:
    """Sort key: booked transfers by their time, then the others."""
    return (
        (True, None, transfer.id) if transfer.credited_at is None else (False, transfer.credited_at, transfer.id)
    )
