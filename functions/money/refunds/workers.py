"""Continues refunds that the gateway has not answered or not completed."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import PAYMENT_ACCESS, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule("rate(5 minutes)", grants=(TABLE_READ, TABLE_WRITE, PAYMENT_ACCESS), timeout_seconds=300)
def reconcile_refunds(event: Mapping[str, Any]) -> Mapping[str, int]:
    """Ask the gateways about every refund that is due."""
    return app().money.refunds.reconcile()
