"""`/_control`: the payer, PayPal's people, the account's owner in PayPal's own pages, time, and faults.

Orders are named by their id or their custom id (our top-up's), captures by their id or their order's.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from dev.simulators.faults import Fault
from dev.simulators.http import Json, Request, Response
from dev.simulators.paypal.account import Dispute, Funds, Refund
from dev.simulators.paypal.wire import Refusal

if TYPE_CHECKING:
    from dev.simulators.paypal.simulator import PayPalSimulator

PREFIX: Final = "/_control"


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Approval(_Command):
    """How the payer agrees: `refusal` is what captures are refused with until the payer approves again."""

    refusal: str = Field(default="", pattern=r"^[A-Z_]*$")
    capture_status: Literal["COMPLETED", "PENDING", "DECLINED"] = "COMPLETED"
    pending_reason: str = Field(default="ECHECK", pattern=r"^[A-Z_]+$")


class Part(_Command):
    """A part of a payment; by default, all that is left."""

    amount: Decimal | None = Field(default=None, gt=0, le=10**9, decimal_places=2)


class Complaint(Part):
    """What a payer complains of."""

    reason: str = Field(default="UNAUTHORISED", pattern=r"^[A-Z_]+$")


class Advance(_Command):
    """Let time pass."""

    advance_seconds: float = Field(ge=0, le=10 * 365 * 86_400)


class RefundPolicy(_Command):
    """Whether refunds wait from now on."""

    pending: bool


class WebhookUrl(_Command):
    """Where webhooks go from now on; nowhere, if it is empty."""

    url: str


class Delivery(_Command):
    """How a webhook is sent by hand."""

    times: int = Field(default=1, ge=1, le=1000)
    forged: bool = False


Handler = Callable[["PayPalSimulator", Request, str], Response]


def answer(simulator: "PayPalSimulator", request: Request) -> Response:
    """Carry a command out."""
    path = request.path.removeprefix(PREFIX).rstrip("/")
    for method, pattern, handler in _ROUTES:
        if method == request.method and (found := re.fullmatch(pattern, path)):
            try:
                with simulator.lock:
                    return handler(simulator, request, found.group(1) if found.groups() else "")
            except LookupError as error:
                return Response(404, {"error": str(error)})
            except (ValueError, Refusal) as error:
                return Response(400, {"error": str(error)})
    return Response(404, {"error": f"no such command: {request.method} {request.path}"})


def _body(request: Request) -> Json:
    return request.json() if request.body else {}


def _health(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"status": "ok"})


def _state(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    shown = simulator.bank.account.model_dump(mode="json", exclude={"tokens"})
    return Response(200, {"now": simulator.now().isoformat(), **shown})


def _reset(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    simulator.reset()
    return Response(204)


def _advance(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    simulator.advance(Advance.model_validate(_body(request)).advance_seconds)
    return Response(200, {"now": simulator.now().isoformat()})


def _approve(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    order = simulator.bank.account.order_named(wanted)
    approval = Approval.model_validate(_body(request))
    simulator.bank.approve(
        order,
        refusal=approval.refusal,
        capture_status=approval.capture_status,
        pending_reason=approval.pending_reason,
    )
    return Response(200, order.model_dump(mode="json"))


def _decline(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    order = simulator.bank.account.order_named(wanted)
    simulator.bank.approve(order, refusal="INSTRUMENT_DECLINED")
    return Response(200, order.model_dump(mode="json"))


def _expire(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    order = simulator.bank.account.order_named(wanted)
    simulator.bank.expire(order)
    return Response(200, order.model_dump(mode="json"))


def _settle(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    capture = simulator.bank.account.capture_named(wanted)
    simulator.bank.settle(capture, paid=True)
    return Response(200, capture.model_dump(mode="json"))


def _deny(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    capture = simulator.bank.account.capture_named(wanted)
    simulator.bank.settle(capture, paid=False)
    return Response(200, capture.model_dump(mode="json"))


def _refund(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    """A refund that the account's owner makes in PayPal's own pages: it bears no id of ours."""
    capture = simulator.bank.account.capture_named(wanted)
    value = Part.model_validate(_body(request)).amount
    amount = None if value is None else Funds(currency=capture.amount.currency, value=value)
    return Response(200, simulator.bank.refund(capture, amount).model_dump(mode="json"))


def _dispute(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    capture = simulator.bank.account.capture_named(wanted)
    complaint = Complaint.model_validate(_body(request))
    dispute = simulator.bank.dispute(capture, complaint.amount, complaint.reason)
    return Response(200, dispute.model_dump(mode="json"))


def _found_dispute(simulator: "PayPalSimulator", wanted: str) -> Dispute:
    if wanted not in simulator.bank.account.disputes:
        raise LookupError(f"no dispute {wanted!r}")
    return simulator.bank.account.disputes[wanted]


def _win(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    dispute = _found_dispute(simulator, wanted)
    simulator.bank.resolve(dispute, "RESOLVED_SELLER_FAVOUR")
    return Response(200, dispute.model_dump(mode="json"))


def _lose(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    dispute = _found_dispute(simulator, wanted)
    simulator.bank.resolve(dispute, "RESOLVED_BUYER_FAVOUR", Part.model_validate(_body(request)).amount)
    return Response(200, dispute.model_dump(mode="json"))


def _withdraw(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    dispute = _found_dispute(simulator, wanted)
    simulator.bank.resolve(dispute, "CANCELED_BY_BUYER")
    return Response(200, dispute.model_dump(mode="json"))


def _set_refund_policy(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    simulator.bank.account.refunds_pend = RefundPolicy.model_validate(_body(request)).pending
    return Response(200, {"pending": simulator.bank.account.refunds_pend})


def _found_refund(simulator: "PayPalSimulator", wanted: str) -> Refund:
    if wanted not in simulator.bank.account.refunds:
        raise LookupError(f"no refund {wanted!r}")
    return simulator.bank.account.refunds[wanted]


def _complete_refund(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    refund = _found_refund(simulator, wanted)
    simulator.bank.end_refund(refund, done=True)
    return Response(200, refund.model_dump(mode="json"))


def _fail_refund(simulator: "PayPalSimulator", request: Request, wanted: str) -> Response:
    refund = _found_refund(simulator, wanted)
    simulator.bank.end_refund(refund, done=False)
    return Response(200, refund.model_dump(mode="json"))


def _expire_tokens(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    tokens = simulator.bank.account.tokens
    expired = len(tokens)
    tokens.clear()
    return Response(200, {"expired": expired})


def _add_fault(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    return Response(201, simulator.faults.add(Fault.model_validate(_body(request))).model_dump())


def _list_faults(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"faults": [fault.model_dump() for fault in simulator.faults.list()]})


def _clear_faults(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    simulator.faults.clear()
    return Response(204)


def _remove_fault(simulator: "PayPalSimulator", request: Request, fault_id: str) -> Response:
    if not simulator.faults.remove(fault_id):
        raise LookupError(f"no fault {fault_id}")
    return Response(204)


def _requests(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    """The requests whose number is greater than `since`."""
    since = int(request.query.get("since", "0"))
    kept = [item for item in simulator.requests if item["number"] > since]
    return Response(200, {"requests": kept, "last": simulator.served})


def _webhooks(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    shown = [
        {**item.summary(), "body": item.body, "headers": simulator.outbox.headers_for(item)}
        for item in simulator.outbox.history
    ]
    return Response(200, {"webhooks": shown})


def _deliver(simulator: "PayPalSimulator", request: Request, webhook_id: str) -> Response:
    wanted = Delivery.model_validate(_body(request))
    if not simulator.outbox.deliver(webhook_id, times=wanted.times, forged=wanted.forged):
        raise LookupError(f"no webhook {webhook_id}")
    return Response(202)


def _deliver_unsent(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    """Send what is held back, and every webhook that has not been tried."""
    simulator.outbox.flush()
    unsent = [item.id for item in simulator.outbox.history if not item.attempts]
    for webhook_id in unsent:
        simulator.outbox.deliver(webhook_id)
    return Response(202, {"sent": len(unsent)})


def _set_webhook_url(simulator: "PayPalSimulator", request: Request, argument: str) -> Response:
    simulator.outbox.url = WebhookUrl.model_validate(_body(request)).url
    return Response(200, {"url": simulator.outbox.url})


_ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/health", _health),
    ("GET", "/state", _state),
    ("POST", "/reset", _reset),
    ("POST", "/clock", _advance),
    ("POST", "/orders/([^/]+)/approve", _approve),
    ("POST", "/orders/([^/]+)/decline", _decline),
    ("POST", "/orders/([^/]+)/expire", _expire),
    ("POST", "/captures/([^/]+)/settle", _settle),
    ("POST", "/captures/([^/]+)/deny", _deny),
    ("POST", "/captures/([^/]+)/refund", _refund),
    ("POST", "/captures/([^/]+)/dispute", _dispute),
    ("POST", "/disputes/([^/]+)/win", _win),
    ("POST", "/disputes/([^/]+)/lose", _lose),
    ("POST", "/disputes/([^/]+)/withdraw", _withdraw),
    ("PUT", "/refund-policy", _set_refund_policy),
    ("POST", "/refunds/([^/]+)/complete", _complete_refund),
    ("POST", "/refunds/([^/]+)/fail", _fail_refund),
    ("POST", "/tokens/expire", _expire_tokens),
    ("GET", "/faults", _list_faults),
    ("POST", "/faults", _add_fault),
    ("DELETE", "/faults", _clear_faults),
    ("DELETE", "/faults/([^/]+)", _remove_fault),
    ("GET", "/requests", _requests),
    ("GET", "/webhooks", _webhooks),
    ("POST", "/webhooks/deliver", _deliver_unsent),
    ("POST", "/webhooks/([^/]+)/deliver", _deliver),
    ("PUT", "/webhook-url", _set_webhook_url),
)
