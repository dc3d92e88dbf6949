"""The bank's API, as Hearth's adapter expects it: transfers by reference, by time, by id; returns."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dev.simulators.bank.site import API_KEY
from dev.simulators.bank.state import ReturnState, TransferState
from dev.simulators.http import Json, Request, Response

if TYPE_CHECKING:
    from dev.simulators.bank.simulator import BankSimulator

_ONE: Final = re.compile(r"/transfers/(?P<id>[^/]+)")
_RETURNS: Final = re.compile(r"/transfers/(?P<id>[^/]+)/returns")


class _ReturnOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount: Decimal = Field(gt=0, max_digits=18, decimal_places=2)
    currency: str


def answer(simulator: "BankSimulator", request: Request) -> Response:
    """Answer a request; refuse it without the API key."""
    if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {API_KEY}".encode()):
        return refuse(401, {})
    if request.method == "GET" and request.path == "/transfers":
        return _list(simulator, request)
    if request.method == "GET" and (found := _ONE.fullmatch(request.path)):
        transfer = simulator.state.transfers.get(found["id"])
        return Response(200, shown(transfer)) if transfer else refuse(404, {})
    if request.method == "POST" and (found := _RETURNS.fullmatch(request.path)):
        return _give_back(simulator, request, found["id"])
    return refuse(404, {})


def refuse(status: int, headers: Mapping[str, str]) -> Response:
    """An error answer in this bank's format."""
    return Response(status, {"error": {"status": status}}, dict(headers))


def shown(transfer: TransferState) -> Json:
    """A transfer in this bank's format."""
    return {
        "id": transfer.id,
        "account": transfer.account,
        "amount": f"{transfer.amount:.2f}",
        "currency": transfer.currency,
        "status": transfer.status,
        "booked_on": transfer.booked_on.isoformat() if transfer.booked_on else None,
        "credited_at": transfer.credited_at.isoformat() if transfer.credited_at else None,
        "bank_reference": transfer.bank_reference,
        "text": transfer.text,
        "end_to_end_id": transfer.end_to_end_id,
        "payer_name": transfer.payer_name,
        "payer_account": transfer.payer_account,
        "returns": [_shown_return(part) for part in transfer.returns],
    }


def _shown_return(part: ReturnState) -> Json:
    return {"id": part.id, "key": part.key, "amount": f"{part.amount:.2f}", "status": part.status}


def _list(simulator: "BankSimulator", request: Request) -> Response:
    query = request.query
    try:
        since, until = (
            datetime.fromisoformat(query[name]) if name in query else None
            for name in ("credited_from", "credited_until")
        )
        start = int(query.get("cursor", "0"))
    except ValueError:
        return refuse(400, {})
    found = [
        transfer
        for transfer in simulator.state.transfers.values()
        if _plain(query.get("reference", "")) in _plain(f"{transfer.text}{transfer.end_to_end_id}")
        and (since is None or (transfer.credited_at is not None and since <= transfer.credited_at))
        and (until is None or (transfer.credited_at is not None and transfer.credited_at < until))
    ]
    end = start + simulator.page_size
    return Response(
        200,
        {
            "transfers": [shown(transfer) for transfer in found[start:end]],
            "next_cursor": str(end) if end < len(found) else None,
        },
    )


def _plain(text: str) -> str:
    """A text reduced to letters and digits, by which this bank compares texts."""
    return "".join(character for character in text.upper() if character.isalnum())


def _give_back(simulator: "BankSimulator", request: Request, transfer_id: str) -> Response:
    key = request.headers.get("idempotency-key", "")
    transfer = simulator.state.transfers.get(transfer_id)
    if transfer is None:
        return refuse(404, {})
    try:
        order = _ReturnOrder.model_validate_json(request.body)
        if not key or order.currency != transfer.currency:
            return refuse(400, {})
        return Response(201, _shown_return(simulator.give_back(transfer_id, order.amount, key)))
    except (ValidationError, ValueError):
        return refuse(422, {})
