"""Hosted crypto invoices: derives a top-up's status from the amount asked, the transfers received and the
deadline.

The model is BTCPay's (https://docs.btcpayserver.org/Invoices/): new, processing, expired, invalid and settled,
with the variants paid partially, over and late. Every gateway of hosted invoices is mapped to it. The amount
received decides, not the gateway's name for the state (G11): each final transfer is a payment of its own and is
credited, whatever the invoice's status. The status only tells the customer what to do, and the flags tell staff
where to look.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from types import MappingProxyType

from chalicelib.domain.money.top_ups.models import Amount, Flag, GatewayRefused, Payment, TopUp, TopUpStatus
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import BASE_CURRENCY, MICROS_PER_UNIT

ASSETS = ("USDT", "USDC")
NETWORKS = ("ETH", "BSC", "POLYGON")
DEFAULT_TOLERANCE_PERCENT = 1
"""Wallets and exchanges deduct their fee: one per cent less or more is neither a partial payment nor an
overpayment.
"""


class GatewayStatus(StrEnum):
    """The gateway's own status of an invoice."""

    OPEN = "open"
    """The invoice can be paid."""
    SHORT = "short"
    """Paid in part, in the gateway's view. It may or may not accept the rest."""
    EXPIRED = "expired"
    """The deadline has passed. Money can still arrive, and the gateway still watches for it."""
    SETTLED = "settled"
    """Paid, in the gateway's view."""
    ACCEPTED = "accepted"
    """Declared paid by a person, whatever arrived."""
    INVALID = "invalid"
    """Given up: by a person, or because a transfer was not confirmed in time."""


@dataclass(frozen=True)
class Receipt:
    """One transfer on the chain."""

    payment: Payment
    is_final: bool
    """Whether it has as many confirmations as the gateway was told to wait for."""


@dataclass(frozen=True)
class Invoice:
    """A hosted invoice, in the same form for every gateway."""

    asked: Amount
    """The amount, in the asset to pay with."""
    expires_at: datetime
    gateway_status: GatewayStatus
    receipts: tuple[Receipt, ...]
    tolerance_percent: int = DEFAULT_TOLERANCE_PERCENT

    @property
    def payments(self) -> tuple[Payment, ...]:
        """The final transfers, in order of arrival."""
        final = (receipt.payment for receipt in self.receipts if receipt.is_final)
        return tuple(sorted(final, key=lambda payment: (payment.at, payment.id)))

    @property
    def status(self) -> TopUpStatus:
        """The status of the top-up."""
        if self._is_covered or self.gateway_status is GatewayStatus.ACCEPTED:
            return TopUpStatus.SETTLED
        if (
            any(not receipt.is_final for receipt in self.receipts)
            and self.gateway_status is not GatewayStatus.INVALID
        ):
            return TopUpStatus.PROCESSING
        closed = _CLOSED.get(self.gateway_status)
        if closed is not None:
            return closed
        return TopUpStatus.PARTIALLY_PAID if self.payments else TopUpStatus.AWAITING_PAYMENT

    @property
    def flags(self) -> frozenset[Flag]:
        """What staff should look at. A partial payment needs no attention while the rest can still arrive."""
        found = {
            Flag.UNDERPAID: self.gateway_status is not GatewayStatus.OPEN
            and bool(self.payments)
            and not self._is_covered,
            Flag.OVERPAID: self._received_micros > self.asked.micros + self._band_micros,
            Flag.LATE: any(receipt.payment.at > self.expires_at for receipt in self.receipts),
            Flag.MANUAL_REVIEW: self._needs_people,
        }
        return frozenset(flag for flag, holds in found.items() if holds)

    @property
    def _needs_people(self) -> bool:
        if self.gateway_status in {GatewayStatus.ACCEPTED, GatewayStatus.INVALID}:
            return True
        is_unexplained = (
            self.gateway_status is GatewayStatus.SETTLED
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
        """The sum in the asset that was asked for. Other assets are credited too, but do not pay the invoice."""
        return sum(
            payment.amount.micros for payment in self.payments if payment.amount.currency == self.asked.currency
        )

    @property
    def _band_micros(self) -> int:
        return self.asked.micros * self.tolerance_percent // 100


_CLOSED: Mapping[GatewayStatus, TopUpStatus] = MappingProxyType(
    {
        GatewayStatus.SETTLED: TopUpStatus.SETTLED,
        GatewayStatus.EXPIRED: TopUpStatus.EXPIRED,
        GatewayStatus.INVALID: TopUpStatus.FAILED,
    }
)


def asked_in_asset(top_up: TopUp) -> Amount:
    """The amount to send for `top_up`. Stablecoins are asked for at par; receipts are credited at the recorded
    rate.

    Raises:
        GatewayRefused: the asset or the network is not supported, or the amount is in a third currency.
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
    """The amount received in micro-units, rounded down (BSC's tokens have 18 decimals)."""
    return int((amount * MICROS_PER_UNIT).to_integral_value(ROUND_FLOOR))


def payable_micros(amount: Decimal) -> int:
    """The amount to send in micro-units, rounded up, so that it is enough."""
    return int((amount * MICROS_PER_UNIT).to_integral_value(ROUND_CEILING))
