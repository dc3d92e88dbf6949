"""Client for the bank's interface, with time-outs; raises the errors of the gateway port."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import urllib3
from pydantic import TypeAdapter, ValidationError

from chalicelib.adapters.gateways.bank.config import BankConfig
from chalicelib.adapters.gateways.bank.wire import ReturnData, TransferData, TransferList
from chalicelib.domain.money.top_ups.models import Amount, GatewayBusy, GatewayRefused, GatewayUnreachable
from chalicelib.kernel.clock import isoformat

MAX_PAGES: Final = 500
_TEXT_SHOWN: Final = 200

T = TypeVar("T")

_TRANSFER: Final = TypeAdapter(TransferData)
_TRANSFERS: Final = TypeAdapter(TransferList)
_RETURN: Final = TypeAdapter(ReturnData)


class BankClient:
    """Reads and returns transfers to our accounts. It repeats no call: only the caller knows whether that is
    safe.
    """

    def __init__(self, config: BankConfig) -> None:
        self._base_url = str(config.base_url).rstrip("/")
        self._api_key = config.api_key
        timeout = urllib3.Timeout(connect=config.connect_timeout_seconds, read=config.read_timeout_seconds)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def transfer(self, transfer_id: str) -> TransferData:
        """The transfer with this id."""
        return self._call(_TRANSFER, "GET", f"/transfers/{quote(transfer_id, safe='')}")

    def with_reference(self, reference: str) -> Iterator[TransferData]:
        """The transfers that contain `reference`, as far as the bank can find them."""
        return self._all({"reference": reference})

    def credited(self, since: datetime, until: datetime) -> Iterator[TransferData]:
        """The transfers that were credited in [since, until)."""
        return self._all({"credited_from": isoformat(since), "credited_until": isoformat(until)})

    def give_back(self, transfer_id: str, amount: str, currency: str, key: str) -> ReturnData:
        """Send part of a transfer back; the same key gives the same return."""
        path = f"/transfers/{quote(transfer_id, safe='')}/returns"
        return self._call(_RETURN, "POST", path, {"amount": amount, "currency": currency}, key)

    def _all(self, query: Mapping[str, str]) -> Iterator[TransferData]:
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            whole = query if cursor is None else {**query, "cursor": cursor}
            page = self._call(_TRANSFERS, "GET", f"/transfers?{urlencode(whole)}")
            yield from page.transfers
            cursor = page.next_cursor
            if cursor is None:
                return
        raise GatewayUnreachable(f"bank, GET /transfers: more than {MAX_PAGES} pages")

    def _call(
        self,
        answer: TypeAdapter[T],
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> T:
        headers = {"Authorization": f"Bearer {self._api_key.get_secret_value()}", "Accept": "application/json"}
        if body is not None and key is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": key}
        content = None if body is None else json.dumps(body).encode()
        where = f"bank, {method} {path.partition('?')[0]}"
        try:
            response = self._pool.request(
                method, self._base_url + path, body=content, headers=headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise GatewayUnreachable(f"{where}: {type(error).__name__}") from error
        _check(response.status, response.data, where)
        try:
            return answer.validate_json(response.data)
        except ValidationError as error:
            raise GatewayUnreachable(f"{where}: an answer that cannot be read") from error


def _check(status: int, content: bytes, where: str) -> None:
    """Raise the error for an answer other than 2xx."""
    if 200 <= status < 300:
        return
    text = f"{where}: {status} {content[:_TEXT_SHOWN].decode(errors='replace')}".rstrip()
    if status == 429:
        raise GatewayBusy(text)
    if 400 <= status < 500:
        raise GatewayRefused(text, "The bank refused this.")
    raise GatewayUnreachable(text)


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
