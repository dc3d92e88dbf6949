"""The simulated BTCPay Server: one store, with the payment methods of a token plug-in."""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from chalicelib.kernel.clock import Clock
from dev.simulators.btcpay import views
from dev.simulators.crypto.book import HostedInvoice, Mark, Transfer, seconds
from dev.simulators.crypto.simulator import CryptoSimulator, Event
from dev.simulators.http import Json, Request, Response
from dev.simulators.webhooks import Webhook

API_KEY: Final = "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334"
STORE_ID: Final = "HearthStore11111111111111111111111111111111"
WEBHOOK_SECRET: Final = "btcpay-simulator-webhook-secret"
WEBHOOK_ID: Final = "SimulatedWebhook1"
PAYMENT_METHODS: Final[Mapping[str, tuple[str, str]]] = {
    f"{asset}-{chain}": (asset, chain) for asset in ("USDT", "USDC") for chain in ("ETHEREUM", "BSC", "POLYGON")
}
_CURRENCIES: Final = frozenset({"USD", "EUR", "GBP", "CAD", "CHF", "AED"})
_CHECKOUT_FIELDS: Final = frozenset(
    {
        "speedPolicy",
        "paymentMethods",
        "defaultPaymentMethod",
        "lazyPaymentMethods",
        "expirationMinutes",
        "monitoringMinutes",
        "paymentTolerance",
        "redirectURL",
        "redirectAutomatically",
        "defaultLanguage",
    }
)
_SPEEDS: Final = frozenset({"HighSpeed", "MediumSpeed", "LowSpeed", "LowMediumSpeed", None})


class _Invalid(Exception):
    """A field of the request is not valid."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


class BTCPay:
    """`Vendor` for BTCPay."""

    name = "btcpay"

    def __init__(self, rate: Decimal = Decimal(1)) -> None:
        """`rate`: units of either asset for one unit of any currency."""
        self.rate = rate

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        return Response(status, {"code": "injected", "message": "An injected error"}, dict(headers))

    def sign(self, body: bytes) -> Mapping[str, str]:
        digest = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        return {"BTCPay-Sig": f"sha256={digest}", "User-Agent": "BTCPayServer/2.2.1"}

    def again(self, webhook: Webhook) -> Webhook:
        """The redelivery: a new id, the first delivery's id in a field, and the event's time unchanged."""
        delivery_id = _token(22)
        body = {**json.loads(webhook.body), "deliveryId": delivery_id, "isRedelivery": True}
        return Webhook(delivery_id, webhook.kind, json.dumps(body))

    def answer(self, simulator: CryptoSimulator, request: Request) -> Response:
        if request.headers.get("authorization") != f"token {API_KEY}":
            return _problem(401, "unauthenticated", "Authentication is required for accessing this endpoint")
        found = re.fullmatch(r"/api/v1/stores/([^/]+)/invoices(/[^/]+)?(/[^/]+)?", request.path)
        if found is None:
            return _problem(404, "not-found", "No such endpoint")
        if found[1] != STORE_ID:
            return _problem(403, "missing-permission", "Insufficient API Permissions")
        try:
            return self._answer(simulator, request, (found[2] or "")[1:], (found[3] or "")[1:])
        except _Invalid as error:
            return Response(422, [{"path": error.path, "message": str(error)}])
        except ValueError:
            return _problem(400, "invalid-json", "The body is not JSON")

    def _answer(self, simulator: CryptoSimulator, request: Request, invoice_id: str, part: str) -> Response:
        if not invoice_id:
            collection: dict[str, Callable[[], Response]] = {
                "POST": lambda: self._create(simulator, request.json()),
                "GET": lambda: self._list(simulator, request),
            }
            return collection.get(request.method, _no_method)()
        invoice = simulator.book.invoices.get(invoice_id)
        if invoice is None:
            return _problem(404, "invoice-not-found", "The invoice was not found")
        member: dict[tuple[str, str], Callable[[], Response]] = {
            ("GET", ""): lambda: self._shown(simulator, invoice),
            ("GET", "payment-methods"): lambda: Response(200, [views.payment_method(invoice)]),
            ("POST", "status"): lambda: self._mark(simulator, invoice, request.json()),
            ("DELETE", ""): lambda: self._archive(invoice),
        }
        return member.get((request.method, part), _no_method)()

    def _create(self, simulator: CryptoSimulator, body: Json) -> Response:
        amount, method = _checked(body)
        checkout = body["checkout"]
        asset, network = PAYMENT_METHODS[method]
        now = simulator.now()
        invoice = HostedInvoice(
            id=_token(22),
            reference=(body.get("metadata") or {}).get("orderId") or "",
            amount=amount,
            currency=body["currency"],
            asset=asset,
            network=network,
            address=f"0x{simulator.book.next_token('address')[:40]}",
            asked=amount * self.rate,
            created_at=now,
            expires_at=now + seconds(60 * checkout.get("expirationMinutes", 15)),
            tolerance_percent=Decimal(str(checkout.get("paymentTolerance", 0))),
            extra={
                "storeId": STORE_ID,
                "paymentMethodId": method,
                "monitoringMinutes": checkout.get("monitoringMinutes", 1440),
                "metadata": body.get("metadata") or {},
                "checkout": checkout,
            },
        )
        simulator.open(invoice)
        return self._shown(simulator, invoice)

    def _list(self, simulator: CryptoSimulator, request: Request) -> Response:
        query = parse_qs(request.query_string)
        found = [item for item in simulator.book.invoices.values() if _is_wanted(item, query)]
        found.sort(key=lambda item: item.created_at, reverse=True)
        skip, take = int(query.get("skip", ["0"])[0]), int(query.get("take", ["50"])[0])
        shown = [self._data(simulator, item) for item in found[skip : skip + take]]
        return Response(200, shown)

    def _mark(self, simulator: CryptoSimulator, invoice: HostedInvoice, body: Json) -> Response:
        marks = {"Settled": Mark.ACCEPTED, "Invalid": Mark.INVALID}
        if body.get("status") not in marks:
            raise _Invalid("status", "Status can only be marked to invalid or settled")
        simulator.mark(invoice, marks[body["status"]])
        return self._shown(simulator, invoice)

    def _archive(self, invoice: HostedInvoice) -> Response:
        invoice.extra["archived"] = True
        return Response(200)

    def _shown(self, simulator: CryptoSimulator, invoice: HostedInvoice) -> Response:
        return Response(200, self._data(simulator, invoice))

    def _data(self, simulator: CryptoSimulator, invoice: HostedInvoice) -> dict[str, Json]:
        return views.invoice_data(invoice, simulator.now(), simulator.base_url)

    def announce(
        self, simulator: CryptoSimulator, event: Event, invoice: HostedInvoice, transfer: Transfer | None
    ) -> None:
        for kind, details in _events(event, invoice, transfer):
            delivery_id = _token(22)
            body = {
                "deliveryId": delivery_id,
                "webhookId": WEBHOOK_ID,
                "originalDeliveryId": delivery_id,
                "isRedelivery": False,
                "type": kind,
                "timestamp": int(simulator.now().timestamp()),
                "storeId": STORE_ID,
                "invoiceId": invoice.id,
                "metadata": invoice.extra["metadata"],
                **details,
            }
            simulator.outbox.post(Webhook(delivery_id, kind, json.dumps(body)))


def _events(
    event: Event, invoice: HostedInvoice, transfer: Transfer | None
) -> Iterable[tuple[str, dict[str, Json]]]:
    """The webhooks of an event: their types and the fields besides the invoice's."""
    is_over = invoice.received() > invoice.asked
    if transfer is not None:
        kind = "InvoiceReceivedPayment" if event is Event.SEEN else "InvoicePaymentSettled"
        yield (
            kind,
            {
                "afterExpiration": transfer.at > invoice.expires_at,
                "paymentMethodId": invoice.extra["paymentMethodId"],
                "payment": views.payment(transfer, invoice),
            },
        )
    elif event is Event.CREATED:
        yield "InvoiceCreated", {}
    elif event is Event.COVERED and not invoice.is_late:
        yield "InvoiceProcessing", {"overPaid": is_over}
    elif event is Event.PAID and not invoice.is_late:
        yield "InvoiceSettled", {"manuallyMarked": False, "overPaid": is_over}
    elif event is Event.EXPIRED:
        yield "InvoiceExpired", {"partiallyPaid": invoice.received() > 0}
    elif event is Event.MARKED and invoice.mark is Mark.ACCEPTED:
        yield "InvoiceSettled", {"manuallyMarked": True, "overPaid": is_over}
    elif event is Event.MARKED and invoice.mark is Mark.INVALID:
        yield "InvoiceInvalid", {"manuallyMarked": True}


