"""A function with a queue of the core stack."""

from typing import Any

from chalicelib.runtime.grants import WORK_METERING
from chalicelib.runtime.registry import Function, Queue, register


def meter(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Process a batch of messages."""
    return {"batchItemFailures": [], "taken": len(event["Records"])}


register(Function(meter.__name__, __name__, Queue("MeteringQueue"), meter, (WORK_METERING,)))
