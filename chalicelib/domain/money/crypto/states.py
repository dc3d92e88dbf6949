"""Hosted crypto invoices: what an amount that was asked, transfers on a chain and a deadline add up to.

The model is BTCPay's (https://docs.btcpayserver.org/Invoices/): new, processing, expired, invalid and settled,
with paid partially, over and late; every gateway of hosted invoices is brought to it. What was received decides,
not what the gateway calls it (G11): each final transfer is a payment of its own and is credited whatever the
invoice's status is; the status only tells the customer what is left to do, and the flags tell staff where to look.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from types import MappingProxyType

from chalicelib.domain.money.top_ups.models import Amount, Flag, GatewayRefused, Payment, TopUp, TopUpStatus
from chalicelib.kernel.money import BASE_CURRENCY, MICROS_PER_UNIT

ASSETS = ("USDT", "USDC")
NETWORKS = ("ETH", "BSC", "POLYGON")
DEFAULT_TOLERANCE_PERCENT = 1
"""Wallets and exchanges take their fee from the amount: a hundredth less or more is no partial or overpayment."""


class Word(StrEnum):
    """What the gateway itself says of an invoice."""

    OPEN = "open"
    """It can be paid."""
    SHORT = "short"
    """Paid in part, as the gateway sees it. It may or may not take the rest."""
    EXPIRED = "expired"
    """Its time is over. Money can still come, and is listened for."""
    SETTLED = "settled"
    """Paid, as the gateway sees it."""
    ACCEPTED = "accepted"
    """People declared it paid, whatever came."""
    INVALID = "invalid"
    """Given up: by people, or because a transfer was not confirmed in time."""


@dataclass(frozen=True)
class Receipt:
    """One transfer on the chain."""

    payment: Payment
    is_final: bool
    """Whether it has the confirmations that make it irrevocable, as far as the gateway was told to wait."""


@dataclass(frozen=True)
class Invoice:
    """A hosted invoice as its gateway tells it, in this one form."""

    asked: Amount
    """In the asset it is to be paid in."""
    expires_at: datetime
    word: Word
    receipts: tuple[Receipt, ...]
    tolerance_percent: int = DEFAULT_TOLERANCE_PERCENT

    @property
    def payments(self) -> tuple[Payment, ...]:
        """What has finally arrived, in the order of its arrival."""
        final = (receipt.payment for receipt in self.receipts if receipt.is_final)
        return tuple(sorted(final, key=lambda payment: (payment.at, payment.id)))

    @property
    def status(self) -> TopUpStatus:
        """Where the top-up is."""
        if self._is_covered or self.word is Word.ACCEPTED:
            return TopUpStatus.SETTLED
        if any(not receipt.is_final for receipt in self.receipts) and self.word is not Word.INVALID:
            return TopUpStatus.PROCESSING
        closed = _CLOSED.get(self.word)
        if closed is not None:
            return closed
        return TopUpStatus.PARTIALLY_PAID if self.payments else TopUpStatus.AWAITING_PAYMENT

    @property
    def flags(self) -> frozenset[Flag]:
        """What staff should look at. A partial payment is nothing to look at while the rest can come."""
        found = {
            Flag.UNDERPAID: self.word is not Word.OPEN and bool(self.payments) and not self._is_covered,
            Flag.OVERPAID: self._received_micros > self.asked.micros + self._band_micros,
            Flag.LATE: any(receipt.payment.at > self.expires_at for receipt in self.receipts),
            Flag.MANUAL_REVIEW: self._needs_people,
        }
        return frozenset(flag for flag, holds in found.items() if holds)

    @property
    def _needs_people(self) -> bool:
        if self.word in {Word.ACCEPTED, Word.INVALID}:
            return True
        is_unexplained = (
            self.word is Word.SETTLED
            and not self._is_covered
            and all(receipt.is_final for receipt in self.receipts)
        )
        return is_unexplained or any(
            receipt.payment.amount.currency != self.asked.currency for receipt in self.receipts
        )

    @property
    def _is_covered(self) -> bool:
        return self._received_micros >= self.asked.micros - self._band_micros

    @property
    def _received_micros(self) -> int:
        """In the asset that was asked for; what came in another is credited too, but covers nothing."""
        return sum(
            payment.amount.micros for payment in self.payments if payment.amount.currency == self.asked.currency
        )

    @property
    def _band_micros(self) -> int:
        return self.asked.micros * self.tolerance_percent // 100


_CLOSED: Mapping[Word, TopUpStatus] = MappingProxyType(
    {
        Word.SETTLED: TopUpStatus.SETTLED,
        Word.EXPIRED: TopUpStatus.EXPIRED,
        Word.INVALID: TopUpStatus.FAILED,
    }
)


def asked_in_asset(top_up: TopUp) -> Amount:
    """What to send for `top_up`: stablecoins are asked for at par; what comes is credited at the recorded rate.

    Raises:
        GatewayRefused: the asset or the network is none of ours, or the amount is in a third currency.
    """
    if top_up.asset not in ASSETS or top_up.network not in NETWORKS:
        raise GatewayRefused(
            f"{top_up.id} asks for {top_up.asset!r} on {top_up.network!r}",
            f"Pay with {' or '.join(ASSETS)} on {', '.join(NETWORKS)}.",
        )
    if top_up.amount.currency not in {BASE_CURRENCY, top_up.asset}:
        raise GatewayRefused(
            f"{top_up.id} is in {top_up.amount.currency}",
            f"A crypto top-up is an amount in {BASE_CURRENCY}.",
        )
    return Amount(top_up.amount.micros, top_up.asset)


def received_micros(amount: Decimal) -> int:
    """Micro-units of what came; the dust below one (BSC's tokens have 18 decimals) is not counted."""
    return int((amount * MICROS_PER_UNIT).to_integral_value(ROUND_FLOOR))


def payable_micros(amount: Decimal) -> int:
    """Micro-units of what is to be sent, rounded up, so that it is enough."""
    return int((amount * MICROS_PER_UNIT).to_integral_value(ROUND_CEILING))
