"""BTCPay's documents: the two statuses of an invoice, API answers, webhooks."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from dev.simulators.crypto.book import HostedInvoice, Mark, Transfer, TransferStatus
from dev.simulators.http import Json

_PAYMENT_STATUSES: Final = {
    TransferStatus.SEEN: "Processing",
    TransferStatus.CONFIRMED: "Settled",
    TransferStatus.DROPPED: "Invalid",
}


def statuses(invoice: HostedInvoice, now: datetime) -> tuple[str, str]:
    """`status` and `additionalStatus`. An invoice that was paid late stays expired until staff mark it."""
    if invoice.mark in {Mark.ACCEPTED, Mark.INVALID}:
        return ("Settled" if invoice.mark is Mark.ACCEPTED else "Invalid"), "Marked"
    over = "PaidOver" if invoice.received() > invoice.asked else "None"
    if invoice.is_late:
        return "Expired", "PaidLate"
    if invoice.is_paid:
        return "Settled", over
    if invoice.is_covered:
        return "Processing", over
    partial = "PaidPartial" if invoice.received() > 0 else "None"
    return ("Expired" if now >= invoice.expires_at else "New"), partial


def invoice_data(invoice: HostedInvoice, now: datetime, base_url: str) -> dict[str, Json]:
    """`InvoiceData`."""
    status, additional = statuses(invoice, now)
    return {
        "id": invoice.id,
        "storeId": invoice.extra["storeId"],
        "amount": str(invoice.amount),
        "paidAmount": plain(invoice.received() / _rate(invoice)),
        "currency": invoice.currency,
        "type": "Standard",
        "checkoutLink": f"{base_url}/i/{invoice.id}",
        "createdTime": int(invoice.created_at.timestamp()),
        "expirationTime": int(invoice.expires_at.timestamp()),
        "monitoringExpiration": int(invoice.expires_at.timestamp()) + 60 * invoice.extra["monitoringMinutes"],
        "status": status,
        "additionalStatus": additional,
        "availableStatusesForManualMarking": ["Settled", "Invalid"],
        "archived": invoice.extra.get("archived", False),
        "metadata": invoice.extra["metadata"],
        "checkout": invoice.extra["checkout"],
        "receipt": {"enabled": None, "showQR": None, "showPayments": None},
    }


def payment_method(invoice: HostedInvoice) -> dict[str, Json]:
    """`InvoicePaymentMethodDataModel`, with the payments that BTCPay counts."""
    counted = [item for item in invoice.transfers if item.status is not TransferStatus.DROPPED]
    return {
        "paymentMethodId": invoice.extra["paymentMethodId"],
        "currency": invoice.asset,
        "destination": invoice.address,
        "paymentLink": f"ethereum:{invoice.address}",
        "rate": plain(1 / _rate(invoice)),
        "paymentMethodPaid": plain(invoice.received()),
        "totalPaid": plain(invoice.received()),
        "due": plain(invoice.asked - invoice.received()),
        "amount": plain(invoice.asked),
        "paymentMethodFee": "0",
        "payments": [payment(item, invoice) for item in counted],
        "activated": True,
        "additionalData": {},
    }


def payment(transfer: Transfer, invoice: HostedInvoice) -> dict[str, Json]:
    """`Payment`."""
    return {
        "id": f"{transfer.tx_hash}-0",
        "receivedDate": int(transfer.at.timestamp()),
        "value": plain(transfer.amount),
        "fee": "0.0",
        "status": _PAYMENT_STATUSES[transfer.status],
        "destination": invoice.address,
    }


def plain(amount: Decimal) -> str:
    """A decimal string without an exponent."""
    return f"{amount.quantize(Decimal('1e-18')).normalize():f}"


def _rate(invoice: HostedInvoice) -> Decimal:
    """Units of the asset for one unit of the invoice's currency."""
    return invoice.asked / invoice.amount
