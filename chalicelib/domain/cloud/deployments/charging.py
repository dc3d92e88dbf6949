"""Opens and closes the billing of a deployment, in the transaction that starts or ends it (G06)."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.cloud.deployments.models import RESERVE_SECONDS, Deployment
from chalicelib.domain.money.ledger.models import SECONDS_PER_HOUR
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.metering.models import Meter
from chalicelib.domain.money.metering.service import Metering
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.transactions import Write


def reserve_micros(price_micros_per_hour: int) -> int:
    """Return the micro-dollars to hold for a running machine of this price."""
    return price_micros_per_hour * RESERVE_SECONDS // SECONDS_PER_HOUR


def next_meter(metering: Metering, deployment: Deployment, at: datetime) -> Meter:
    """Return the meter of a machine that runs from `at` on, at the price in force then.

    The first charged second is the first one that the machine ran in full.
    """
    return metering.next_meter(
        deployment.customer_id,
        deployment.id,
        deployment.price_parts,
        deployment.price_micros_per_hour,
        epoch_seconds(at) + 1,
        api_key_id=deployment.made_by_key,
    )


def end_billing(
    ledger: Ledger, metering: Metering, deployment: Deployment, at: datetime, until: int
) -> Sequence[Write]:
    """Close the meter at `until` (epoch seconds) and release the hold; no Writes if there is neither."""
    change = ledger.change(deployment.customer_id, at)
    writes: Sequence[Write] = ()
    meter = metering.meter(deployment.customer_id, deployment.id)
    if meter is not None and meter.closed_at is None:
        writes = metering.close(change, meter, until)
    hold = ledger.hold(deployment.customer_id, deployment.id)
    if hold is not None:
        change.release_hold(hold)
    return [*writes, *change.writes()]
