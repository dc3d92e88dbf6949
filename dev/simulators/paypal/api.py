"""The simulated part of PayPal's REST API."""

import re
import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from dev.simulators.http import Json, Request, Response
from dev.simulators.paypal import views
from dev.simulators.paypal.account import CLIENT_ID, CLIENT_SECRET, Order, Remembered, new_id
from dev.simulators.paypal.bank import APPROVAL, Bank
from dev.simulators.paypal.wire import Refusal, funds, not_found, only, text

TOKEN_SECONDS: Final = 32_400
MAX_STATEMENT_SPAN: Final = timedelta(days=31)
_MAX_REQUEST_ID_LENGTH: Final = 108
_UNIT: Final = {"amount", "custom_id", "invoice_id", "description", "reference_id", "soft_descriptor"}
_EXPERIENCE: Final = {
    *("brand_name", "locale", "shipping_preference", "return_url", "cancel_url", "landing_page", "user_action"),
    "payment_method_preference",
}

Handler = Callable[[Request, str], Response]


class Api:
    """Answers API requests for one account."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._account = bank.account
        self._routes: tuple[tuple[str, str, Handler], ...] = (
            ("POST", "/v2/checkout/orders", self._create_order),
            ("GET", "/v2/checkout/orders/([^/]+)", self._show_order),
            ("POST", "/v2/checkout/orders/([^/]+)/capture", self._capture_order),
            ("GET", "/v2/payments/captures/([^/]+)", self._show_capture),
            ("POST", "/v2/payments/captures/([^/]+)/refund", self._refund),
            ("GET", "/v2/payments/refunds/([^/]+)", self._show_refund),
            ("GET", "/v1/customer/disputes", self._list_disputes),
            ("GET", "/v1/customer/disputes/([^/]+)", self._show_dispute),
            ("GET", "/v1/reporting/transactions", self._statement),
        )

    def answer(self, request: Request) -> Response:
        """Answer a request, or refuse it in PayPal's format."""
        try:
            if (request.method, request.path) == ("POST", "/v1/oauth2/token"):
                return self._token(request)
            self._authorise(request)
            for method, pattern, handler in self._routes:
                found = re.fullmatch(pattern, request.path)
                if found and method == request.method:
                    return handler(request, found[1] if found.groups() else "")
            raise not_found()
        except Refusal as refusal:
            return refusal.response
        except ValueError:
            return Refusal(400, "MALFORMED_REQUEST_JSON").response

    def _token(self, request: Request) -> Response:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = b64decode(encoded, validate=True).decode()
        except (NotBase64, UnicodeDecodeError):
            given = ""
        if scheme != "Basic" or given != f"{CLIENT_ID}:{CLIENT_SECRET}":
            told = {"error": "invalid_client", "error_description": "Client Authentication failed"}
            return Response(401, told)
        if request.body != b"grant_type=client_credentials":
            return Response(400, {"error": "unsupported_grant_type"})
        token = f"A21AA{secrets.token_urlsafe(60)}"
        self._account.tokens[token] = self._bank.now() + timedelta(seconds=TOKEN_SECONDS)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "app_id": "APP-80W"}
        return Response(200, answer)

    def _authorise(self, request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        ends_at = self._account.tokens.get(token)
        if ends_at is None or self._bank.now() >= ends_at:
            raise Refusal(401, "INVALID_TOKEN")

    # Orders

    def _create_order(self, request: Request, argument: str) -> Response:
        key = _request_id(request)
        if not key:
            raise Refusal(400, "PAYPAL_REQUEST_ID_REQUIRED")
        known = self._account.remembered.get(f"create:{key}")
        if known:
            return self._order(request, 200, self._bank.order(known.made))
        order = self._checked_order(request.json())
        self._bank.open(order)
        self._account.remembered[f"create:{key}"] = Remembered(made=order.id)
        # With a payment source the answer is 200, because the source is confirmed too; without one it would be
        # 201.
        return self._order(request, 200, order)

    def _checked_order(self, body: Any) -> Order:
        whole = only(body, {"intent", "purchase_units", "payment_source"})
        if whole.get("intent") != "CAPTURE":
            raise Refusal(422, "UNSUPPORTED_INTENT", "/intent")
        units = whole.get("purchase_units")
        if not isinstance(units, list) or len(units) != 1:
            raise Refusal(400, "INVALID_ARRAY_MIN_ITEMS", "/purchase_units")
        path = "/purchase_units/0"
        unit = only(units[0], _UNIT, path)
        source = only(whole.get("payment_source"), {"paypal"}, "/payment_source")
        wallet = only(source.get("paypal"), {"experience_context"}, "/payment_source/paypal")
        experience = only(
            wallet.get("experience_context"), _EXPERIENCE, "/payment_source/paypal/experience_context"
        )
        urls = {name: text(experience, name, "/experience_context", 4000) for name in ("return_url", "cancel_url")}
        for name, url in urls.items():
            if not url.startswith(("https://", "http://")):
                raise Refusal(422, f"{name.upper()}_REQUIRED", f"/experience_context/{name}")
        now = self._bank.now()
        return Order(
            id=new_id(),
            custom_id=text(unit, "custom_id", path),
            invoice_id=text(unit, "invoice_id", path),
            description=text(unit, "description", path),
            amount=funds(unit.get("amount"), f"{path}/amount"),
            return_url=urls["return_url"],
            cancel_url=urls["cancel_url"],
            created_at=now,
            updated_at=now,
            ends_at=now + APPROVAL,
        )

    def _show_order(self, request: Request, order_id: str) -> Response:
        found = self._bank.order(order_id)
        return Response(200, views.order(self._account, found, self._bank.base_url))

    def _capture_order(self, request: Request, order_id: str) -> Response:
        order = self._bank.order(order_id)
        only(request.json() if request.body else {}, {"payment_source"})
        key = _request_id(request)
        known = self._account.remembered.get(f"capture:{key}")
        if known and known.issue:
            raise Refusal(422, known.issue)
        if known and known.made == order.id:
            return self._order(request, 200, order)
        try:
            self._bank.capture(order)
        except Refusal as refusal:
            if key and refusal.issue not in {"ORDER_ALREADY_CAPTURED", "ORDER_NOT_APPROVED"}:
                self._account.remembered[f"capture:{key}"] = Remembered(issue=refusal.issue)
            raise
        if key:
            self._account.remembered[f"capture:{key}"] = Remembered(made=order.id)
        return self._order(request, 201, order)

    def _order(self, request: Request, status: int, order: Order) -> Response:
        base_url = self._bank.base_url
        whole = request.headers.get("prefer") == "return=representation"
        shown = views.order(self._account, order, base_url) if whole else views.minimal(order, base_url)
        return Response(status, shown)

    # Payments

    def _show_capture(self, request: Request, capture_id: str) -> Response:
        capture = self._account.captures.get(capture_id)
        if capture is None:
            raise not_found()
        return Response(200, views.capture(self._account, capture, self._bank.base_url, as_resource=True))

    def _refund(self, request: Request, capture_id: str) -> Response:
        capture = self._account.captures.get(capture_id)
        if capture is None:
            raise not_found()
        key = _request_id(request)
        known = self._account.remembered.get(f"refund:{key}")
        if known:
            return Response(200, views.refund(self._account.refunds[known.made], self._bank.base_url))
        body = only(request.json() if request.body else {}, {"amount", "custom_id", "invoice_id", "note_to_payer"})
        invoice_id = text(body, "invoice_id", "")
        if invoice_id and any(item.invoice_id == invoice_id for item in self._account.refunds.values()):
            raise Refusal(422, "DUPLICATE_INVOICE_ID", "/invoice_id")
        amount = funds(body["amount"], "/amount") if "amount" in body else None
        refund = self._bank.refund(capture, amount, custom_id=text(body, "custom_id", ""), invoice_id=invoice_id)
        if key:
            self._account.remembered[f"refund:{key}"] = Remembered(made=refund.id)
        shown = views.refund(refund, self._bank.base_url)
        whole = request.headers.get("prefer") == "return=representation"
        return Response(201, shown if whole else {name: shown[name] for name in ("id", "status", "links")})

    def _show_refund(self, request: Request, refund_id: str) -> Response:
        refund = self._account.refunds.get(refund_id)
        if refund is None:
            raise not_found()
        return Response(200, views.refund(refund, self._bank.base_url))

    # Disputes and the statement

    def _list_disputes(self, request: Request, argument: str) -> Response:
        wanted = request.query.get("disputed_transaction_id")
        size = int(request.query.get("page_size", "10"))
        if not 1 <= size <= 50:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "page_size")
        found = [item for item in self._account.disputes.values() if wanted in {None, item.capture_id}]
        found.sort(key=lambda item: item.created_at, reverse=True)
        return Response(200, {"items": [views.dispute_line(item, self._bank.base_url) for item in found[:size]]})

    def _show_dispute(self, request: Request, dispute_id: str) -> Response:
        dispute = self._account.disputes.get(dispute_id)
        if dispute is None:
            raise not_found()
        return Response(200, views.dispute(self._account, dispute, self._bank.base_url))

    def _statement(self, request: Request, argument: str) -> Response:
        query = request.query
        try:
            start, end = (datetime.fromisoformat(query[name]) for name in ("start_date", "end_date"))
        except KeyError as error:
            raise Refusal(400, "MISSING_REQUIRED_PARAMETER", str(error)) from None
        if end - start > MAX_STATEMENT_SPAN:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "end_date")
        page, size = int(query.get("page", "1")), int(query.get("page_size", "100"))
        if not (page >= 1 and 1 <= size <= 500):
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "page")
        lines: list[Json] = [line for at, line in views.statement(self._account) if start <= at <= end]
        answer = {
            "transaction_details": lines[(page - 1) * size : page * size],
            "start_date": query["start_date"],
            "end_date": query["end_date"],
            "page": page,
            "total_items": len(lines),
            "total_pages": ceil(len(lines) / size),
        }
        return Response(200, answer)


def _request_id(request: Request) -> str:
    key = request.headers.get("paypal-request-id", "")
    if len(key) > _MAX_REQUEST_ID_LENGTH:
        raise Refusal(400, "INVALID_STRING_LENGTH", "PayPal-Request-Id")
    return key
