"""Watching balances where an event or an execution was lost."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import START_MACHINES, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule("rate(1 minute)", grants=(TABLE_READ, TABLE_WRITE, START_MACHINES), timeout_seconds=55)
def reconcile_watches(event: Mapping[str, Any]) -> dict[str, int]:
    """Look at every customer whose moment has come, and see that the next moments are waited for."""
    return app().cloud.balance_watch.reconcile()
