"""What follows from prices that are going to change."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import FAN_OUT_METERING, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule("rate(1 minute)", grants=(TABLE_READ, FAN_OUT_METERING), timeout_seconds=30)
def follow_prices(event: Mapping[str, Any]) -> dict[str, list[int]]:
    """Have machines metered at the very seconds at which a price changes soon."""
    return {"seconds": list(app().money.metering.run_at_changes())}


@schedule("rate(1 minute)", grants=(TABLE_READ, TABLE_WRITE), timeout_seconds=55)
def announce_prices(event: Mapping[str, Any]) -> dict[str, int]:
    """Go on with telling customers, whose machines run, of new prices."""
    return {"told": app().cloud.price_announcements.run()}
