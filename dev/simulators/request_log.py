"""The log of a simulator's requests."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from dev.simulators.faults import Fault
from dev.simulators.http import Disconnect, Json, Request, Response

REQUESTS_KEPT: Final = 2000


class RequestLog:
    """The last requests, numbered in the order of their answers. Not thread-safe: hold the lock."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Json]] = deque(maxlen=REQUESTS_KEPT)
        self._answered = 0

    def add(
        self, request: Request, answer: Response | Disconnect, fault: Fault | None, noted: Mapping[str, Json]
    ) -> None:
        """Log a request, its answer, the fault that took effect, and the fields in `noted`."""
        self._answered += 1
        self._entries.append(
            {
                "number": self._answered,
                "method": request.method,
                "path": request.path,
                "query": request.query_string,
                "status": answer.status if isinstance(answer, Response) else None,
                "fault": fault.kind if fault else None,
                **noted,
            }
        )

    def since(self, number: int) -> list[dict[str, Json]]:
        """The logged requests with a greater number."""
        return [entry for entry in self._entries if entry["number"] > number]

    @property
    def last(self) -> int:
        """The number of the last answered request; 0 before the first."""
        return self._answered

    def clear(self) -> None:
        """Delete all entries; the numbers continue."""
        self._entries.clear()
