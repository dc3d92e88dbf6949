"""Issues invoices that are due."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import schedule
from chalicelib.wiring.app import app


@schedule("rate(1 hour)", grants=(TABLE_READ, TABLE_WRITE), timeout_seconds=900, memory_mb=1024)
def issue_invoices(event: Mapping[str, Any]) -> dict[str, int]:
    """Issue an invoice for every customer whose month has ended; nothing is issued twice."""
    return {"issued": app().money.invoicing.run()}
