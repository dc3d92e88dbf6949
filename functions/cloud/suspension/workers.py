"""Check balances after each change of money, and after an event or execution was lost."""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.foundation.changes.models import Change
from chalicelib.runtime.grants import START_MACHINES, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import on_change, schedule
from chalicelib.wiring.app import app

_GRANTS = (TABLE_READ, TABLE_WRITE, START_MACHINES)


@on_change(
    "ACCOUNT",
    "SPEND_CAPS",
    on=("INSERT", "MODIFY"),
    ordered=True,
    grants=_GRANTS,
    timeout_seconds=30,
    concurrency=200,
)
def follow_money(change: Change) -> None:
    """Check whether the balance or a spend cap now ends earlier, and whether suspended machines may run again.

    The changes of one customer come one after the other, because two checks would compete for the same watch.
    """
    app().cloud.balance_watch.follow(change.owner)


@on_change("OPERATION", on="INSERT", fields=("type",), grants=_GRANTS, timeout_seconds=30)
def follow_deletion(change: Change) -> None:
    """Check a suspended customer who deletes a machine: the balance may cover the other machines' reserves now."""
    if change.fields["type"] == "delete" and app().cloud.suspensions.of(change.owner) is not None:
        app().cloud.balance_watch.follow(change.owner)


@schedule("rate(1 minute)", grants=_GRANTS, timeout_seconds=55)
def reconcile_watches(event: Mapping[str, Any]) -> dict[str, int]:
    """Check every customer whose moment is due, and ensure that a watch waits for the next one."""
    return app().cloud.balance_watch.reconcile()
