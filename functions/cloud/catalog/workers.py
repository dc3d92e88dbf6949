"""Meters machines when a price changes, and announces new prices."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import FAN_OUT_METERING, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule("rate(1 minute)", grants=(TABLE_READ, FAN_OUT_METERING), timeout_seconds=30)
def follow_prices(event: Mapping[str, Any]) -> dict[str, list[int]]:
    """Schedule a metering run for each second of the near future at which a price changes."""
    return {"seconds": list(app().money.metering.run_at_changes())}


@schedule("rate(1 minute)", grants=(TABLE_READ, TABLE_WRITE), timeout_seconds=55)
def announce_prices(event: Mapping[str, Any]) -> dict[str, int]:
    """Announce new prices to customers with running machines, from where the last run stopped."""
    return {"told": app().cloud.price_announcements.run()}
