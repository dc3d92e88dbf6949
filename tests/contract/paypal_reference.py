"""The fields that PayPal's published reference allows in requests, written down by hand; others are not allowed.

From the OpenAPI documents of Orders v2.13, Payments v2.5, Customer Disputes v1.10 and Transaction Search v1.9
(https://github.com/paypal/paypal-rest-api-specifications): for each operation that the adapter uses, every field
that it sends, with its limits. Fields that we do not send are left out, so that the test fails for a new field
until it is looked up.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator

Schema = Mapping[str, Any]

_INSTANT: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])T([0-1][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
)
_NOTHING: Final[Schema] = {"type": "object", "additionalProperties": False}


def _object(required: tuple[str, ...], **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


def _text(longest: int, shortest: int = 1, pattern: str = "") -> Schema:
    bounds: dict[str, Any] = {"type": "string", "minLength": shortest, "maxLength": longest}
    return bounds | ({"pattern": pattern} if pattern else {})


def _number(least: int, most: int) -> Schema:
    """A query parameter whose text is an integer."""
    return {"type": "string", "enum": [str(number) for number in range(least, most + 1)]}


MONEY: Final = _object(
    ("currency_code", "value"),
    currency_code=_text(3, 3, "^[A-Z]{3}$"),
    value=_text(32, 1, r"^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$"),
)
_EXPERIENCE: Final = _object(
    ("return_url", "cancel_url"),
    brand_name=_text(127),
    return_url={"type": "string", "format": "uri", "pattern": "^https://"},
    cancel_url={"type": "string", "format": "uri", "pattern": "^https://"},
    shipping_preference={"enum": ["GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"]},
    user_action={"enum": ["CONTINUE", "PAY_NOW"]},
)
_UNIT: Final = _object(
    ("amount",), amount=MONEY, custom_id=_text(127), invoice_id=_text(127), description=_text(127)
)
ORDER: Final = _object(
    ("intent", "purchase_units", "payment_source"),
    intent={"enum": ["CAPTURE", "AUTHORIZE"]},
    purchase_units={"type": "array", "minItems": 1, "maxItems": 10, "items": _UNIT},
    payment_source=_object(("paypal",), paypal=_object(("experience_context",), experience_context=_EXPERIENCE)),
)
REFUND: Final = _object((), amount=MONEY, custom_id=_text(127, 1, r"^[A-Za-z0-9-_.,]*$"), invoice_id=_text(127))
ORDER_ID: Final = r"[A-Z0-9]{1,36}"


@dataclass(frozen=True)
class Operation:
    """One call: the fields allowed in its body (None for no body) and in its query."""

    method: str
    path: str
    body: Schema | None = None
    query: Schema = field(default_factory=lambda: _NOTHING)


OPERATIONS: Final = (
    Operation("POST", "/v2/checkout/orders", ORDER),
    Operation("GET", f"/v2/checkout/orders/{ORDER_ID}"),
    Operation("POST", f"/v2/checkout/orders/{ORDER_ID}/capture", _NOTHING),
    Operation("GET", f"/v2/payments/captures/{ORDER_ID}"),
    Operation("POST", f"/v2/payments/captures/{ORDER_ID}/refund", REFUND),
    Operation(
        "GET",
        "/v1/customer/disputes",
        query=_object(
            ("disputed_transaction_id",),
            disputed_transaction_id=_text(255, 1, "^[0-9A-Z_]+$"),
            page_size=_number(1, 50),
        ),
    ),
    Operation("GET", "/v1/customer/disputes/[A-Za-z0-9-]{1,255}"),
    Operation(
        "GET",
        "/v1/reporting/transactions",
        query=_object(
            ("start_date", "end_date"),
            start_date=_text(64, 20, _INSTANT),
            end_date=_text(64, 20, _INSTANT),
            transaction_status={"enum": ["D", "P", "S", "V"]},
            fields=_text(4000),
            page_size=_number(1, 500),
            page={"type": "string", "pattern": "^[1-9][0-9]*$"},
        ),
    ),
)


def objections(method: str, path: str, query: str, request_id: str, body: Any) -> Iterator[str]:
    """The violations of the reference in a request."""
    found = [item for item in OPERATIONS if item.method == method and re.fullmatch(item.path, path)]
    if not found:
        yield f"{method} {path}: there is no such operation"
        return
    (operation,) = found
    if method == "POST" and not 1 <= len(request_id) <= 108:
        yield f"{method} {path}: PayPal-Request-Id has {len(request_id)} characters"
    yield from _errors(f"{method} {path} query", operation.query, dict(parse_qsl(query, keep_blank_values=True)))
    if operation.body is not None:
        yield from _errors(f"{method} {path}", operation.body, body)
    elif body is not None:
        yield f"{method} {path}: takes no body"


def _errors(where: str, schema: Schema, given: Any) -> Iterator[str]:
    for error in Draft202012Validator(schema).iter_errors(given):
        yield f"{where} {error.json_path}: {error.message}"
