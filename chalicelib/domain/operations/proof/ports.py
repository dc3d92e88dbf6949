"""Ports of the proof, besides the records of the contexts that it reads."""

from typing import Protocol

from chalicelib.domain.operations.proof.models import ComparisonReport, Report


class Reports(Protocol):
    """Stores reports."""

    def keep(self, report: Report) -> str:
        """Store `report`; return its location."""
        ...


class ComparisonReports(Protocol):
    """Stores reports."""

    def keep_comparison(self, report: ComparisonReport) -> str:
        """Store `report`; return its location."""
        ...
