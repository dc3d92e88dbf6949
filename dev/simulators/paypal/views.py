"""The account's contents in PayPal's API formats."""

from collections.abc import Iterable
from datetime import datetime

from dev.simulators.http import Json
from dev.simulators.paypal.account import MERCHANT_ID, PAYER_ID, Account, Capture, Dispute, Order, Refund

Shown = dict[str, Json]


def instant(at: datetime) -> str:
    """An instant in PayPal's format."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _with(shown: Shown, **texts: str) -> Shown:
    """`shown` plus those of `texts` that are not empty."""
    return shown | {name: value for name, value in texts.items() if value}


def order(account: Account, found: Order, base_url: str) -> Shown:
    """A whole order."""
    unit: Shown = {
        "reference_id": "default",
        "amount": found.amount.shown(),
        "payee": {"email_address": "merchant@example.com", "merchant_id": MERCHANT_ID},
    }
    unit = _with(unit, custom_id=found.custom_id, invoice_id=found.invoice_id, description=found.description)
    captures = account.captures_of(found)
    if captures:
        refunds = [item for capture_ in captures for item in account.refunds_of(capture_)]
        payments: Shown = {"captures": [capture(account, item, base_url) for item in captures]}
        if refunds:
            payments["refunds"] = [refund(item, base_url) for item in refunds]
        unit["payments"] = payments
    shown: Shown = {
        "id": found.id,
        "intent": "CAPTURE",
        "status": found.status,
        "payment_source": {"paypal": {"account_id": PAYER_ID} if captures else {}},
        "purchase_units": [unit],
        "create_time": instant(found.created_at),
        "links": order_links(found, base_url),
    }
    return shown | ({"update_time": instant(found.updated_at)} if found.updated_at > found.created_at else {})


def order_links(found: Order, base_url: str) -> list[Shown]:
    """The links to an order's next actions."""
    url = f"{base_url}/v2/checkout/orders/{found.id}"
    links = [{"href": url, "rel": "self", "method": "GET"}]
    if found.status in {"PAYER_ACTION_REQUIRED", "APPROVED"}:
        page = f"{base_url}/checkoutnow?token={found.id}"
        links.append({"href": page, "rel": "payer-action", "method": "GET"})
    if found.status == "APPROVED":
        links.append({"href": f"{url}/capture", "rel": "capture", "method": "POST"})
    return links


def minimal(found: Order, base_url: str) -> Shown:
    """An order with `Prefer: return=minimal`, which is the default."""
    return {"id": found.id, "status": found.status, "links": order_links(found, base_url)}


def capture(account: Account, found: Capture, base_url: str, *, as_resource: bool = False) -> Shown:
    """A capture: within an order, or as a separate resource, which also names the order."""
    url = f"{base_url}/v2/payments/captures/{found.id}"
    shown: Shown = {
        "id": found.id,
        "status": found.status,
        "amount": found.amount.shown(),
        "final_capture": True,
        "seller_protection": {"status": "NOT_ELIGIBLE"},
        "create_time": instant(found.created_at),
        "update_time": instant(found.updated_at),
        "links": [
            {"href": url, "rel": "self", "method": "GET"},
            {"href": f"{url}/refund", "rel": "refund", "method": "POST"},
            {"href": f"{base_url}/v2/checkout/orders/{found.order_id}", "rel": "up", "method": "GET"},
        ],
    }
    if found.reason:
        shown["status_details"] = {"reason": found.reason}
    if as_resource:
        shown["supplementary_data"] = {"related_ids": {"order_id": found.order_id}}
    return _with(shown, custom_id=found.custom_id, invoice_id=found.invoice_id)


def refund(found: Refund, base_url: str) -> Shown:
    """A refund; it names its capture, but no order."""
    shown: Shown = {
        "id": found.id,
        "status": found.status,
        "amount": found.amount.shown(),
        "create_time": instant(found.created_at),
        "update_time": instant(found.created_at),
        "links": [
            {"href": f"{base_url}/v2/payments/refunds/{found.id}", "rel": "self", "method": "GET"},
            {"href": f"{base_url}/v2/payments/captures/{found.capture_id}", "rel": "up", "method": "GET"},
        ],
    }
    return _with(shown, custom_id=found.custom_id, invoice_id=found.invoice_id)


def dispute_line(found: Dispute, base_url: str) -> Shown:
    """A dispute in lists, without its outcome."""
    return {
        "dispute_id": found.id,
        "create_time": instant(found.created_at),
        "update_time": instant(found.updated_at),
        "reason": found.reason,
        "status": found.status,
        "dispute_state": "RESOLVED" if found.status == "RESOLVED" else "REQUIRED_ACTION",
        "dispute_amount": found.amount.shown(),
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_channel": "INTERNAL",
        "links": [{"href": f"{base_url}/v1/customer/disputes/{found.id}", "rel": "self", "method": "GET"}],
    }


def dispute(account: Account, found: Dispute, base_url: str) -> Shown:
    """A whole dispute."""
    disputed = account.captures[found.capture_id]
    transaction: Shown = {
        "seller_transaction_id": disputed.id,
        "create_time": instant(disputed.created_at),
        "transaction_status": "COMPLETED",
        "gross_amount": disputed.amount.shown(),
    }
    transaction = _with(transaction, custom=disputed.custom_id, invoice_number=disputed.invoice_id)
    shown = dispute_line(found, base_url) | {"disputed_transactions": [transaction]}
    if found.outcome:
        outcome: Shown = {"outcome_code": found.outcome}
        if found.refunded:
            outcome["amount_refunded"] = found.refunded.shown()
        shown["dispute_outcome"] = outcome
    return shown


def statement(account: Account) -> Iterable[tuple[datetime, Shown]]:
    """The lines of the account's statement, each with its time."""
    for found in account.captures.values():
        if found.status in {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"}:
            yield found.created_at, _line(found.id, "T0006", found.created_at, found.amount.shown(), found)
    for given in account.refunds.values():
        if given.status == "COMPLETED":
            paid = given.amount.shown()
            minus = paid | {"value": f"-{paid['value']}"}
            code = "T1106" if given.is_reversal else "T1107"
            yield given.created_at, _line(given.id, code, given.created_at, minus, given)


def _line(line_id: str, code: str, at: datetime, amount: Shown, about: Capture | Refund) -> Shown:
    info: Shown = {
        "transaction_id": line_id,
        "transaction_event_code": code,
        "transaction_initiation_date": instant(at),
        "transaction_updated_date": instant(at),
        "transaction_amount": amount,
        "transaction_status": "S",
    }
    return {"transaction_info": _with(info, custom_field=about.custom_id, invoice_id=about.invoice_id)}
