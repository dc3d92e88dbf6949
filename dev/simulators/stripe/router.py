"""Routes API requests: checks the key, repeats answers of idempotency keys, calls the handlers."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping

from dev.simulators.faults import FaultBoard
from dev.simulators.http import Json, Request, Response
from dev.simulators.stripe.account import SECRET_KEY, Account, Answer
from dev.simulators.stripe.cards import Cards
from dev.simulators.stripe.customers import Customers
from dev.simulators.stripe.money_back import MoneyBack
from dev.simulators.stripe.sessions import Sessions
from dev.simulators.stripe.wire import Refusal, parse_form

Params = Mapping[str, Json]
Handler = Callable[[str, Params], dict[str, Json]]
"""Takes the id in the path (empty if there is none) and the parameters."""


class Router:
    """Answers `/v1`. Not thread-safe: hold the simulator's lock."""

    def __init__(self, account: Account, faults: FaultBoard) -> None:
        self.cards = Cards(account)
        self.sessions = Sessions(account, self.cards)
        self.money_back = MoneyBack(account, self.cards)
        self.customers = Customers(account, faults)
        self._account = account
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

    def answer(self, request: Request) -> Response:
        """Answer a request; refuse it without the API key."""
        if _api_key(request) != SECRET_KEY:
            return Response(
                401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
            )
        try:
            return self._once(request)
        except Refusal as refusal:
            return refusal.response

    def _once(self, request: Request) -> Response:
        """Handle the request, or repeat the answer of the same idempotency key (Stripe: for 24 hours; here: for
        ever).
        """
        key = request.headers.get("idempotency-key")
        if request.method != "POST" or not key:
            return self._serve(request)
        fingerprint = hashlib.sha256(b"\n".join([request.path.encode(), request.body])).hexdigest()
        known = self._account.state.answers.get(key)
        if known is None:
            response = self._serve(request)
            if response.status in {200, 402}:  # requests that failed validation are not remembered
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


def refuse(status: int, headers: Mapping[str, str]) -> Response:
    """Stripe's error for a rate limit or a failure."""
    limited = {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}
    failed = {"type": "api_error", "message": "An unknown error occurred."}
    return Response(status, {"error": limited if status == 429 else failed}, dict(headers))
