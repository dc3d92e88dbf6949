"""`/_control`: the payer, the bank's own people, its statements and webhooks, and the faults.

| request | does |
|---|---|
| `POST /_control/pay` | sends money: `{"text": "RF…", "amount": "25.00", "currency": "EUR"}`; see `Payment` |
| `POST /_control/transfers/{id}/book` | credits what is on its way (`"booked": false`) |
| `POST /_control/transfers/{id}/return` | sends all that is left of it back |
| `GET /_control/transfers` | everything that came |
| `GET /_control/statements/{form}` | `csv`, `camt.053.001.02`, `…04`, `…08`; `?batches=1` |
| `GET /_control/webhooks` | what was announced, and how it was answered |
| `POST /_control/webhooks/deliver` | sends one again: `{"id": "evt_…", "times": 100, "forged": false}` |
| `POST /_control/webhooks/flush` | sends what a fault holds back |
| `PUT /_control/webhooks/url` | where webhooks go from now on: `{"url": "…"}` |
| `GET, POST, DELETE /_control/faults` | `PayerFault`, `StatementFault`, `WebhookFault`, `RequestFault` |
| `GET /_control/requests` | what was asked |
| `POST /_control/reset` | forgets everything |
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dev.simulators.bank.api import shown
from dev.simulators.bank.state import Order
from dev.simulators.faults import Fault
from dev.simulators.http import Request, Response

if TYPE_CHECKING:
    from dev.simulators.bank.simulator import BankSimulator

PREFIX: Final = "/_control"
FORMS: Final = ("csv", "camt.053.001.02", "camt.053.001.04", "camt.053.001.08")


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Payment(_Command):
    """A transfer that a payer makes."""

    text: str = Field(max_length=2_000)
    amount: Decimal = Field(gt=0, max_digits=12, decimal_places=2)
    currency: Literal["USD", "EUR", "GBP", "CAD", "CHF", "AED"]
    payer_name: str = "A Payer"
    payer_account: str = "DE02120300000000202051"
    end_to_end_id: str = ""
    booked: bool = True


class Delivery(_Command):
    """Which webhook is sent again, and how."""

    id: str
    times: int = Field(default=1, ge=1, le=1000)
    forged: bool = False


class WebhookUrl(_Command):
    """Where webhooks go."""

    url: str


def answer(simulator: "BankSimulator", request: Request) -> Response:
    """Carry a command out."""
    for method, pattern, handler in _ROUTES:
        found = pattern.fullmatch(request.path.removeprefix(PREFIX))
        if found and method == request.method:
            try:
                return handler(simulator, request, found["argument"] if "argument" in found.groupdict() else "")
            except KeyError as error:
                return Response(404, {"error": f"no {error}"})
            except (ValidationError, ValueError) as error:
                return Response(400, {"error": str(error)})
    return Response(404, {"error": "no such command"})


def _pay(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    wanted = Payment.model_validate_json(request.body)
    order = Order(**wanted.model_dump(exclude={"booked"}), is_booked=wanted.booked)
    return Response(201, shown(simulator.pay(order)))


def _book(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    simulator.book(argument)
    return Response(200, shown(simulator.state.transfers[argument]))


def _return(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    transfer = simulator.state.transfers[argument]
    simulator.give_back(argument, transfer.left, f"by hand {len(transfer.returns)}")
    return Response(200, shown(transfer))


def _transfers(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"transfers": [shown(transfer) for transfer in simulator.state.transfers.values()]})


def _statement(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    if argument not in FORMS:
        raise KeyError(argument)
    text = simulator.statement(argument, as_batches=request.query.get("batches") == "1")
    kind = "text/csv" if argument == "csv" else "application/xml"
    return Response(200, text, {"Content-Type": f"{kind}; charset=utf-8"})


def _webhooks(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"webhooks": [webhook.summary() for webhook in simulator.outbox.history]})


def _deliver(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    wanted = Delivery.model_validate_json(request.body)
    if not simulator.outbox.deliver(wanted.id, times=wanted.times, forged=wanted.forged):
        raise KeyError(wanted.id)
    return Response(202)


def _flush(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    simulator.outbox.flush()
    return Response(202)


def _url(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    simulator.outbox.url = WebhookUrl.model_validate_json(request.body).url
    return Response(200, {"url": simulator.outbox.url})


def _faults(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"faults": [fault.model_dump() for fault in simulator.faults.list()]})


def _add_fault(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    return Response(201, simulator.faults.add(Fault.model_validate_json(request.body)).model_dump())


def _clear_faults(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    simulator.faults.clear()
    return Response(204)


def _requests(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"requests": list(simulator.requests)})


def _reset(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    simulator.reset()
    return Response(204)


def _health(simulator: "BankSimulator", request: Request, argument: str) -> Response:
    return Response(200, {"status": "ok"})


_Handler = Callable[["BankSimulator", Request, str], Response]
_ROUTES: Final[tuple[tuple[str, re.Pattern[str], _Handler], ...]] = (
    ("GET", re.compile("/health"), _health),
    ("POST", re.compile("/pay"), _pay),
    ("GET", re.compile("/transfers"), _transfers),
    ("POST", re.compile("/transfers/(?P<argument>[^/]+)/book"), _book),
    ("POST", re.compile("/transfers/(?P<argument>[^/]+)/return"), _return),
    ("GET", re.compile("/statements/(?P<argument>[^/]+)"), _statement),
    ("GET", re.compile("/webhooks"), _webhooks),
    ("POST", re.compile("/webhooks/deliver"), _deliver),
    ("POST", re.compile("/webhooks/flush"), _flush),
    ("PUT", re.compile("/webhooks/url"), _url),
    ("GET", re.compile("/faults"), _faults),
    ("POST", re.compile("/faults"), _add_fault),
    ("DELETE", re.compile("/faults"), _clear_faults),
    ("GET", re.compile("/requests"), _requests),
    ("POST", re.compile("/reset"), _reset),
)
