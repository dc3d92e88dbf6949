"""The front door: who may enter, which faults strike, which answers are repeated, who does the work."""

import base64
import hashlib
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from dev.simulators.exchange import exchange
from dev.simulators.faults import FaultBoard, Occasion
from dev.simulators.http import Disconnect, Json, Request, Response
from dev.simulators.stripe.account import SECRET_KEY, Account, Answer
from dev.simulators.stripe.cards import Cards
from dev.simulators.stripe.customers import Customers
from dev.simulators.stripe.money_back import MoneyBack
from dev.simulators.stripe.sessions import Sessions
from dev.simulators.stripe.wire import Refusal, new_id, parse_form

REQUESTS_KEPT: Final = 2000
Params = Mapping[str, Json]
Handler = Callable[[str, Params], dict[str, Json]]
"""From the path's id, empty where it has none, and the parameters."""


class Door:
    """Answers `/v1`, one request at a time."""

    def __init__(self, account: Account, faults: FaultBoard) -> None:
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.requests: deque[dict[str, Json]] = deque(maxlen=REQUESTS_KEPT)
        self.cards = Cards(account)
        self.sessions = Sessions(account, self.cards)
        self.money_back = MoneyBack(account, self.cards)
        self.customers = Customers(account, faults)
        self._account = account
        self._faults = faults
        self._routes = self._make_routes()

    def _make_routes(self) -> list[tuple[str, re.Pattern[str], Handler]]:
        account, cards, customers = self._account, self.cards, self.customers
        sessions, money = self.sessions, self.money_back
        routes: dict[str, Handler] = {
            "POST /v1/customers": lambda item, params: customers.create(params),
            "GET /v1/customers/search": lambda item, params: customers.search(params),
            "GET /v1/customers/{}": lambda item, params: customers.get(item),
            "POST /v1/customers/{}": customers.update,
            "GET /v1/customers/{}/payment_methods": cards.list_methods,
            "POST /v1/payment_intents": lambda item, params: cards.create_intent(params),
            "GET /v1/payment_intents": lambda item, params: cards.list_intents(params),
            "GET /v1/payment_intents/{}": lambda item, params: cards.intent(item, params.get("expand")),
            "POST /v1/payment_intents/{}/confirm": cards.confirm,
            "GET /v1/charges": lambda item, params: cards.list_charges(params),
            "POST /v1/setup_intents": lambda item, params: cards.create_setup(params),
            "GET /v1/setup_intents/{}": lambda item, params: cards.setup(item),
            "POST /v1/payment_methods/{}/detach": lambda item, params: account.post(
                f"payment_methods/{item}/detach"
            ),
            "POST /v1/checkout/sessions": lambda item, params: sessions.create(params),
            "GET /v1/checkout/sessions": lambda item, params: sessions.list(params),
            "GET /v1/checkout/sessions/{}": lambda item, params: sessions.get(item),
            "POST /v1/checkout/sessions/{}/expire": lambda item, params: sessions.expire(item),
            "POST /v1/refunds": lambda item, params: money.refund(params),
            "GET /v1/refunds": lambda item, params: money.list_refunds(params),
            "GET /v1/disputes": lambda item, params: money.list_disputes(params),
            "GET /v1/disputes/{}": lambda item, params: money.get_dispute(item),
        }
        return [_route(line, handler) for line, handler in routes.items()]

    def answer(self, request: Request) -> Response | Disconnect:
        """Answer a request, or fail to, as the injected faults will have it."""
        occasion = Occasion(service="stripe", method=request.method, path=request.path)
        answer, fault = exchange(self._faults, occasion, lambda: self._admit(request), _injected, self.stopping)
        with self.lock:
            self.requests.append(
                {
                    "method": request.method,
                    "path": request.path,
                    "query": request.query_string,
                    "body": request.body.decode(errors="replace"),
                    "idempotency_key": request.headers.get("idempotency-key"),
                    "version": request.headers.get("stripe-version"),
                    "status": answer.status if isinstance(answer, Response) else None,
                    "fault": fault.kind if fault else None,
                }
            )
        if isinstance(answer, Response):
            answer.headers.setdefault("Request-Id", new_id("req"))
        return answer

    def _admit(self, request: Request) -> Response:
        if _api_key(request) != SECRET_KEY:
            return Response(
                401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
            )
        with self.lock:
            try:
                return self._once(request)
            except Refusal as refusal:
                return refusal.response

    def _once(self, request: Request) -> Response:
        """Do it, or repeat what the same idempotency key was answered before (for 24 hours; here for ever)."""
        key = request.headers.get("idempotency-key")
        if request.method != "POST" or not key:
            return self._serve(request)
        fingerprint = hashlib.sha256(b"\n".join([request.path.encode(), request.body])).hexdigest()
        known = self._account.state.answers.get(key)
        if known is None:
            response = self._serve(request)
            if response.status in {200, 402}:  # what failed validation is not remembered
                self._account.state.answers[key] = Answer(
                    fingerprint=fingerprint, status=response.status, body=response.body
                )
            return response
        if known.fingerprint != fingerprint:
            message = f"Keys for idempotent requests can only be used with the same parameters: '{key}'."
            raise Refusal(400, message, type="idempotency_error")
        return Response(known.status, known.body, {"Idempotent-Replayed": "true"})

    def _serve(self, request: Request) -> Response:
        params = parse_form(request.body.decode() if request.method == "POST" else request.query_string)
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(request.path) if method == request.method else None
            if found:
                return self._handled(handler, found[1] if found.groups() else "", params)
        message = f"Unrecognized request URL ({request.method}: {request.path})."
        return Refusal(404, message).response

    @staticmethod
    def _handled(handler: Handler, item: str, params: Params) -> Response:
        try:
            return Response(200, handler(item, params))
        except Refusal as refusal:
            return refusal.response


def _route(line: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    method, path = line.split(" ")
    return method, re.compile(path.replace("{}", r"(\w+)")), handler


def _api_key(request: Request) -> str:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        return base64.b64decode(credentials).decode().partition(":")[0]
    return credentials


def _injected(status: int, headers: Mapping[str, str]) -> Response:
    limited = {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}
    failed = {"type": "api_error", "message": "An unknown error occurred."}
    return Response(status, {"error": limited if status == 429 else failed}, dict(headers))
