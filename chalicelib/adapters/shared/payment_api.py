"""A payment provider's JSON interface: what it answers, checked, or what it refuses, in the port's words."""

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
    """Calls one provider.

    Reading is repeated within `Bounds`. What changes something is sent once: whoever calls knows whether the same
    call again would be the same payment.
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
        """Make an interface.

        Args:
            provider: its name in errors.
            base_url: what every path is appended to.
            credential: the header that holds it, the word before it (may be empty), and the secret itself.
            bounds: of each call.
            refusal: the sentence for customers where a call is refused.
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
        """What the provider answers. Numbers are read as decimals: no binary fraction comes between.

        Raises:
            GatewayRefused: 4xx.
            GatewayBusy: 429.
            GatewayUnreachable: no answer, one that cannot be read, or any other status.
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
        """Raise what an answer other than 2xx means."""
        if found.is_success:
            return
        secret = self._credential[2].get_secret_value()
        text = f"{where}: {found.status} {excerpt(found, [secret])}".rstrip()
        if found.status == 429:
            raise GatewayBusy(text)
        if 400 <= found.status < 500:
            raise GatewayRefused(text, self._refusal)
        raise GatewayUnreachable(text)
