"""The simulated OxaPay: one merchant, which accepts USDT and USDC on three networks."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chalicelib.kernel.clock import Clock
from dev.simulators.crypto.book import HostedInvoice, Transfer, seconds
from dev.simulators.crypto.simulator import CryptoSimulator, Event
from dev.simulators.http import Json, Request, Response
from dev.simulators.oxapay import views
from dev.simulators.webhooks import Webhook

MERCHANT_API_KEY: Final = "SIMUL1-HEARTH-OXAPAY-MERCHA"
NETWORKS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("erc20", "eth", "ethereum"), "ethereum"),
    **dict.fromkeys(("bep20", "bsc"), "bsc"),
    **dict.fromkeys(("polygon", "matic", "pol"), "polygon"),
}
_MEANINGS: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class WhiteLabel(BaseModel):
    """The body that creates a white-label payment. An unknown field is our mistake, so it is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pay_currency: str
    amount: float = Field(gt=0)
    currency: str = "USD"
    network: str
    lifetime: int = Field(default=60, ge=15, le=2880)
    fee_paid_by_payer: int = Field(default=0, ge=0, le=1)
    under_paid_coverage: float = Field(default=0, ge=0, le=60)
    to_currency: str = ""
    auto_withdrawal: bool = False
    callback_url: str = Field(default="", pattern="^(https?://.+)?$")
    email: str = ""
    order_id: str = ""
    description: str = ""


class _Refused(Exception):
    """A request that is refused."""

    def __init__(self, status: int, message: str, key: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.key = key


class OxaPay:
    """`Vendor` for OxaPay."""

    name = "oxapay"

    def __init__(self, *, rate: Decimal = Decimal(1), page_items_limit: int = 200) -> None:
        """`rate`: units of either asset for one US dollar; `page_items_limit`: the most items on a page."""
        self.rate = rate
        self.page_items_limit = page_items_limit

    def refuse(self, status: int, headers: Mapping[str, str]) -> Response:
        error = {"type": "injected", "key": "injected", "message": "An injected error"}
        return _envelope(status, {}, error, headers)

    def sign(self, body: bytes) -> Mapping[str, str]:
        return {"HMAC": hmac.new(MERCHANT_API_KEY.encode(), body, hashlib.sha512).hexdigest()}

    def again(self, webhook: Webhook) -> Webhook:
        return webhook

    def answer(self, simulator: CryptoSimulator, request: Request) -> Response:
        try:
            return _envelope(200, self._data(simulator, request), {})
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            return _envelope(400, {}, {"type": "validation", "key": field, "message": first["msg"]})
        except _Refused as error:
            return _envelope(error.status, {}, {"type": "refused", "key": error.key, "message": str(error)})

    def _data(self, simulator: CryptoSimulator, request: Request) -> Json:
        if request.headers.get("merchant_api_key") != MERCHANT_API_KEY:
            raise _Refused(401, "The api key is invalid", "merchant_api_key")
        path = request.path.rstrip("/")
        if request.method == "POST" and path == "/v1/payment/white-label":
            return self._create(simulator, WhiteLabel.model_validate_json(request.body))
        if request.method == "GET" and path == "/v1/payment":
            return self._list(simulator, request)
        found = re.fullmatch(r"/v1/payment/([^/]+)", path)
        if request.method == "GET" and found:
            invoice = simulator.book.invoices.get(found[1])
            if invoice is None:
                raise _Refused(404, "The track_id is invalid", "track_id")
            return views.information(invoice, simulator.now())
        raise _Refused(404, "The requested resource could not be found")

    def _create(self, simulator: CryptoSimulator, wanted: WhiteLabel) -> Json:
        if wanted.pay_currency not in {"USDT", "USDC"}:
            raise _Refused(400, "The currency is not accepted", "pay_currency")
        if wanted.currency not in {"USD", wanted.pay_currency}:
            raise _Refused(400, "The currency is invalid", "currency")
        if wanted.network.lower() not in NETWORKS:
            raise _Refused(400, "The network is invalid", "network")
        amount = Decimal(repr(wanted.amount))
        now = simulator.now()
        token = simulator.book.next_token("payment")
        kept = wanted.model_dump(
            include={
                "fee_paid_by_payer",
                "under_paid_coverage",
                "lifetime",
                "callback_url",
                "email",
                "order_id",
                "description",
            }
        )
        invoice = HostedInvoice(
            id=str(100_000_000 + simulator.book.serial),
            reference=wanted.order_id,
            amount=amount,
            currency=wanted.currency,
            asset=wanted.pay_currency,
            network=NETWORKS[wanted.network.lower()],
            address=f"0x{token[:40]}",
            asked=amount * self.rate if wanted.currency == "USD" else amount,
            created_at=now,
            expires_at=now + seconds(60 * wanted.lifetime),
            tolerance_percent=Decimal(repr(wanted.under_paid_coverage)),
            extra=kept,
        )
        simulator.open(invoice)
        return views.created(invoice)

    def _list(self, simulator: CryptoSimulator, request: Request) -> Json:
        """A page of payments. OxaPay has no filter for `order_id`. Dates are inclusive."""
        query = request.query
        size = min(int(query.get("size", "10")), self.page_items_limit)
        page = int(query.get("page", "1"))
        first, last = int(query.get("from_date", "0")), int(query.get("to_date", str(2**40)))
        found = [
            item for item in simulator.book.invoices.values() if first <= int(item.created_at.timestamp()) <= last
        ]
        found.sort(key=lambda item: (item.created_at, item.id), reverse=query.get("sort_type", "desc") == "desc")
        shown = found[(page - 1) * size : page * size]
        return {
            "list": [views.information(item, simulator.now()) for item in shown],
            "meta": {"page": page, "last_page": max(1, -(-len(found) // size)), "total": len(found)},
        }

    def announce(
        self, simulator: CryptoSimulator, event: Event, invoice: HostedInvoice, transfer: Transfer | None
    ) -> None:
        """Post webhooks for money that is seen, and for a payment that is paid in time; for nothing else."""
        kind = {Event.SEEN: "Paying", Event.PAID: "Paid"}.get(event)
        if kind is None or (event is Event.PAID and invoice.is_late):
            return
        webhook_id = f"{invoice.id}-{simulator.book.next_token('webhook')[:12]}"
        body = json.dumps(views.webhook(invoice, kind))
        simulator.outbox.post(Webhook(webhook_id, kind, body))


def _envelope(status: int, data: Json, error: Json, headers: Mapping[str, str] | None = None) -> Response:
    message = "Operation completed successfully!" if status == 200 else _MEANINGS.get(status, "Error")
    body = {"data": data, "message": message, "error": error, "status": status, "version": "1.0.0"}
    return Response(status, body, dict(headers or {}))


class OxaPaySimulator(CryptoSimulator):
    """A merchant on one loopback port, with `MERCHANT_API_KEY`. All webhooks go to its one URL."""

    def __init__(
        self,
        *,
        port: int = 0,
        state_path: Path | None = None,
        webhook_url: str = "",
        clock: Clock | None = None,
        rate: Decimal = Decimal(1),
        page_items_limit: int = 200,
    ) -> None:
        """See `OxaPay` and the base."""
        vendor = OxaPay(rate=rate, page_items_limit=page_items_limit)
        super().__init__(vendor, port=port, state_path=state_path, webhook_url=webhook_url, clock=clock)
