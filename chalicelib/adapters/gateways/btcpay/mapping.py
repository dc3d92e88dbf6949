"""Translates between BTCPay's objects and the domain's types."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from chalicelib.adapters.gateways.btcpay.config import BTCPayConfig
from chalicelib.adapters.gateways.btcpay.greenfield import InvoiceData, PaymentData, PaymentMethodData
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
    TopUp,
    TopUpStatus,
)
from chalicelib.kernel.clock import from_epoch_seconds
from chalicelib.kernel.money import format_amount

_STATUSES: Final[Mapping[str, GatewayStatus]] = MappingProxyType(
    {
        "New": GatewayStatus.OPEN,
        "Processing": GatewayStatus.OPEN,
        "Expired": GatewayStatus.EXPIRED,
        "Settled": GatewayStatus.SETTLED,
        "Invalid": GatewayStatus.INVALID,
    }
)
_MARKED: Final = "Marked"
_PAID_LATE: Final = "PaidLate"
_FAILURE: Final = "The payment was not confirmed by the network; our staff look into it."


def invoice_request(top_up: TopUp, config: BTCPayConfig, return_url: str) -> dict[str, Any]:
    """The body that creates an invoice for `top_up`, payable in its one asset on its one network.

    Raises:
        GatewayRefused: the store does not accept that asset on that network.
    """
    asked_in_asset(top_up)
    method = method_id(top_up, config)
    return {
        "amount": format_amount(top_up.amount.micros),
        "currency": top_up.amount.currency,
        "metadata": {"orderId": top_up.id, "itemDesc": "Account top-up"},
        "checkout": {
            "paymentMethods": [method],
            "defaultPaymentMethod": method,
            "lazyPaymentMethods": False,
            "speedPolicy": config.speed_policy,
            "expirationMinutes": config.expiration_minutes,
            "monitoringMinutes": config.monitoring_minutes,
            "paymentTolerance": config.tolerance_percent,
            "redirectURL": return_url,
            "redirectAutomatically": False,
        },
    }


def method_id(top_up: TopUp, config: BTCPayConfig) -> str:
    """The store's id of the payment method for `top_up`.

    Raises:
        GatewayRefused: the store has no such payment method.
    """
    pair = f"{top_up.asset}-{top_up.network}"
    try:
        return config.payment_methods[pair]
    except KeyError:
        raise GatewayRefused(
            f"the BTCPay store has no payment method for {pair}",
            f"{top_up.asset} on {top_up.network} is not offered.",
        ) from None


def checkout(top_up: TopUp, invoice: InvoiceData, methods: Sequence[PaymentMethodData], wanted: str) -> Checkout:
    """The checkout for the customer.

    Raises:
        GatewayUnreachable: BTCPay gives no address (yet).
    """
    found = next((method for method in methods if method.id == wanted), None)
    if found is None or not found.destination:
        raise GatewayUnreachable(f"BTCPay's invoice {invoice.id} has no address for {wanted}")
    return Checkout(
        provider_id=invoice.id,
        expires_at=from_epoch_seconds(invoice.expiration_time),
        redirect_url=invoice.checkout_link,
        address=found.destination,
        network=top_up.network,
        pay_amount=Amount(payable_micros(found.amount), top_up.asset),
    )


def state(data: InvoiceData, methods: Sequence[PaymentMethodData], config: BTCPayConfig) -> PaymentState:
    """The state of an invoice."""
    invoice = _invoice(data, methods, config)
    known = set(config.payment_methods.values())
    found = {
        Flag.LATE: data.additional_status == _PAID_LATE,
        Flag.MANUAL_REVIEW: any(method.payments and method.id not in known for method in methods),
    }
    return PaymentState(
        provider_id=data.id,
        status=invoice.status,
        payments=invoice.payments,
        failure=_FAILURE if invoice.status is TopUpStatus.FAILED else "",
        reference=data.metadata.order_id if data.metadata else None,
        flags=invoice.flags | {flag for flag, holds in found.items() if holds},
    )


def _invoice(data: InvoiceData, methods: Sequence[PaymentMethodData], config: BTCPayConfig) -> Invoice:
    assets = {method: pair.partition("-")[0] for pair, method in config.payment_methods.items()}
    if not methods:
        raise GatewayUnreachable(f"BTCPay's invoice {data.id} shows no payment method")
    asked = next((method for method in methods if method.id in assets), methods[0])
    receipts = [
        _receipt(data.id, payment, _asset(method, assets))
        for method in methods
        for payment in method.payments
        if payment.status != "Invalid"
    ]
    return Invoice(
        asked=Amount(payable_micros(asked.amount), _asset(asked, assets)),
        expires_at=from_epoch_seconds(data.expiration_time),
        gateway_status=_gateway_status(data),
        receipts=tuple(receipts),
        tolerance_percent=config.tolerance_percent,
    )


def _asset(method: PaymentMethodData, assets: Mapping[str, str]) -> str:
    """The asset of a payment method; a plug-in may spell it in its own way (`USDt`)."""
    return assets.get(method.id, method.currency.upper())


def _gateway_status(data: InvoiceData) -> GatewayStatus:
    if data.status == "Settled" and data.additional_status == _MARKED:
        return GatewayStatus.ACCEPTED
    try:
        return _STATUSES[data.status]
    except KeyError:
        raise GatewayUnreachable(f"BTCPay's invoice {data.id} has the unknown status {data.status!r}") from None


def _receipt(invoice_id: str, payment: PaymentData, asset: str) -> Receipt:
    """One transfer. A transaction may pay two invoices, so the payment's id contains the invoice's."""
    return Receipt(
        Payment(
            id=f"{invoice_id}:{payment.id}",
            amount=Amount(received_micros(payment.value), asset),
            at=from_epoch_seconds(payment.received_date),
        ),
        is_final=payment.status == "Settled",
    )
