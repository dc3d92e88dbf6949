"""Erasing what is left of closed customers."""

from collections.abc import Mapping
from typing import Any

from chalicelib import bootstrap
from chalicelib.runtime.grants import PAYMENT_ACCESS, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule


@schedule("rate(5 minutes)", grants=(TABLE_READ, TABLE_WRITE, PAYMENT_ACCESS), timeout_seconds=900, memory_mb=1024)
def erase_closed_customers(event: Mapping[str, Any]) -> dict[str, int]:
    """Issue the last invoice of every customer that was closed, and erase what need not be kept."""
    return {"erased": bootstrap.erasure().run()}
