"""OxaPay's documents: the status of a payment, API answers, webhooks.

As in its documentation, amounts are JSON numbers, only the answer to a creation has the address, and webhooks
write `Paying` and `Paid` with a capital.
"""

from datetime import datetime
from decimal import Decimal

from dev.simulators.crypto.book import HostedInvoice, Mark, Transfer, TransferStatus
from dev.simulators.http import Json


def status(invoice: HostedInvoice, now: datetime) -> str:
    """The status. A payment that was paid late stays expired until staff accept it."""
    marked = {Mark.ACCEPTED: "manual_accept", Mark.REFUNDING: "refunding", Mark.REFUNDED: "refunded"}
    if invoice.mark in marked:
        return marked[invoice.mark]
    if invoice.is_paid and not invoice.is_late:
        return "paid"
    if now >= invoice.expires_at:
        return "underpaid" if invoice.received(until=invoice.expires_at) > 0 else "expired"
    if invoice.received() > invoice.received(final=True):
        return "paying"
    return "underpaid" if invoice.received() > 0 else "waiting"


def number(amount: Decimal) -> float:
    """A JSON number, which may lose digits."""
    return float(amount)


def created(invoice: HostedInvoice) -> dict[str, Json]:
    """The answer to the creation of a white-label payment."""
    return {
        "track_id": invoice.id,
        "amount": number(invoice.amount),
        "currency": invoice.currency,
        "pay_amount": number(invoice.asked),
        "pay_currency": invoice.asset,
        "network": f"{invoice.network.title()} Network",
        "address": invoice.address,
        "memo": "",
        "rate": number(invoice.amount / invoice.asked),
        "qr_code": "",
        "expired_at": int(invoice.expires_at.timestamp()),
        "date": int(invoice.created_at.timestamp()),
        **invoice.extra,
    }


def information(invoice: HostedInvoice, now: datetime) -> dict[str, Json]:
    """A payment in the answers of look-up and list."""
    counted = [item for item in invoice.transfers if item.status is not TransferStatus.DROPPED]
    return {
        "track_id": invoice.id,
        "type": "white_label",
        "amount": number(invoice.amount),
        "currency": invoice.currency,
        "status": status(invoice, now),
        "mixed_payment": False,
        "expired_at": int(invoice.expires_at.timestamp()),
        "date": int(invoice.created_at.timestamp()),
        "txs": [_transfer(item, invoice) for item in counted],
        **invoice.extra,
    }


def webhook(invoice: HostedInvoice, kind: str) -> dict[str, Json]:
    """The body of a webhook."""
    return {
        "track_id": invoice.id,
        "status": kind,
        "type": "white_label",
        "amount": number(invoice.amount),
        "value": number(invoice.amount),
        "sent_value": number(invoice.received()),
        "currency": invoice.currency,
        "order_id": invoice.reference,
        "email": "",
        "note": "",
        "fee_paid_by_payer": invoice.extra["fee_paid_by_payer"],
        "under_paid_coverage": invoice.extra["under_paid_coverage"],
        "description": invoice.extra["description"],
        "date": int(invoice.created_at.timestamp()),
        "txs": [_told_transfer(item, invoice) for item in invoice.transfers],
    }


def _transfer(transfer: Transfer, invoice: HostedInvoice) -> dict[str, Json]:
    is_confirmed = transfer.status is TransferStatus.CONFIRMED
    return {
        "tx_hash": transfer.tx_hash,
        "amount": number(transfer.amount),
        "currency": transfer.asset,
        "network": f"{transfer.network.title()} Network",
        "address": invoice.address,
        "status": "confirmed" if is_confirmed else "confirming",
        "confirmations": 12 if is_confirmed else 0,
        "auto_convert": {"processed": False, "amount": 0, "currency": ""},
        "auto_withdrawal": {"processed": False},
        "date": int(transfer.at.timestamp()),
    }


def _told_transfer(transfer: Transfer, invoice: HostedInvoice) -> dict[str, Json]:
    shown = _transfer(transfer, invoice)
    sent = shown.pop("amount")
    return {**shown, "sent_amount": sent, "received_amount": sent, "value": sent, "sent_value": sent, "rate": 1}
