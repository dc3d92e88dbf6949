"""Fault injection, shared by every simulator.

A test or a developer puts a fault on a `FaultBoard`. The simulator takes it from there when something happens that
the fault matches. Each simulator decides what its kinds of fault *do*; only the `RequestFault` kinds, which
concern the HTTP exchange alone, mean the same everywhere.
"""

import re
import threading
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator


class RequestFault(StrEnum):
    """A fault in one HTTP exchange. The name tells whether the request takes effect."""

    TIMEOUT_AFTER_EFFECT = "timeout_after_effect"
    """Handle the request, hold the answer for `delay_seconds`, then close without one."""
    DROP_AFTER_EFFECT = "drop_after_effect"
    """Handle the request, then close the connection without an answer."""
    ERROR_AFTER_EFFECT = "error_after_effect"
    """Handle the request, then answer `status` as if it had failed."""
    ERROR_BEFORE_EFFECT = "error_before_effect"
    """Answer `status` without handling the request."""
    RATE_LIMIT = "rate_limit"
    """Answer 429 with `Retry-After: retry_after_seconds` without handling the request."""
    CONNECTION_RESET = "connection_reset"
    """Reset the TCP connection without handling the request."""
    SLOW = "slow"
    """Wait `delay_seconds`, then handle the request as usual."""


@dataclass(frozen=True)
class Occasion:
    """Something that happens, which faults can match; a field that does not apply is empty."""

    region: str = ""
    service: str = ""
    method: str = ""
    path: str = ""
    name: str = ""


class FaultMatch(BaseModel):
    """The occasions that a fault matches. A field that is not set matches everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: str | None = None
    service: str | None = None
    method: str | None = None
    path: str | None = Field(default=None, description="regular expression, searched in the request's path")
    name: str | None = Field(default=None, description="regular expression, searched in the thing's name")

    @field_validator("path", "name")
    @classmethod
    def _is_regular_expression(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def matches(self, occasion: Occasion) -> bool:
        """Whether every field that is set agrees with `occasion`."""
        exact = (
            (self.region, occasion.region),
            (self.service, occasion.service),
            (self.method and self.method.upper(), occasion.method),
        )
        searched = ((self.path, occasion.path), (self.name, occasion.name))
        return all(wanted is None or wanted == found for wanted, found in exact) and all(
            pattern is None or re.search(pattern, text) is not None for pattern, text in searched
        )


class Fault(BaseModel):
    """One injected fault.

    It ignores the first `after` matching occasions, then takes effect `times` times (None: always).
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(default_factory=lambda: f"fault-{uuid.uuid4().hex[:12]}")
    kind: str
    match: FaultMatch = FaultMatch()
    times: int | None = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    status: int = Field(default=503, ge=400, le=599)
    retry_after_seconds: int = Field(default=1, ge=0)
    delay_seconds: float = Field(default=30.0, ge=0)
    struck: int = 0

    @property
    def spent(self) -> bool:
        """Whether it has taken effect as often as it may."""
        return self.times is not None and self.struck >= self.times

    def copy_now(self) -> Self:
        """A snapshot that later occasions do not change."""
        return self.model_copy()


class FaultBoard:
    """The injected faults. Thread-safe."""

    def __init__(self, kinds: Collection[str]) -> None:
        self.kinds = frozenset(kinds)
        self._faults: dict[str, Fault] = {}
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Put a fault on the board.

        Raises:
            ValueError: the simulator does not know this kind of fault.
        """
        if fault.kind not in self.kinds:
            raise ValueError(f"unknown kind {fault.kind!r}; known are {', '.join(sorted(self.kinds))}")
        with self._lock:
            self._faults[fault.id] = fault
            return fault.copy_now()

    def list(self) -> list[Fault]:
        """All faults, including spent ones, in the order of their injection."""
        with self._lock:
            return [fault.copy_now() for fault in self._faults.values()]

    def remove(self, fault_id: str) -> bool:
        """Take a fault off the board; False if it is not there."""
        with self._lock:
            return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Take every fault off the board."""
        with self._lock:
            self._faults.clear()

    def take(self, occasion: Occasion, kinds: Collection[str]) -> Fault | None:
        """The first fault of these kinds that takes effect on this occasion; it is counted. None if there is
        none.
        """
        with self._lock:
            for fault in self._faults.values():
                if fault.kind not in kinds or fault.spent or not fault.match.matches(occasion):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.struck += 1
                return fault.copy_now()
        return None
