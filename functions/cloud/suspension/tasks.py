"""The task of the state machine `balance_watch`; `chalicelib.domain.cloud.suspension` does the work."""

from collections.abc import Mapping
from typing import Any

from chalicelib.kernel.clock import isoformat
from chalicelib.runtime.grants import START_MACHINES, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import task
from chalicelib.wiring.app import app


@task(grants=(TABLE_READ, TABLE_WRITE, START_MACHINES), timeout_seconds=60)
def watch_balance(state: Mapping[str, Any]) -> dict[str, str]:
    """Check a customer's balance, do what is due, and return the time to wait for."""
    moment = app().cloud.balance_watch.wake(state["customerId"], state["number"])
    return {"outcome": "waiting", "wakesAt": isoformat(moment)} if moment else {"outcome": "done"}
