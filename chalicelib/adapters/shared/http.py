"""One HTTP client for every service that is spoken to without its vendor's SDK. It stands on urllib3.

Each request has a budget of time, of attempts and of bytes. A request that may be repeated is repeated while its
budget lasts: when no answer came, and when the answer asks for patience.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import urllib3

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_WORTH_REPEATING: Final = frozenset({429, 500, 502, 503, 504})
_FIRST_PAUSE_SECONDS: Final = 0.1
"""Before the second attempt; each further pause is twice as long."""
_PIECE_BYTES: Final = 64 * 1024
_SHORTEST_SECRET: Final = 6
_TEXT_SHOWN: Final = 200


@dataclass(frozen=True)
class Bounds:
    """How much one request may take."""

    connect_seconds: float = 3
    read_seconds: float = 10
    """The longest silence of the other side."""
    whole_seconds: float | None = None
    """All attempts and the pauses between them. By default one attempt's connect and read time-outs together."""
    attempts: int = 3
    """Of a request that may be repeated."""
    pause_seconds: float = 2
    """The longest pause between two attempts. A `Retry-After` that asks for more ends the attempts."""
    answer_bytes: int = 8 * 1024 * 1024

    @property
    def budget_seconds(self) -> float:
        """The time that all attempts share."""
        return self.connect_seconds + self.read_seconds if self.whole_seconds is None else self.whole_seconds


@dataclass(frozen=True)
class HttpAnswer:
    """An answer of any status; redirects are answers too and are not followed."""

    status: int
    content: bytes = field(repr=False)
    retry_after_seconds: float | None = None
    """What the answer's `Retry-After` asks for, as seconds from now."""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class NoAnswer(Exception):
    """No complete answer came within the bounds. The request may have taken effect. The text holds no secret."""


class HttpClient:
    """Sends requests to one service. Threads may share it; connections are kept for the next request."""

    def __init__(
        self,
        service: str,
        bounds: Bounds | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a client.

        Args:
            service: its name in errors.
            bounds: of each request.
            monotonic: seconds that only grow; tests give their own.
            pause: waits that many seconds; tests give their own.
        """
        self._service = service
        self._bounds = bounds or Bounds()
        self._monotonic = monotonic
        self._pause = pause
        self._pool = urllib3.PoolManager(retries=False)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        may_repeat: bool | None = None,
    ) -> HttpAnswer:
        """Send a request, and again where that is allowed and worth it. Gives the last answer.

        Args:
            may_repeat: whether the request may reach the service more than once; by default only GET and HEAD may.

        Raises:
            NoAnswer: the last attempt had no complete answer.
        """
        repeats = method in _SAFE_METHODS if may_repeat is None else may_repeat
        ends_at = self._monotonic() + self._bounds.budget_seconds
        attempts = self._bounds.attempts if repeats else 1
        for number in range(1, attempts + 1):
            outcome = self._attempt(method, url, headers or {}, body, ends_at)
            pause_seconds = _pause_seconds(outcome, number)
            if number == attempts or pause_seconds is None or pause_seconds > self._bounds.pause_seconds:
                break
            if self._monotonic() + pause_seconds >= ends_at:
                break
            self._pause(pause_seconds)
        if isinstance(outcome, NoAnswer):
            raise outcome
        return outcome

    def _attempt(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, ends_at: float
    ) -> HttpAnswer | NoAnswer:
        where = f"{self._service}, {method} {url.partition('?')[0]}"
        left_seconds = max(ends_at - self._monotonic(), 0.001)
        timeout = urllib3.Timeout(
            connect=self._bounds.connect_seconds, read=self._bounds.read_seconds, total=left_seconds
        )
        try:
            response = self._pool.request(
                method, url, body=body, headers=headers, timeout=timeout, redirect=False, preload_content=False
            )
            try:
                content = self._content(response, ends_at)
            except BaseException:
                response.close()  # what is left of the answer must not become the next one's
                raise
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return _no_answer(f"{where}: {type(error).__name__}", error)
        except _TooMuch as error:
            return _no_answer(f"{where}: {response.status}, {error}", error)
        return HttpAnswer(response.status, content, retry_after_seconds(response.headers.get("Retry-After")))

    def _content(self, response: urllib3.BaseHTTPResponse, ends_at: float) -> bytes:
        """The whole body, piece by piece, so that neither its size nor its slowness is the other side's choice."""
        content = bytearray()
        while piece := response.read1(_PIECE_BYTES, decode_content=True):
            content += piece
            if len(content) > self._bounds.answer_bytes:
                raise _TooMuch(f"the answer is longer than {self._bounds.answer_bytes} bytes")
            if self._monotonic() >= ends_at:
                raise _TooMuch("the answer takes too long")
        return bytes(content)


class _TooMuch(Exception):
    """An answer goes beyond a bound."""


def retry_after_seconds(header: str | None) -> float | None:
    """What a `Retry-After` asks for, from now on; None where there is none, or one that says nothing."""
    try:
        return None if header is None else urllib3.Retry().parse_retry_after(header)
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):  # the latter of absurd numbers and years
        return None


def excerpt(answer: HttpAnswer, secrets: Iterable[str] = ()) -> str:
    """The beginning of an answer on one line, for an error's text; `secrets` that it repeats are blotted out."""
    text = answer.content.decode(errors="replace")
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return " ".join("".join(char if char.isprintable() else " " for char in text[:_TEXT_SHOWN]).split())


def _no_answer(text: str, cause: BaseException) -> NoAnswer:
    error = NoAnswer(text)
    error.__cause__ = cause
    return error


def _pause_seconds(outcome: HttpAnswer | NoAnswer, number: int) -> float | None:
    """How long to wait before the next attempt; None where another one is not worth it."""
    backoff_seconds = _FIRST_PAUSE_SECONDS * 2.0 ** (number - 1)
    if isinstance(outcome, NoAnswer):
        return backoff_seconds
    if outcome.status not in _WORTH_REPEATING:
        return None
    return backoff_seconds if outcome.retry_after_seconds is None else outcome.retry_after_seconds
