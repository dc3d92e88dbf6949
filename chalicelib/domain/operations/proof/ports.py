"""What the proof needs from outside, besides the records of the contexts that it reads."""

from typing import Protocol

from chalicelib.domain.operations.proof.models import Report


class Reports(Protocol):
    """Where reports are kept."""

    def keep(self, report: Report) -> str:
        """Keep `report`; where it is now."""
        ...


class Alerts(Protocol):
    """Tells the operator's people."""

    def send(self, subject: str, text: str) -> None:
        """Send an alert; delivered at least once."""
        ...
