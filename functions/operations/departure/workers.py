"""Make exports of users' data, and erase closed customers."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import MAKE_ACCOUNT_EXPORTS, PAYMENT_ACCESS, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule("rate(5 minutes)", grants=(TABLE_READ, TABLE_WRITE, PAYMENT_ACCESS), timeout_seconds=900, memory_mb=1024)
def erase_closed_customers(event: Mapping[str, Any]) -> dict[str, int]:
    """Issue the last invoice of every closed customer, and erase what the law does not require to be kept."""
    return {"erased": app().operations.erasure.run()}


@schedule(
    "rate(1 minute)",
    grants=(TABLE_READ, TABLE_WRITE, MAKE_ACCOUNT_EXPORTS),
    timeout_seconds=900,
    memory_mb=1024,
)
def make_data_exports(event: Mapping[str, Any]) -> dict[str, int]:
    """Make every requested export."""
    return {"made": app().operations.data_exports.run()}
