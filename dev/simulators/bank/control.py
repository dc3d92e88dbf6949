"""Control commands for the payer, the bank's staff and the statements, besides those of every simulator.

| request | does |
|---|---|
| `POST /_control/pay` | sends money: `{"text": "RF…", "amount": "25.00", "currency": "EUR"}`; see `Payment` |
| `POST /_control/transfers/{}/book` | credits a pending transfer (`"booked": false`) |
| `POST /_control/transfers/{}/return` | sends the rest of a transfer back |
| `GET /_control/statements/{}` | `csv`, `camt.053.001.02`, `…04`, `…08`; `?batches=1` |

Besides requests and webhooks, payers and statements can have faults: `PayerFault`, `StatementFault`.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from dev.simulators.bank.api import shown
from dev.simulators.bank.state import Order
from dev.simulators.control import Body, Route, read
from dev.simulators.http import Json, Request, Response

if TYPE_CHECKING:
    from dev.simulators.bank.simulator import BankSimulator

FORMS: Final = ("csv", "camt.053.001.02", "camt.053.001.04", "camt.053.001.08")


class Payment(Body):
    """A transfer that a payer makes."""

    text: str = Field(max_length=2_000)
    amount: Decimal = Field(gt=0, max_digits=12, decimal_places=2)
    currency: Literal["USD", "EUR", "GBP", "CAD", "CHF", "AED"]
    payer_name: str = "A Payer"
    payer_account: str = "DE02120300000000202051"
    end_to_end_id: str = ""
    booked: bool = True


def routes(simulator: "BankSimulator") -> Iterable[Route]:
    """The commands about transfers and statements."""

    def pay(request: Request, item: str) -> Json:
        wanted = read(Payment, request)
        order = Order(**wanted.model_dump(exclude={"booked"}), is_booked=wanted.booked)
        return Response(201, shown(simulator.pay(order)))

    def book(request: Request, transfer_id: str) -> Json:
        simulator.book(transfer_id)
        return shown(simulator.state.transfers[transfer_id])

    def give_back(request: Request, transfer_id: str) -> Json:
        transfer = simulator.state.transfers[transfer_id]
        simulator.give_back(transfer_id, transfer.left, f"by hand {len(transfer.returns)}")
        return shown(transfer)

    def statement(request: Request, form: str) -> Json:
        if form not in FORMS:
            raise LookupError(f"no form {form!r}; there are {', '.join(FORMS)}")
        text = simulator.statement(form, as_batches=request.query.get("batches") == "1")
        kind = "text/csv" if form == "csv" else "application/xml"
        return Response(200, text, {"Content-Type": f"{kind}; charset=utf-8"})

    return (
        Route("POST", "/pay", pay),
        Route("POST", "/transfers/{}/book", book),
        Route("POST", "/transfers/{}/return", give_back),
        Route("GET", "/statements/{}", statement),
    )