def _checked(body: Any) -> tuple[Decimal, str]:
    """The amount and the payment method of a valid request."""
    if not isinstance(body, dict):
        raise _Invalid("", "The body must be an object")
    try:
        amount = Decimal(body.get("amount", ""))
    except (InvalidOperation, TypeError):
        raise _Invalid("amount", "The amount should be a decimal string") from None
    checkout = body.get("checkout") or {}
    methods = checkout.get("paymentMethods") or []
    for is_right, path, message in (
        (amount > 0, "amount", "The amount should be positive"),
        (body.get("currency") in _CURRENCIES, "currency", "Invalid currency"),
        (checkout.keys() <= _CHECKOUT_FIELDS, "checkout", "Unknown field"),
        (checkout.get("speedPolicy") in _SPEEDS, "checkout.speedPolicy", "Unknown speed policy"),
        (len(methods) == 1 and methods[0] in PAYMENT_METHODS, "checkout.paymentMethods", "Invalid method"),
        (0 <= checkout.get("paymentTolerance", 0) <= 100, "checkout.paymentTolerance", "Between 0 and 100"),
        (checkout.get("expirationMinutes", 15) > 0, "checkout.expirationMinutes", "Must be positive"),
    ):
        if not is_right:
            raise _Invalid(path, message)
    return amount, methods[0]


def _is_wanted(invoice: HostedInvoice, query: Mapping[str, list[str]]) -> bool:
    created = int(invoice.created_at.timestamp())
    return (
        ("orderId" not in query or invoice.reference in query["orderId"])
        and created >= int(query.get("startDate", ["0"])[0])
        and created <= int(query.get("endDate", [str(created)])[0])
        and (query.get("includeArchived") == ["true"] or not invoice.extra.get("archived", False))
    )


def _token(length: int) -> str:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _problem(status: int, code: str, message: str) -> Response:
    return Response(status, {"code": code, "message": message})


def _no_method() -> Response:
    return Response(405)


class BTCPaySimulator(CryptoSimulator):
    """A store on one loopback port, with `API_KEY` and `WEBHOOK_SECRET`."""

    def __init__(
        self,
        *,
        port: int = 0,
        state_path: Path | None = None,
        webhook_url: str = "",
        clock: Clock | None = None,
        rate: Decimal = Decimal(1),
    ) -> None:
        """`rate`: units of either asset for one unit of the invoice's currency; for the rest see the base."""
        super().__init__(BTCPay(rate), port=port, state_path=state_path, webhook_url=webhook_url, clock=clock)
