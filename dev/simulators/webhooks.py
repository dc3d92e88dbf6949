"""Sends the simulated payment services' webhooks, and injects faults into them.

A service posts each event to an `Outbox` once. The outbox signs and sends it from its own thread, and repeats
until the answer is 2xx. The real services do the same, but over days instead of seconds.
"""

import heapq
import itertools
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dev.simulators.faults import FaultBoard, Occasion
from dev.simulators.http import Json

Signer = Callable[[bytes], Mapping[str, str]]
"""Makes the headers that sign a body, anew for each attempt."""

RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
SEND_TIMEOUT_SECONDS: Final = 15.0


class WebhookFault(StrEnum):
    """A fault of a webhook. `match.name` is searched in the event's kind."""

    DUPLICATE = "webhook_duplicate"
    """It arrives twice."""
    REORDERED = "webhook_reordered"
    """It arrives after the next event, or when `flush` is called."""
    LATE = "webhook_late"
    """It arrives `delay_seconds` late."""
    FORGED = "webhook_forged"
    """It arrives with a signature over another body."""
    LOST = "webhook_lost"
    """It never arrives, unless it is delivered by hand."""


@dataclass
class Webhook:
    """One event; `body` is what the service sends."""

    id: str
    kind: str
    body: str
    attempts: list[int] = field(default_factory=list)
    """The answer to each attempt: an HTTP status, or 0 for no answer."""

    def summary(self) -> dict[str, Json]:
        """The fields that the control command shows."""
        return {"id": self.id, "kind": self.kind, "attempts": list(self.attempts)}


@dataclass(order=True, frozen=True)
class _Due:
    at: float
    number: int
    webhook: Webhook = field(compare=False)
    forged: bool = field(compare=False, default=False)
    attempt: int = field(compare=False, default=0)


class Outbox:
    """Sends webhooks in order, except for faults. Thread-safe."""

    def __init__(self, service: str, sign: Signer, faults: FaultBoard, url: str = "") -> None:
        """Prepare the outbox; `start` starts it.

        Args:
            service: the service's name, for the faults' `match.service`.
            sign: makes the service's signature.
            faults: the faults; only `WebhookFault`s matter here.
            url: the URL to send to; without one, events are only stored.
        """
        self.service = service
        self.url = url
        self.history: list[Webhook] = []
        self._sign = sign
        self._faults = faults
        self._numbers = itertools.count()
        self._due: list[_Due] = []
        self._held: list[Webhook] = []
        self._sending = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"{service}-webhooks", daemon=True)

    def start(self) -> None:
        """Send from a background thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop sending; webhooks that are due are not sent."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(SEND_TIMEOUT_SECONDS)

    def post(self, webhook: Webhook) -> None:
        """Send an event, subject to the faults."""
        occasion = Occasion(service=self.service, name=webhook.kind)
        fault = self._faults.take(occasion, frozenset(WebhookFault))
        kind = WebhookFault(fault.kind) if fault else None
        with self._changed:
            self.history.append(webhook)
            if kind is WebhookFault.REORDERED:
                self._held.append(webhook)
                return
            if kind is not WebhookFault.LOST:
                delay_seconds = fault.delay_seconds if fault and kind is WebhookFault.LATE else 0.0
                self._push(webhook, delay_seconds, forged=kind is WebhookFault.FORGED)
            if kind is WebhookFault.DUPLICATE:
                self._push(webhook)
            self._release()

    def deliver(self, event_id: str, *, times: int = 1, forged: bool = False) -> bool:
        """Send an event again, whatever happened to it before; False if there is none."""
        with self._changed:
            found = next((item for item in self.history if item.id == event_id), None)
            for _ in range(times if found else 0):
                self._push(found or self.history[0], forged=forged)
        return found is not None

    def flush(self) -> int:
        """Send the events that are held back; return how many."""
        with self._changed:
            return self._release()

    def deliver_untried(self) -> int:
        """Send the events that are held back, and those that were never tried and are not due; return how many."""
        with self._changed:
            due = {id(item.webhook) for item in self._due}
            held = {id(item) for item in self._held}
            untried = [item for item in self.history if id(item) in held or not (item.attempts or id(item) in due)]
            self._held.clear()
            for webhook in untried:
                self._push(webhook)
            return len(untried)

    def forget(self) -> None:
        """Forget every event, including those that are to be sent."""
        with self._changed:
            self.history.clear()
            self._held.clear()
            self._due.clear()
            self._changed.notify_all()

    def headers_for(self, webhook: Webhook) -> dict[str, str]:
        """The headers for an attempt now."""
        return {"Content-Type": "application/json; charset=utf-8", **self._sign(webhook.body.encode())}

    def wait_until_sent(self, timeout_seconds: float = 10.0) -> bool:
        """Wait until nothing is due, except retries and delays; return whether that happened in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._sending and not (self._due and self._due[0].at <= time.monotonic()),
                timeout_seconds,
            )

    def _release(self) -> int:
        released, self._held = self._held, []
        for webhook in released:
            self._push(webhook)
        return len(released)

    def _push(
        self, webhook: Webhook, delay_seconds: float = 0.0, *, forged: bool = False, attempt: int = 0
    ) -> None:
        if not self.url:
            return
        due = _Due(time.monotonic() + delay_seconds, next(self._numbers), webhook, forged, attempt)
        heapq.heappush(self._due, due)
        self._changed.notify_all()

    def _run(self) -> None:
        while (due := self._next()) is not None:
            status = self._send(due)
            with self._changed:
                due.webhook.attempts.append(status)
                if not 200 <= status < 300 and not due.forged and due.attempt < len(RETRY_SECONDS):
                    self._push(due.webhook, RETRY_SECONDS[due.attempt], attempt=due.attempt + 1)
                self._sending -= 1
                self._changed.notify_all()

    def _next(self) -> _Due | None:
        with self._changed:
            while not self._stopping:
                wait_seconds = self._due[0].at - time.monotonic() if self._due else None
                if wait_seconds is not None and wait_seconds <= 0:
                    self._sending += 1
                    return heapq.heappop(self._due)
                self._changed.wait(wait_seconds)
        return None

    def _send(self, due: _Due) -> int:
        body = due.webhook.body.encode()
        headers = self.headers_for(due.webhook)
        if due.forged:
            headers |= dict(self._sign(body + b" "))
        request = urllib.request.Request(self.url, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=SEND_TIMEOUT_SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0
