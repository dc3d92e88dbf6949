"""`Probe` of the table."""

from collections.abc import Sequence
from contextlib import suppress

from chalicelib.adapters.dynamodb.table import Record
from chalicelib.domain.foundation.health.ports import Probe


class HealthRecord(Record, discriminator="HEALTH"):
    """`HEALTH` / `HEALTH`: never written; reading it costs half a unit."""


class TableProbe:
    """Reads an item that does not exist."""

    name = "table"

    def __init__(self) -> None:
        _ = Record.shared_connection().client  # created now, so that the probe does not spend time on it

    def ask(self) -> Sequence[Probe]:
        """Probe the table; see `Probe.ask`."""
        with suppress(HealthRecord.DoesNotExist):
            HealthRecord.get("HEALTH", "HEALTH")
        return ()
