"""The faults that tests inject into invocations, and the record of invocations.

The local AWS has one table of faults. The control port (`control.py`) changes it, and the invoker reads it.
"""

import itertools
import json
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Kind = Literal["before", "after", "kill", "duplicate", "throttle", "slow", "lose"]

KINDS = get_args(Kind)
_REMEMBERED_INVOCATIONS = 5_000

DEFAULT_ERRORS = {
    "before": "Lambda.ServiceException",
    "after": "Lambda.ServiceException",
    "throttle": "Lambda.TooManyRequestsException",
}


class BadFault(Exception):
    """The request does not describe a fault."""


@dataclass
class Fault:
    """A fault for the next `times` invocations of `function` whose event contains the text `contains`.

    before: the function is not invoked; the caller gets `error`. after: the function is invoked; its answer is
    thrown away, and the caller gets `error`. kill: the process is killed just before its `at_request`-th outward
    request, or, without one, before it answers. duplicate: the function is invoked twice; the caller gets the
    second answer. throttle: the function is not invoked; the caller gets a throttling error. slow: the function is
    invoked after `delay_seconds`. lose: the function is not invoked; the caller gets a success. The first `skip`
    matching invocations are not changed.
    """

    function: str
    kind: Kind
    times: int = 1
    contains: str = ""
    error: str = ""
    message: str = "injected fault"
    skip: int = 0
    at_request: int | None = None
    delay_seconds: float = 0.0
    id: str = ""
    fired: int = 0

    @classmethod
    def parse(cls, body: Any) -> "Fault":
        """Read a fault from the JSON of a request.

        Raises:
            BadFault: says what is wrong with it.
        """
        if not isinstance(body, dict):
            raise BadFault("a fault is a JSON object")
        known = set(cls.__dataclass_fields__) - {"id", "fired"}
        if unknown := set(body) - known:
            raise BadFault(f"a fault has no {sorted(unknown)[0]}; it has {', '.join(sorted(known))}")
        if body.get("kind") not in KINDS:
            raise BadFault(f"kind is one of {', '.join(KINDS)}")
        if not isinstance(body.get("function"), str):
            raise BadFault("function names the function, or is * for all")
        fault = cls(**body)
        fault.error = fault.error or DEFAULT_ERRORS.get(fault.kind, "")
        return fault

    def matches(self, function: str, text: str) -> bool:
        """Whether the fault applies to an invocation of `function` with the event `text`."""
        return self.function in {"*", function} and self.contains in text


@dataclass
class Invocation:
    """One call of a function, for tests that count calls."""

    function: str
    request_id: str
    began: float
    event: Any
    fault: str | None = None
    seconds: float | None = None
    error_type: str | None = None
    answer: Any = None
    deployed_as: str = ""
    """The function's full name, which includes its stack."""


@dataclass
class Faults:
    """The table of faults; its methods may be called from any thread."""

    _faults: list[Fault] = field(default_factory=list)
    _invocations: deque[Invocation] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_INVOCATIONS))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def add(self, fault: Fault) -> Fault:
        """Put `fault` into the table; return its id."""
        with self._lock:
            fault.id = f"fault-{next(self._ids)}"
            self._faults.append(fault)
        return fault

    def clear(self, fault_id: str | None = None) -> None:
        """Remove one fault, or all."""
        with self._lock:
            self._faults = [fault for fault in self._faults if fault_id not in {None, fault.id}]

    def listed(self) -> list[dict[str, Any]]:
        """All faults, with how often each has fired."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, function: str, event: Any) -> Fault | None:
        """Return the fault that applies to this invocation, if any, and count it as fired."""
        with self._lock:
            if not self._faults:
                return None
            text = json.dumps(event)
            for fault in self._faults:
                if not fault.matches(function, text) or fault.fired >= fault.times:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.fired += 1
                return fault
        return None

    def begin(self, function: str, request_id: str, event: Any, fault: Fault | None) -> Invocation:
        """Record that an invocation has begun."""
        kind = fault.kind if fault else None
        invocation = Invocation(function, request_id, time.time(), event, kind)
        with self._lock:
            self._invocations.append(invocation)
        return invocation

    def invocations(self, function: str = "", contains: str = "") -> list[dict[str, Any]]:
        """The invocations of `function` with `contains` in the event, oldest first."""
        with self._lock:
            found = list(self._invocations)
        return [
            asdict(invocation)
            for invocation in found
            if function in {"", invocation.function} and contains in json.dumps(invocation.event)
        ]

    def forget_invocations(self) -> None:
        """Delete the record of invocations."""
        with self._lock:
            self._invocations.clear()


FAULTS = Faults()
