"""Starts new operations, and finishes operations that stalled."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib.domain.foundation.changes.models import Change
from chalicelib.runtime.grants import INSPECT_EXECUTIONS, START_MACHINES, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import on_change, schedule
from chalicelib.wiring.app import app


@on_change("OPERATION", on="INSERT", grants=(TABLE_READ, START_MACHINES), timeout_seconds=10, concurrency=100)
def start_operation(change: Change) -> None:
    """Start the state machine of a new operation."""
    _, customer_id, deployment_id = change.pk.split("#")
    app().cloud.reconciler.start(customer_id, deployment_id, change.sk.removeprefix("OPERATION#"))


@schedule(
    "rate(1 minute)",
    grants=(TABLE_READ, TABLE_WRITE, START_MACHINES, INSPECT_EXECUTIONS),
    timeout_seconds=55,
)
def reconcile_operations(event: Mapping[str, Any]) -> dict[str, int]:
    """Finish operations whose event was lost or whose execution died."""
    return asdict(app().cloud.reconciler.run())
