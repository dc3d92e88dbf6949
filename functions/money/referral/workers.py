"""Rewards referrals when money arrives, and after a lost event."""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.foundation.changes.models import Change
from chalicelib.runtime.grants import TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import on_change, schedule
from chalicelib.wiring.app import app


@on_change("TOP_UP", on="MODIFY", fields=("credited_micros",), grants=(TABLE_READ, TABLE_WRITE))
def reward_referral(change: Change) -> None:
    """Check whether money that arrived earns a reward, or money that went back revokes one."""
    if int(change.fields["credited_micros"]):
        app().money.referrals.look(change.owner)


@schedule("rate(1 hour)", grants=(TABLE_READ, TABLE_WRITE), timeout_seconds=300)
def reconcile_referrals(event: Mapping[str, Any]) -> Mapping[str, int]:
    """Check every referral that is due, in case an event of the table's stream was lost."""
    return app().money.referrals.reconcile()
