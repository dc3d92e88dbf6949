"""Keep the directory of customers up to date."""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.foundation.changes.models import Change
from chalicelib.runtime.grants import TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import on_change, schedule
from chalicelib.wiring.app import app


@on_change("CUSTOMER", "MEMBERSHIP", "USER", on=("INSERT", "MODIFY"), grants=(TABLE_READ, TABLE_WRITE))
def update_directory(change: Change) -> None:
    """Rewrite the entry of each customer that the change concerns, from its present name and members."""
    keeper = app().operations.directory_keeper
    match change.kind:
        case "USER":
            keeper.follow_user(change.owner)
        case "MEMBERSHIP":
            keeper.follow(change.sk.removeprefix("MEMBERSHIP#"))
        case _:
            keeper.follow(change.owner)


@schedule("rate(1 day)", grants=(TABLE_READ, TABLE_WRITE), timeout_seconds=900)
def reconcile_directory(event: Mapping[str, Any]) -> dict[str, int]:
    """Rewrite the entry of every customer, in case a change was lost."""
    return app().operations.directory_keeper.follow_all()
