"""The relay: the only reader of the table's stream."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.adapters.dynamodb.foundation.stream import read_change
from chalicelib.runtime.grants import HAND_ON_CHANGES, TABLE_STREAM, TABLE_STREAM_LIST
from chalicelib.runtime.observe import count, logger
from chalicelib.runtime.triggers import stream
from chalicelib.wiring.app import app


@stream(grants=(TABLE_STREAM, TABLE_STREAM_LIST, HAND_ON_CHANGES), timeout_seconds=60, memory_mb=1024)
def relay_changes(records: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Send each change to the queue of every consumer that subscribes to it."""
    relayed = app().foundation.relay.relay([read_change(record) for record in records])
    for consumer, refusal in relayed.kept:
        count("change_unsent")
        logger.error("change kept", consumer=consumer, change=refusal.message.id, reason=refusal.reason)
    for consumer, refusal in relayed.lost:
        logger.error("change neither sent nor kept", consumer=consumer, reason=refusal.reason)
    again = {refusal.message.id for _, refusal in relayed.lost}
    return [record["dynamodb"]["SequenceNumber"] for record in records if record["eventID"] in again]
