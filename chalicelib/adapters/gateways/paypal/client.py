"""Client for PayPal's REST API: access token, and the errors of the gateway port.

PayPal's own SDK supports neither webhooks nor disputes, so all calls are plain HTTP.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from pydantic import ValidationError

from chalicelib.adapters.gateways.paypal.answers import Answer, ErrorAnswer, Token
from chalicelib.adapters.gateways.paypal.config import PayPalConfig
from chalicelib.adapters.shared.http import Bounds, HttpAnswer, HttpClient, NoAnswer
from chalicelib.domain.money.top_ups.models import GatewayBusy, GatewayError, GatewayRefused, GatewayUnreachable
from chalicelib.kernel.clock import Clock, later
from chalicelib.kernel.dataclasses import dataclass

_TOKEN_MARGIN_SECONDS: Final = 60
"""A token that ends sooner is not used: clocks may differ, and the request takes time."""

A = TypeVar("A", bound=Answer)

_SENTENCES: Final[Mapping[str, str]] = {
    "CAPTURE_FULLY_REFUNDED": "This payment has been refunded already.",
    "CURRENCY_NOT_SUPPORTED": "PayPal does not take this currency here.",
    "INVALID_RESOURCE_ID": "There is no such payment.",
    "MAX_VALUE_EXCEEDED": "This amount is more than a PayPal payment can be.",
    "REFUND_AMOUNT_EXCEEDED": "This is more than is left of the payment.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "This payment is disputed; it cannot be refunded.",
    "REFUND_TIME_LIMIT_EXCEEDED": "This payment is too old to be refunded through PayPal.",
    "TRANSACTION_DISPUTED": "This payment is disputed; it cannot be refunded.",
}


class PayPalRefused(GatewayRefused):
    """A refusal with PayPal's code for it, such as `INSTRUMENT_DECLINED`."""

    def __init__(self, text: str, issue: str) -> None:
        super().__init__(text, _SENTENCES.get(issue, "PayPal refused this."))
        self.issue = issue


@dataclass(frozen=True)
class _Bearer:
    token: str
    ends_at: datetime


class PayPalClient:
    """Calls PayPal. The access token, which is valid for hours, is kept as long as this object lives.

    Reads are repeated within the bounds of `HttpClient`. Other calls are sent once, because only the caller knows
    whether to repeat them is safe. The exception: if PayPal no longer accepts the token, the call is repeated once
    with a new token.
    """

    def __init__(self, config: PayPalConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._http = HttpClient("PayPal", Bounds(config.connect_timeout_seconds, config.read_timeout_seconds))
        self._bearer: _Bearer | None = None

    def get(self, answer: type[A], path: str, query: Mapping[str, str | int] | None = None) -> A:
        """Read an object."""
        return self._call(answer, "GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, answer: type[A], path: str, body: Mapping[str, Any], key: str) -> A:
        """Create an object; the same `key` (1 to 108 characters) gives the same object, for several hours at
        least.
        """
        # Without `Prefer`, answers omit most of the fields that are needed here.
        return self._call(
            answer, "POST", path, body, {"PayPal-Request-Id": key, "Prefer": "return=representation"}
        )

    def download(self, url: str) -> HttpAnswer:
        """Download a public file, such as a certificate, without credentials.

        The request is sent once: PayPal sends a webhook again if its certificate could not be read.

        Raises:
            GatewayUnreachable: there is no answer, or a 5xx.
        """
        answer = self._exchange("GET", url, {}, None, may_repeat=False)
        if answer.status >= 500:
            raise GatewayUnreachable(f"PayPal, GET {url}: {answer.status}")
        return answer

    def _call(
        self,
        answer: type[A],
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> A:
        where = f"PayPal, {method} {path.partition('?')[0]}"
        content = None if body is None else json.dumps(body).encode()
        response = self._authorised(method, path, content, headers or {})
        if response.status == 401:
            self._bearer = None
            response = self._authorised(method, path, content, headers or {})
        return _read(answer, response, where)

    def _authorised(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        sent = {
            "Authorization": f"Bearer {self._token()}",
            "Accept": "application/json",
            **headers,
        }
        if content is not None:
            sent["Content-Type"] = "application/json"
        return self._exchange(method, self._config.api_url + path, sent, content)

    def _token(self) -> str:
        """The access token; a new one if there is none, or if it ends soon."""
        if self._bearer is None or self._bearer.ends_at <= later(self._clock.now(), _TOKEN_MARGIN_SECONDS):
            credentials = f"{self._config.client_id}:{self._config.client_secret.get_secret_value()}"
            headers = {
                "Authorization": f"Basic {b64encode(credentials.encode()).decode()}",
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            }
            url = f"{self._config.api_url}/v1/oauth2/token"
            asked_at = self._clock.now()
            response = self._exchange("POST", url, headers, b"grant_type=client_credentials", may_repeat=True)
            token = _read(Token, response, "PayPal, POST /v1/oauth2/token")
            self._bearer = _Bearer(token.access_token, later(asked_at, token.expires_in))
        return self._bearer.token

    def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        *,
        may_repeat: bool | None = None,
    ) -> HttpAnswer:
        try:
            return self._http.request(method, url, headers=headers, body=content, may_repeat=may_repeat)
        except NoAnswer as error:
            raise GatewayUnreachable(str(error)) from error


def _read(answer: type[A], response: HttpAnswer, where: str) -> A:
    """The parsed answer; raises the error if PayPal refused."""
    if not response.is_success:
        raise _error(response, where)
    try:
        return answer.model_validate_json(response.content)
    except ValidationError as error:
        wrong = ", ".join(sorted({".".join(map(str, item["loc"])) for item in error.errors()}))
        raise GatewayUnreachable(f"{where}: an answer that cannot be read: {wrong or 'no JSON'}") from error


def _error(response: HttpAnswer, where: str) -> GatewayError:
    """The port's error for a refusal. Its text has PayPal's message and debug id, and no secret."""
    status = response.status
    try:
        told = ErrorAnswer.model_validate_json(response.content)
    except ValidationError:
        told = ErrorAnswer()
    first = told.details[0].issue if told.details else ""
    issue = first or told.name or told.error
    text = " ".join(f"{where}: {status} {issue} {told.message} {told.debug_id}".split())
    if status in {409, 429}:  # 409: the first request with this key is still being answered
        return GatewayBusy(text)
    if status >= 500:
        return GatewayUnreachable(text)
    if status in {400, 404, 422}:
        return PayPalRefused(text, issue)
    return GatewayError(text)
