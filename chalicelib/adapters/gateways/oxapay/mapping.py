"""Translates between OxaPay's objects and the domain's types.

https://docs.oxapay.com/api-reference/payment/payment-status-table
"""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from chalicelib.adapters.gateways.oxapay.config import OxaPayConfig
from chalicelib.adapters.gateways.oxapay.merchant import PaymentData, Transfer, WhiteLabel
from chalicelib.domain.money.crypto.states import (
    GatewayStatus,
    Invoice,
    Receipt,
    asked_in_asset,
    payable_micros,
    received_micros,
)
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    Flag,
    GatewayRefused,
    GatewayUnreachable,
    Payment,
    PaymentState,
    Refund,
    RefundStatus,
    TopUp,
)
from chalicelib.kernel.clock import from_epoch_seconds

_STATUSES: Final[Mapping[str, GatewayStatus]] = MappingProxyType(
    {
        "new": GatewayStatus.OPEN,
        "waiting": GatewayStatus.OPEN,
        "paying": GatewayStatus.OPEN,
        "underpaid": GatewayStatus.SHORT,
        "paid": GatewayStatus.SETTLED,
        "manual_accept": GatewayStatus.ACCEPTED,
        "refunding": GatewayStatus.SETTLED,
        "refunded": GatewayStatus.SETTLED,
        "expired": GatewayStatus.EXPIRED,
    }
)
_REFUNDS: Final[Mapping[str, RefundStatus]] = MappingProxyType(
    {"refunding": RefundStatus.PENDING, "refunded": RefundStatus.DONE}
)


def request(top_up: TopUp, config: OxaPayConfig) -> tuple[Amount, dict[str, Any]]:
    """The amount to ask for, and the other fields that create a payment in one asset on one network.

    The amount is in the asset itself, so that it can be compared with what arrives. The merchant pays OxaPay's
    fee: the customer is credited with what the customer sends.

    Raises:
        GatewayRefused: the merchant does not accept that asset on that network.
    """
    asked = asked_in_asset(top_up)
    network = config.networks.get(top_up.network)
    if network is None:
        raise GatewayRefused(
            f"OxaPay's network for {top_up.network} is not configured",
            f"{top_up.asset} on {top_up.network} is not offered.",
        )
    fields: dict[str, Any] = {
        "currency": asked.currency,
        "pay_currency": top_up.asset,
        "network": network,
        "lifetime": config.lifetime_minutes,
        "fee_paid_by_payer": 0,
        "under_paid_coverage": config.tolerance_percent,
        "order_id": top_up.id,
        "description": "Account top-up",
    }
    if config.callback_url is not None:
        fields["callback_url"] = str(config.callback_url)
    return asked, fields


def checkout(top_up: TopUp, made: WhiteLabel) -> Checkout:
    """The checkout for the customer."""
    return Checkout(
        provider_id=made.track_id,
        expires_at=from_epoch_seconds(made.expired_at),
        address=made.address,
        network=top_up.network,
        pay_amount=Amount(payable_micros(made.pay_amount), top_up.asset),
    )


def state(data: PaymentData, config: OxaPayConfig) -> PaymentState:
    """The state of a payment."""
    invoice = Invoice(
        asked=Amount(payable_micros(data.amount), data.currency.upper()),
        expires_at=from_epoch_seconds(data.expired_at),
        gateway_status=_gateway_status(data),
        receipts=_receipts(data),
        tolerance_percent=config.tolerance_percent,
    )
    refunds = _refunds(data, invoice.payments)
    return PaymentState(
        provider_id=data.track_id,
        status=invoice.status,
        payments=invoice.payments,
        refunds=refunds,
        reference=data.order_id,
        flags=invoice.flags | (frozenset({Flag.MANUAL_REVIEW}) if refunds else frozenset()),
    )


def _gateway_status(data: PaymentData) -> GatewayStatus:
    try:
        return _STATUSES[data.status.lower()]
    except KeyError:
        raise GatewayUnreachable(
            f"OxaPay's payment {data.track_id} has the unknown status {data.status!r}"
        ) from None


def _receipts(data: PaymentData) -> tuple[Receipt, ...]:
    """The transfers. A transaction may pay two invoices, or one invoice twice, so ids have the track id and a
    number.
    """
    seen: Counter[str] = Counter()
    receipts = []
    for transfer in sorted(data.txs, key=lambda transfer: (transfer.date, transfer.amount)):
        transaction = transfer.tx_hash.lower()
        seen[transaction] += 1
        suffix = f":{seen[transaction]}" if seen[transaction] > 1 else ""
        if transfer.status.lower() != "failed":
            receipts.append(_receipt(f"{data.track_id}:{transaction}{suffix}", transfer))
    return tuple(receipts)


def _receipt(payment_id: str, transfer: Transfer) -> Receipt:
    amount = Amount(received_micros(transfer.amount), transfer.currency.upper())
    return Receipt(
        Payment(payment_id, amount, from_epoch_seconds(transfer.date)),
        is_final=transfer.status.lower() == "confirmed",
    )


def _refunds(data: PaymentData, payments: tuple[Payment, ...]) -> tuple[Refund, ...]:
    """The refunds. Staff refund the whole payment in OxaPay's panel; the API only tells that it happened."""
    status = _REFUNDS.get(data.status.lower())
    if status is None:
        return ()
    totals: Counter[str] = Counter()
    for payment in payments:
        totals[payment.amount.currency] += payment.amount.micros
    return tuple(
        Refund(f"{data.track_id}:refund:{currency}", Amount(micros, currency), status)
        for currency, micros in sorted(totals.items())
    )
