"""Ending what a deployment costs, in the transaction of whatever ends it (G06)."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.compute.models import Deployment
from chalicelib.kernel.transactions import Write
from chalicelib.ledger.service import Ledger
from chalicelib.metering.service import Metering


def end_billing(
    ledger: Ledger, metering: Metering, deployment: Deployment, at: datetime, until: int
) -> Sequence[Write]:
    """Close the meter at `until` (epoch seconds), and give the hold back; nothing where there is neither."""
    change = ledger.change(deployment.customer_id, at)
    writes: Sequence[Write] = ()
    meter = metering.meter(deployment.customer_id, deployment.id)
    if meter is not None and meter.closed_at is None:
        writes = metering.close(change, meter, until)
    hold = ledger.hold(deployment.customer_id, deployment.id)
    if hold is not None:
        change.release_hold(hold)
    return [*writes, *change.writes()]
