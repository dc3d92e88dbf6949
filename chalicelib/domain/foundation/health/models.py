"""What dependencies say of themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """How a dependency, or the whole, is."""

    OK = "ok"
    DEGRADED = "degraded"
    """It answered, with an error."""
    UNKNOWN = "unknown"
    """It did not answer in time."""


@dataclass(frozen=True)
class Finding:
    """What came of asking one dependency; without a latency where no answer came."""

    name: str
    status: Status
    latency_ms: int | None = None
    error: str = ""
    """What was wrong, for the log: it may name what is not for everybody."""


@dataclass(frozen=True)
class Report:
    """What came of asking all of them."""

    at: datetime
    findings: Sequence[Finding]

    @property
    def status(self) -> Status:
        """OK where everything is."""
        is_ok = all(finding.status is Status.OK for finding in self.findings)
        return Status.OK if is_ok else Status.DEGRADED
