"""`/_control`: the payer, the chain, the people in the vendor's panel, and the faults."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field

from dev.simulators.crypto.book import HostedInvoice, Mark
from dev.simulators.faults import Fault
from dev.simulators.http import Json, Request, Response

if TYPE_CHECKING:
    from dev.simulators.crypto.simulator import CryptoSimulator

PREFIX: Final = "/_control"


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Advance(_Command):
    """Let time pass."""

    advance_seconds: float = Field(ge=0, le=10 * 365 * 86_400)


class Payment(_Command):
    """Tokens for an invoice; without an amount, what is due."""

    amount: Decimal | None = Field(default=None, gt=0, le=10**12)
    confirm: bool = True
    asset: str = ""


class Refund(_Command):
    """How far the people in the panel are with a refund."""

    done: bool = True


class WebhookUrl(_Command):
    """Where webhooks go from now on; nowhere, if it is empty."""

    url: str


class Delivery(_Command):
    """How a webhook is sent by hand: as the vendor's panel does it, or byte for byte, or by somebody else."""

    as_is: bool = False
    times: int = Field(default=1, ge=1, le=1000)
    forged: bool = False


Handler = Callable[["CryptoSimulator", Request, str], Response]


def answer(simulator: "CryptoSimulator", request: Request) -> Response:
    """Carry a command out."""
    path = request.path.removeprefix(PREFIX).rstrip("/")
    for method, pattern, handler in _ROUTES:
        if method == request.method and (found := re.fullmatch(pattern, path)):
            try:
                with simulator.lock:
                    return handler(simulator, request, found.group(1) if found.groups() else "")
            except LookupError as error:
                return Response(404, {"error": str(error)})
            except ValueError as error:
                return Response(400, {"error": str(error)})
    return Response(404, {"error": f"no such command: {request.method} {request.path}"})


def _invoice(simulator: "CryptoSimulator", wanted: str) -> HostedInvoice:
    found = simulator.book.find(wanted)
    if found is None:
        raise LookupError(f"no invoice {wanted!r}, by id or by reference")
    return found


def _body(request: Request) -> Json:
    return request.json() if request.body else {}


def _shown(invoice: HostedInvoice) -> Response:
    return Response(200, invoice.model_dump(mode="json"))


def _health(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"status": "ok"})


def _state(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"now": simulator.now().isoformat(), **simulator.book.model_dump(mode="json")})


def _reset(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    simulator.reset()
    return Response(204)


def _advance(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    simulator.advance(Advance.model_validate(_body(request)).advance_seconds)
    return Response(200, {"now": simulator.now().isoformat()})


def _pay(simulator: "CryptoSimulator", request: Request, wanted: str) -> Response:
    invoice = _invoice(simulator, wanted)
    payment = Payment.model_validate(_body(request))
    simulator.pay(invoice, payment.amount, confirm=payment.confirm, asset=payment.asset)
    return _shown(invoice)


def _confirm(simulator: "CryptoSimulator", request: Request, wanted: str) -> Response:
    invoice = _invoice(simulator, wanted)
    simulator.confirm(invoice)
    return _shown(invoice)


def _drop(simulator: "CryptoSimulator", request: Request, wanted: str) -> Response:
    invoice = _invoice(simulator, wanted)
    simulator.drop(invoice)
    return _shown(invoice)


def _expire(simulator: "CryptoSimulator", request: Request, wanted: str) -> Response:
    invoice = _invoice(simulator, wanted)
    simulator.expire(invoice)
    return _shown(invoice)


def _accept(simulator: "CryptoSimulator", request: Request, wanted: str) -> Response:
    invoice = _invoice(simulator, wanted)
    simulator.mark(invoice, Mark.ACCEPTED)
    return _shown(invoice)


def _invalidate(simulator: "CryptoSimulator", request: Request, wanted: str) -> Response:
    invoice = _invoice(simulator, wanted)
    simulator.mark(invoice, Mark.INVALID)
    return _shown(invoice)


def _refund(simulator: "CryptoSimulator", request: Request, wanted: str) -> Response:
    invoice = _invoice(simulator, wanted)
    is_done = Refund.model_validate(_body(request)).done
    simulator.mark(invoice, Mark.REFUNDED if is_done else Mark.REFUNDING)
    return _shown(invoice)


def _add_fault(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    return Response(201, simulator.faults.add(Fault.model_validate(_body(request))).model_dump())


def _list_faults(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"faults": [fault.model_dump() for fault in simulator.faults.list()]})


def _clear_faults(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    simulator.faults.clear()
    return Response(204)


def _remove_fault(simulator: "CryptoSimulator", request: Request, fault_id: str) -> Response:
    if not simulator.faults.remove(fault_id):
        raise LookupError(f"no fault {fault_id}")
    return Response(204)


def _requests(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    """The requests whose number is greater than `since`."""
    since = int(request.query.get("since", "0"))
    kept = [item for item in simulator.requests if item["number"] > since]
    return Response(200, {"requests": kept, "last": simulator.served})


def _webhooks(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    shown = [
        {**item.summary(), "body": item.body, "headers": simulator.outbox.headers_for(item)}
        for item in simulator.outbox.history
    ]
    return Response(200, {"webhooks": shown})


def _deliver(simulator: "CryptoSimulator", request: Request, webhook_id: str) -> Response:
    wanted = Delivery.model_validate(_body(request))
    if wanted.as_is or wanted.forged or wanted.times > 1:
        is_found = simulator.outbox.deliver(webhook_id, times=wanted.times, forged=wanted.forged)
    else:
        is_found = simulator.redeliver(webhook_id)
    if not is_found:
        raise LookupError(f"no webhook {webhook_id}")
    return Response(202)


def _deliver_unsent(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    """Send what is held back, and every webhook that has not been tried."""
    simulator.outbox.flush()
    unsent = [item.id for item in simulator.outbox.history if not item.attempts]
    for webhook_id in unsent:
        simulator.outbox.deliver(webhook_id)
    return Response(202, {"sent": len(unsent)})


def _set_webhook_url(simulator: "CryptoSimulator", request: Request, argument: str) -> Response:
    simulator.outbox.url = WebhookUrl.model_validate(_body(request)).url
    return Response(200, {"url": simulator.outbox.url})


_ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/health", _health),
    ("GET", "/state", _state),
    ("POST", "/reset", _reset),
    ("POST", "/clock", _advance),
    ("POST", "/invoices/([^/]+)/pay", _pay),
    ("POST", "/invoices/([^/]+)/confirm", _confirm),
    ("POST", "/invoices/([^/]+)/drop", _drop),
    ("POST", "/invoices/([^/]+)/expire", _expire),
    ("POST", "/invoices/([^/]+)/accept", _accept),
    ("POST", "/invoices/([^/]+)/invalidate", _invalidate),
    ("POST", "/invoices/([^/]+)/refund", _refund),
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
