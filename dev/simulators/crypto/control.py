"""Control commands for the payer, the chain and the vendor's staff, besides those of every simulator.

| request | does |
|---|---|
| `POST /_control/invoices/{}/pay` | sends tokens; without an amount, the amount due: see `Payment` |
| `POST /_control/invoices/{}/confirm`, `…/drop` | confirms, or drops, the unconfirmed transfers |
| `POST /_control/invoices/{}/expire` | lets the invoice expire now |
| `POST /_control/invoices/{}/accept`, `…/invalidate` | records a decision of staff |
| `POST /_control/invoices/{}/refund` | sets the state of a refund: `{"done": true}` |

An invoice is named by its id, or by its reference, which is our top-up's id.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import Field

from dev.simulators.control import Body, Handler, Route, change, read
from dev.simulators.crypto.book import HostedInvoice, Mark
from dev.simulators.http import Request

if TYPE_CHECKING:
    from dev.simulators.crypto.simulator import CryptoSimulator


class Payment(Body):
    """Tokens for an invoice; without an amount, the amount due."""

    amount: Decimal | None = Field(default=None, gt=0, le=10**12)
    confirm: bool = True
    asset: str = ""


class Refund(Body):
    """The state of a refund that the vendor's staff make."""

    done: bool = True


def routes(simulator: "CryptoSimulator") -> Iterable[Route]:
    """The commands about invoices."""

    def find(wanted: str) -> HostedInvoice:
        found = simulator.book.find(wanted)
        if found is None:
            raise LookupError(f"no invoice {wanted!r}, by id or by reference")
        return found

    def on_invoice(act: Callable[[HostedInvoice, Request], object]) -> Handler:
        return change(find, act)

    def pay(invoice: HostedInvoice, request: Request) -> None:
        payment = read(Payment, request)
        simulator.pay(invoice, payment.amount, confirm=payment.confirm, asset=payment.asset)

    def refund(invoice: HostedInvoice, request: Request) -> None:
        simulator.mark(invoice, Mark.REFUNDED if read(Refund, request).done else Mark.REFUNDING)

    return (
        Route("POST", "/invoices/{}/pay", on_invoice(pay)),
        Route("POST", "/invoices/{}/confirm", on_invoice(lambda invoice, request: simulator.confirm(invoice))),
        Route("POST", "/invoices/{}/drop", on_invoice(lambda invoice, request: simulator.drop(invoice))),
        Route("POST", "/invoices/{}/expire", on_invoice(lambda invoice, request: simulator.expire(invoice))),
        Route(
            "POST", "/invoices/{}/accept", on_invoice(lambda invoice, _: simulator.mark(invoice, Mark.ACCEPTED))
        ),
        Route(
            "POST", "/invoices/{}/invalidate", on_invoice(lambda invoice, _: simulator.mark(invoice, Mark.INVALID))
        ),
        Route("POST", "/invoices/{}/refund", on_invoice(refund)),
    )
