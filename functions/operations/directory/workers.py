"""The directory of customers, held against the customers themselves."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule("rate(1 day)", grants=(TABLE_READ, TABLE_WRITE), timeout_seconds=900)
def reconcile_directory(event: Mapping[str, Any]) -> dict[str, int]:
    """Bring up to date what a lost event of the table's stream has left behind."""
    return app().operations.directory_keeper.follow_all()
