"""Starting operations, and finishing those that stand still."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib import bootstrap
from chalicelib.runtime.grants import INSPECT_EXECUTIONS, START_MACHINES, TABLE_READ, TABLE_STREAM, TABLE_WRITE
from chalicelib.runtime.triggers import schedule, stream

_NEW_OPERATION = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["OPERATION"]}}}}


@stream(_NEW_OPERATION, grants=(TABLE_READ, TABLE_STREAM, START_MACHINES), timeout_seconds=30)
def start_operation(image: Mapping[str, Any]) -> None:
    """Start the state machine of an operation that was just recorded."""
    _, customer_id, deployment_id = image["pk"]["S"].split("#")
    operation_id = image["sk"]["S"].removeprefix("OPERATION#")
    bootstrap.reconciler().start(customer_id, deployment_id, operation_id)


@schedule(
    "rate(1 minute)",
    grants=(TABLE_READ, TABLE_WRITE, START_MACHINES, INSPECT_EXECUTIONS),
    timeout_seconds=55,
)
def reconcile_operations(event: Mapping[str, Any]) -> dict[str, int]:
    """Finish what a lost event or a dead execution left."""
    return asdict(bootstrap.reconciler().run())
