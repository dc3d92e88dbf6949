"""One HTTP exchange with a simulator, subject to the injected faults."""

import threading
from collections.abc import Callable, Mapping

from dev.simulators.faults import Fault, FaultBoard, Occasion, RequestFault
from dev.simulators.http import Disconnect, Response

Refusal = Callable[[int, Mapping[str, str]], Response]
"""Makes an error answer in the service's format, with this status and these headers."""


def exchange(
    board: FaultBoard,
    occasion: Occasion,
    serve: Callable[[], Response],
    refuse: Refusal,
    stopping: threading.Event,
) -> tuple[Response | Disconnect, Fault | None]:
    """Handle a request as the injected faults require; also return the fault that took effect.

    Args:
        board: the faults; only `RequestFault`s matter here.
        occasion: the request, as faults match it.
        serve: handles the request.
        refuse: makes the error answer that a fault asks for.
        stopping: set when the simulator stops; ends every delay.
    """
    fault = board.take(occasion, frozenset(RequestFault))
    if fault is None:
        return serve(), None
    return _struck(fault, serve, refuse, stopping), fault


def _struck(
    fault: Fault, serve: Callable[[], Response], refuse: Refusal, stopping: threading.Event
) -> Response | Disconnect:
    kind = RequestFault(fault.kind)
    if kind is RequestFault.CONNECTION_RESET:
        return Disconnect(reset=True)
    if kind is RequestFault.ERROR_BEFORE_EFFECT:
        return refuse(fault.status, {})
    if kind is RequestFault.RATE_LIMIT:
        return refuse(429, {"Retry-After": str(fault.retry_after_seconds)})
    if kind is RequestFault.SLOW:
        stopping.wait(fault.delay_seconds)
        return serve()
    serve()
    if kind is RequestFault.ERROR_AFTER_EFFECT:
        return refuse(fault.status, {})
    if kind is RequestFault.TIMEOUT_AFTER_EFFECT:
        stopping.wait(fault.delay_seconds)
    return Disconnect()
