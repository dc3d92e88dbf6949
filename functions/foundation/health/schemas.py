"""Response of the health endpoint."""

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.foundation.health.models import Finding, Report, Status
from chalicelib.http import ApiModel


class DependencyView(ApiModel):
    """The state of something that Hearth depends on."""

    name: str = Field(examples=["table", "region-montreal"])
    status: Status = Field(
        description="`degraded`: it answered with an error. `unknown`: it did not answer in time."
    )
    latency_ms: int | None = Field(description="How long its answer took", examples=[12])

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The view of `finding`."""
        return cls(name=finding.name, status=finding.status, latency_ms=finding.latency_ms)


class HealthView(ApiModel):
    """The state of all dependencies."""

    status: Status = Field(description="`ok` if every dependency is, else `degraded`")
    checked_at: datetime
    dependencies: list[DependencyView]

    @classmethod
    def of(cls, report: Report) -> Self:
        """The view of `report`."""
        dependencies = [DependencyView.of(finding) for finding in report.findings]
        return cls(status=report.status, checked_at=report.at, dependencies=dependencies)
