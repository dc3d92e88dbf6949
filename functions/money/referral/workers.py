"""Checks referrals whose events were lost."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule("rate(1 hour)", grants=(TABLE_READ, TABLE_WRITE), timeout_seconds=300)
def reconcile_referrals(event: Mapping[str, Any]) -> Mapping[str, int]:
    """Check every referral that is due, in case an event of the table's stream was lost."""
    return app().money.referrals.reconcile()
