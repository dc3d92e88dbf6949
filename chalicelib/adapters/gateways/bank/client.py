"""Client for the bank's interface."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter

from chalicelib.adapters.gateways.bank.config import BankConfig
from chalicelib.adapters.gateways.bank.wire import ReturnData, TransferData, TransferList
from chalicelib.adapters.shared.http import Bounds
from chalicelib.adapters.shared.payment_api import PaymentApi
from chalicelib.domain.money.top_ups.models import Amount, GatewayRefused, GatewayUnreachable
from chalicelib.kernel.clock import isoformat

MAX_PAGES: Final = 500

_TRANSFER: Final = TypeAdapter(TransferData)
_TRANSFERS: Final = TypeAdapter(TransferList)
_RETURN: Final = TypeAdapter(ReturnData)


class BankClient:
    """Reads and returns transfers to our accounts."""

    def __init__(self, config: BankConfig) -> None:
        self._api = PaymentApi(
            "bank",
            str(config.base_url),
            ("Authorization", "Bearer", config.api_key),
            Bounds(config.connect_timeout_seconds, config.read_timeout_seconds),
            refusal="The bank refused this.",
        )

    def transfer(self, transfer_id: str) -> TransferData:
        """The transfer with this id."""
        return self._api.call(_TRANSFER, "GET", f"/transfers/{quote(transfer_id, safe='')}")

    def with_reference(self, reference: str) -> Iterator[TransferData]:
        """The transfers that contain `reference`, as far as the bank can find them."""
        return self._all({"reference": reference})

    def credited(self, since: datetime, until: datetime) -> Iterator[TransferData]:
        """The transfers that were credited in [since, until)."""
        return self._all({"credited_from": isoformat(since), "credited_until": isoformat(until)})

    def give_back(self, transfer_id: str, amount: str, currency: str, key: str) -> ReturnData:
        """Send part of a transfer back; the same key gives the same return."""
        path = f"/transfers/{quote(transfer_id, safe='')}/returns"
        body = json.dumps({"amount": amount, "currency": currency}).encode()
        return self._api.call(_RETURN, "POST", path, body=body, headers={"Idempotency-Key": key})

    def _all(self, query: Mapping[str, str]) -> Iterator[TransferData]:
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            whole = query if cursor is None else {**query, "cursor": cursor}
            page = self._api.call(_TRANSFERS, "GET", f"/transfers?{urlencode(whole)}")
            yield from page.transfers
            cursor = page.next_cursor
            if cursor is None:
                return
        raise GatewayUnreachable(f"bank, GET /transfers: more than {MAX_PAGES} pages")


def decimal_text(amount: Amount) -> str:
    """The amount in the bank's format.

    Raises:
        GatewayRefused: the amount is not in whole cents, or not positive.
    """
    units, micros = divmod(amount.micros, 1_000_000)
    cents, rest = divmod(micros, 10_000)
    if rest or amount.micros <= 0:
        raise GatewayRefused(f"{amount} is no amount of cents", "A bank transfer is an amount of whole cents.")
    return f"{units}.{cents:02d}"
