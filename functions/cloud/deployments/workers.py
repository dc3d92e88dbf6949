"""Finishing operations that stand still."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib.runtime.grants import INSPECT_EXECUTIONS, START_MACHINES, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule(
    "rate(1 minute)",
    grants=(TABLE_READ, TABLE_WRITE, START_MACHINES, INSPECT_EXECUTIONS),
    timeout_seconds=55,
)
def reconcile_operations(event: Mapping[str, Any]) -> dict[str, int]:
    """Finish what a lost event or a dead execution left."""
    return asdict(app().cloud.reconciler.run())
