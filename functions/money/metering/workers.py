"""Metering, distributed over shards."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import FAN_OUT_METERING, TABLE_READ, TABLE_WRITE, WORK_METERING
from chalicelib.runtime.observe import logger
from chalicelib.runtime.triggers import queue, schedule
from chalicelib.wiring.app import app


@schedule("rate(5 minutes)", grants=(FAN_OUT_METERING,), timeout_seconds=30)
def meter_usage(event: Mapping[str, Any]) -> dict[str, int]:
    """Queue each shard for a worker."""
    return {"shards": app().money.metering.run()}


@queue("MeteringQueue", grants=(TABLE_READ, TABLE_WRITE, WORK_METERING), timeout_seconds=60)
def meter_shard(message: Mapping[str, Any]) -> None:
    """Post the usage of the machines of one shard."""
    moved = app().money.metering.meter_shard(message["shard"])
    logger.info("metered", shard=message["shard"], meters=moved)
