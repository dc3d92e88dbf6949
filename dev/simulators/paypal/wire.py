"""PayPal's error format, and its rules for amounts."""

import secrets
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dev.simulators.http import Json, Refused, Response
from dev.simulators.paypal.account import Funds

CURRENCIES: Final = frozenset(
    {
        *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY"),
        *("MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"),
    }
)
WITHOUT_DECIMALS: Final = frozenset({"HUF", "JPY", "TWD"})
_NAMES: Final = {
    400: "INVALID_REQUEST",
    401: "AUTHENTICATION_FAILURE",
    403: "NOT_AUTHORIZED",
    404: "RESOURCE_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    422: "UNPROCESSABLE_ENTITY",
    429: "RATE_LIMIT_REACHED",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
_MESSAGES: Final = {
    400: "Request is not well-formed, syntactically incorrect, or violates schema.",
    401: "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    404: "The specified resource does not exist.",
    422: "The requested action could not be performed, semantically incorrect, or failed business validation.",
    429: "Too many requests. Blocked due to rate limiting.",
}


class Refusal(Refused):
    """A request that is refused."""

    def __init__(self, status: int, issue: str, field: str = "") -> None:
        super().__init__(issue)
        self.status = status
        self.issue = issue
        self.field = field

    @property
    def response(self) -> Response:
        """The error answer."""
        detail = {"issue": self.issue, "description": self.issue.replace("_", " ").capitalize() + "."}
        if self.field:
            detail["field"] = self.field
        return refused(self.status, [detail])


def refused(status: int, details: list[dict[str, str]], headers: Mapping[str, str] | None = None) -> Response:
    """An error in PayPal's format."""
    body = {
        "name": _NAMES.get(status, "INTERNAL_SERVER_ERROR"),
        "message": _MESSAGES.get(status, "An internal server error has occurred."),
        "debug_id": secrets.token_hex(7),
        "details": details,
        "links": [],
    }
    return Response(status, body, dict(headers or {}))


def not_found() -> Refusal:
    """The error for an object that does not exist, or no longer."""
    return Refusal(404, "INVALID_RESOURCE_ID")


def only(body: Any, allowed: set[str], path: str = "") -> dict[str, Json]:
    """`body`, an object with only these members: an unknown member is our mistake."""
    if not isinstance(body, dict):
        raise Refusal(400, "MALFORMED_REQUEST_JSON", path)
    for name in body.keys() - allowed:
        raise Refusal(400, "INVALID_PARAMETER_SYNTAX", f"{path}/{name}")
    return body


def text(body: Mapping[str, Json], name: str, path: str, longest: int = 127) -> str:
    """A text of at most `longest` characters; empty if it is missing."""
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > longest or (name in body and not value):
        raise Refusal(400, "INVALID_STRING_LENGTH", f"{path}/{name}")
    return value


def funds(body: Any, path: str) -> Funds:
    """A valid amount."""
    given = only(body, {"currency_code", "value"}, path)
    currency, value = given.get("currency_code"), given.get("value")
    if not isinstance(value, str) or not isinstance(currency, str):
        raise Refusal(400, "MISSING_REQUIRED_PARAMETER", path)
    if currency not in CURRENCIES:
        raise Refusal(422, "INVALID_CURRENCY_CODE", f"{path}/currency_code")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise Refusal(400, "INVALID_PARAMETER_SYNTAX", f"{path}/value") from None
    decimals = -int(amount.as_tuple().exponent)
    if currency in WITHOUT_DECIMALS and decimals > 0:
        raise Refusal(422, "DECIMALS_NOT_SUPPORTED", f"{path}/value")
    if decimals > 2:
        raise Refusal(422, "DECIMAL_PRECISION", f"{path}/value")
    if amount <= 0:
        raise Refusal(422, "CANNOT_BE_ZERO_OR_NEGATIVE", f"{path}/value")
    return Funds(currency=currency, value=amount)
