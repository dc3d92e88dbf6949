"""One HTTP client, based on urllib3, for every service that is called without its vendor's SDK.

Each request has limits of time, attempts and bytes. A request that may be repeated is retried within these limits
when no answer came, and when the answer asks to try later.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Final

import urllib3

from chalicelib.kernel.dataclasses import dataclass

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_WORTH_REPEATING: Final = frozenset({429, 500, 502, 503, 504})
_FIRST_PAUSE_SECONDS: Final = 0.1
"""Before the second attempt; each further pause is twice as long."""
_PIECE_BYTES: Final = 64 * 1024
_SHORTEST_SECRET: Final = 6
_TEXT_SHOWN: Final = 200


@dataclass(frozen=True)
class Bounds:
    """The limits of one request."""

    connect_seconds: float = 3
    read_seconds: float = 10
    """The longest time without data from the service."""
    whole_seconds: float | None = None
    """For all attempts and the pauses between them. By default one attempt's connect and read time-outs
    together.
    """
    attempts: int = 3
    """For a request that may be repeated."""
    pause_seconds: float = 2
    """The longest pause between two attempts. A longer `Retry-After` ends the attempts."""
    answer_bytes: int = 8 * 1024 * 1024

    @property
    def budget_seconds(self) -> float:
        """The time that all attempts share."""
        return self.connect_seconds + self.read_seconds if self.whole_seconds is None else self.whole_seconds


@dataclass(frozen=True)
class HttpAnswer:
    """An answer of any status; redirects are answers too, and are not followed."""

    status: int
    content: bytes = field(repr=False)
    retry_after_seconds: float | None = None
    """The answer's `Retry-After`, as seconds from now."""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class NoAnswer(Exception):
    """There was no complete answer within the limits. The request may have taken effect. The text contains
    no secret.
    """


class HttpClient:
    """Sends requests to one service. Threads may share it; connections are reused."""

    def __init__(
        self,
        service: str,
        bounds: Bounds | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Create a client.

        Args:
            service: its name in errors.
            bounds: the limits of each request.
            monotonic: returns seconds that never decrease; tests replace it.
            pause: waits for the given seconds; tests replace it.
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
        """Send a request, with retries if allowed and useful. Returns the last answer.

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
                response.close()  # unread data must not become part of the next answer
                raise
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return _no_answer(f"{where}: {type(error).__name__}", error)
        except _TooMuch as error:
            return _no_answer(f"{where}: {response.status}, {error}", error)
        return HttpAnswer(response.status, content, retry_after_seconds(response.headers.get("Retry-After")))

    def _content(self, response: urllib3.BaseHTTPResponse, ends_at: float) -> bytes:
        """Read the whole body in pieces, with limits on its size and duration."""
        content = bytearray()
        while piece := response.read1(_PIECE_BYTES, decode_content=True):
            content += piece
            if len(content) > self._bounds.answer_bytes:
                raise _TooMuch(f"the answer is longer than {self._bounds.answer_bytes} bytes")
            if self._monotonic() >= ends_at:
                raise _TooMuch("the answer takes too long")
        return bytes(content)


class _TooMuch(Exception):
    """An answer exceeds a limit."""


def retry_after_seconds(header: str | None) -> float | None:
    """Return the seconds of a `Retry-After` from now on; None if it is missing or invalid."""
    try:
        return None if header is None else urllib3.Retry().parse_retry_after(header)
    except (
        urllib3.exceptions.InvalidHeader,
        ValueError,
        OverflowError,
    ):  # the last: huge numbers and years
        return None


def excerpt(answer: HttpAnswer, secrets: Iterable[str] = ()) -> str:
    """Return the beginning of an answer on one line, for error messages; `secrets` in it are masked."""
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
    """Return the pause before the next attempt; None if another attempt is not useful."""
    backoff_seconds = _FIRST_PAUSE_SECONDS * 2.0 ** (number - 1)
    if isinstance(outcome, NoAnswer):
        return backoff_seconds
    if outcome.status not in _WORTH_REPEATING:
        return None
    return backoff_seconds if outcome.retry_after_seconds is None else outcome.retry_after_seconds
