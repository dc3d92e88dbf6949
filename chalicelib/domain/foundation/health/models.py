"""The health of dependencies."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from chalicelib.kernel.dataclasses import dataclass


class Status(StrEnum):
    """The health of a dependency, or of the whole product."""

    OK = "ok"
    DEGRADED = "degraded"
    """The dependency answered with an error."""
    UNKNOWN = "unknown"
    """The dependency did not answer in time."""


@dataclass(frozen=True)
class Finding:
    """The result of one probe; without a latency if there was no answer."""

    name: str
    status: Status
    latency_ms: int | None = None
    error: str = ""
    """The error, for the log only: it may contain internal names."""


@dataclass(frozen=True)
class Report:
    """The results of all probes."""

    at: datetime
    findings: Sequence[Finding]

    @property
    def status(self) -> Status:
        """OK if every dependency is OK."""
        is_ok = all(finding.status is Status.OK for finding in self.findings)
        return Status.OK if is_ok else Status.DEGRADED
