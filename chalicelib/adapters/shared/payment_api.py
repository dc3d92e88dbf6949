"""A payment provider's JSON API: checked answers, and refusals as the port's errors."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from chalicelib.adapters.shared.http import Bounds, HttpAnswer, HttpClient, NoAnswer, excerpt
from chalicelib.domain.money.top_ups.models import GatewayBusy, GatewayRefused, GatewayUnreachable

_REFUSAL: Final = "The payment provider refused this."

T = TypeVar("T")


class PaymentApi:
    """Calls one payment provider.

    Reads are retried within `Bounds`. Changes are sent once: only the caller knows whether a repeated call would
    be the same payment.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        credential: tuple[str, str, SecretStr],
        bounds: Bounds,
        *,
        refusal: str = _REFUSAL,
    ) -> None:
        """Create the client.

        Args:
            provider: its name in errors.
            base_url: the prefix of every path.
            credential: the header's name, the word before the secret (may be empty), and the secret.
            bounds: the limits of each call.
            refusal: the sentence for customers if a call is refused.
        """
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        self._credential = credential
        self._http = HttpClient(provider, bounds)
        self._refusal = refusal

    def call(
        self,
        answer: TypeAdapter[T],
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Return the provider's answer. Numbers are parsed as decimals, never as binary fractions.

        Raises:
            GatewayRefused: 4xx.
            GatewayBusy: 429.
            GatewayUnreachable: no answer, one that cannot be parsed, or any other status.
        """
        where = f"{self._provider}, {method} {path.partition('?')[0]}"
        name, scheme, secret = self._credential
        sent = {
            name: f"{scheme} {secret.get_secret_value()}".strip(),
            "Accept": "application/json",
            **({"Content-Type": "application/json"} if body is not None else {}),
            **(headers or {}),
        }
        try:
            found = self._http.request(method, self._base_url + path, headers=sent, body=body)
        except NoAnswer as error:
            raise GatewayUnreachable(str(error)) from error
        self._check(found, where)
        try:
            return answer.validate_python(json.loads(found.content, parse_float=Decimal))
        except (ValidationError, ValueError) as error:
            raise GatewayUnreachable(f"{where}: an answer that cannot be read") from error

    def _check(self, found: HttpAnswer, where: str) -> None:
        """Raise the error for an answer other than 2xx."""
        if found.is_success:
            return
        secret = self._credential[2].get_secret_value()
        text = f"{where}: {found.status} {excerpt(found, [secret])}".rstrip()
        if found.status == 429:
            raise GatewayBusy(text)
        if 400 <= found.status < 500:
            raise GatewayRefused(text, self._refusal)
        raise GatewayUnreachable(text)
