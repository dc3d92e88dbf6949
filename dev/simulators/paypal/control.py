"""Control commands for the payer, PayPal's staff and the account's owner, besides those of every simulator.

| request | does |
|---|---|
| `POST /_control/orders/{}/approve` | the payer approves: see `Approval` |
| `POST /_control/orders/{}/decline` | the payer approves with a card that is declined |
| `POST /_control/orders/{}/expire` | PayPal forgets the order |
| `POST /_control/captures/{}/settle`, `…/deny` | ends a pending capture |
| `POST /_control/captures/{}/refund`, `…/dispute` | the owner refunds, or the payer complains: `Part`, `Complaint`
|
| `POST /_control/disputes/{}/win`, `…/lose`, `…/withdraw` | ends a dispute |
| `PUT /_control/refund-policy` | whether refunds stay pending from now on: `{"pending": true}` |
| `POST /_control/refunds/{}/complete`, `…/fail` | ends a pending refund |
| `POST /_control/tokens/expire` | ends every access token |

Orders are named by their id or their custom id (our top-up's), captures by their id or their order's.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dev.simulators.control import Body, Handler, Route, ThingT, change, dumped, read
from dev.simulators.http import Json, Request
from dev.simulators.paypal.account import Account, Capture, Dispute, Funds, Order, Refund
from dev.simulators.paypal.bank import Bank, Outcome

if TYPE_CHECKING:
    from dev.simulators.paypal.simulator import PayPalSimulator


class Approval(Body):
    """The payer's approval; with `refusal`, captures are refused with that issue until the payer approves
    again.
    """

    refusal: str = Field(default="", pattern=r"^[A-Z_]*$")
    capture_status: Literal["COMPLETED", "PENDING", "DECLINED"] = "COMPLETED"
    pending_reason: str = Field(default="ECHECK", pattern=r"^[A-Z_]+$")


class Part(Body):
    """Part of a payment; by default the rest."""

    amount: Decimal | None = Field(default=None, gt=0, le=10**9, decimal_places=2)


class Complaint(Part):
    """A dispute that the payer opens."""

    reason: str = Field(default="UNAUTHORISED", pattern=r"^[A-Z_]+$")


class RefundPolicy(Body):
    """Whether refunds stay pending from now on."""

    pending: bool


def routes(simulator: "PayPalSimulator") -> Iterable[Route]:
    """The commands about orders, captures, disputes, refunds and tokens."""
    return (
        *_order_routes(simulator),
        *_capture_routes(simulator),
        *_dispute_routes(simulator),
        *_refund_routes(simulator),
        Route("POST", "/tokens/expire", lambda request, item: {"expired": _expire_tokens(simulator.bank.account)}),
    )


def _order_routes(simulator: "PayPalSimulator") -> Iterable[Route]:
    def find(wanted: str) -> Order:
        return simulator.bank.account.order_named(wanted)

    def on_order(act: Callable[[Bank, Order, Request], object]) -> Handler:
        return change(find, lambda order, request: act(simulator.bank, order, request))

    def approve(bank: Bank, order: Order, request: Request) -> None:
        bank.approve(order, **read(Approval, request).model_dump())

    return (
        Route("POST", "/orders/{}/approve", on_order(approve)),
        Route(
            "POST",
            "/orders/{}/decline",
            on_order(lambda bank, order, request: bank.approve(order, refusal="INSTRUMENT_DECLINED")),
        ),
        Route("POST", "/orders/{}/expire", on_order(lambda bank, order, request: bank.expire(order))),
    )


def _capture_routes(simulator: "PayPalSimulator") -> Iterable[Route]:
    def find(wanted: str) -> Capture:
        return simulator.bank.account.capture_named(wanted)

    def on_capture(act: Callable[[Bank, Capture], object]) -> Handler:
        return change(find, lambda capture, request: act(simulator.bank, capture))

    def refund(request: Request, wanted: str) -> Json:
        """The account's owner refunds on PayPal's own pages: such a refund has no id of ours."""
        capture = find(wanted)
        value = read(Part, request).amount
        amount = None if value is None else Funds(currency=capture.amount.currency, value=value)
        return dumped(simulator.bank.refund(capture, amount))

    def dispute(request: Request, wanted: str) -> Json:
        capture = find(wanted)
        complaint = read(Complaint, request)
        return dumped(simulator.bank.dispute(capture, complaint.amount, complaint.reason))

    return (
        Route("POST", "/captures/{}/settle", on_capture(lambda bank, capture: bank.settle(capture, paid=True))),
        Route("POST", "/captures/{}/deny", on_capture(lambda bank, capture: bank.settle(capture, paid=False))),
        Route("POST", "/captures/{}/refund", refund),
        Route("POST", "/captures/{}/dispute", dispute),
    )


def _dispute_routes(simulator: "PayPalSimulator") -> Iterable[Route]:
    def ended_as(outcome: Outcome) -> Handler:
        def act(dispute: Dispute, request: Request) -> None:
            amount = read(Part, request).amount if outcome == "RESOLVED_BUYER_FAVOUR" else None
            simulator.bank.resolve(dispute, outcome, amount)

        return change(lambda wanted: _found(simulator.bank.account.disputes, wanted, "dispute"), act)

    return (
        Route("POST", "/disputes/{}/win", ended_as("RESOLVED_SELLER_FAVOUR")),
        Route("POST", "/disputes/{}/lose", ended_as("RESOLVED_BUYER_FAVOUR")),
        Route("POST", "/disputes/{}/withdraw", ended_as("CANCELED_BY_BUYER")),
    )


def _refund_routes(simulator: "PayPalSimulator") -> Iterable[Route]:
    def ended(*, done: bool) -> Handler:
        def act(refund: Refund, request: Request) -> None:
            simulator.bank.end_refund(refund, done=done)

        return change(lambda wanted: _found(simulator.bank.account.refunds, wanted, "refund"), act)

    def set_policy(request: Request, item: str) -> Json:
        simulator.bank.account.refunds_pend = read(RefundPolicy, request).pending
        return {"pending": simulator.bank.account.refunds_pend}

    return (
        Route("PUT", "/refund-policy", set_policy),
        Route("POST", "/refunds/{}/complete", ended(done=True)),
        Route("POST", "/refunds/{}/fail", ended(done=False)),
    )


def _found(things: Mapping[str, ThingT], wanted: str, kind: str) -> ThingT:
    if wanted not in things:
        raise LookupError(f"no {kind} {wanted!r}")
    return things[wanted]


def _expire_tokens(account: Account) -> int:
    expired = len(account.tokens)
    account.tokens.clear()
    return expired
