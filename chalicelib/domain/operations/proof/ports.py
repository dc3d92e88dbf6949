"""Ports of the proof, besides the records of the contexts that it reads."""

from typing import Protocol

from chalicelib.domain.operations.proof.models import Report


class Reports(Protocol):
    """Stores reports."""

    def keep(self, report: Report) -> str:
        """Store `report`; return its location."""
        ...


class Alerts(Protocol):
    """Sends alerts to the operator's staff."""

    def send(self, subject: str, text: str) -> None:
        """Send an alert; delivered at least once."""
        ...
