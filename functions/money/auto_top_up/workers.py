"""Charges saved cards when balances are low."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import PAYMENT_ACCESS, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule("rate(1 minute)", grants=(TABLE_READ, TABLE_WRITE, PAYMENT_ACCESS), timeout_seconds=300)
def auto_top_up(event: Mapping[str, Any]) -> Mapping[str, int]:
    """Process every customer with auto top-up; two runs at the same time charge only once."""
    return app().money.auto_top_ups.process_all()
