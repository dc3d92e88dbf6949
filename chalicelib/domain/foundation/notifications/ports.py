"""How the people who run the product are told."""

from typing import Protocol


class StaffAlerts(Protocol):
    """Tells the operator's people."""

    def send(self, subject: str, text: str) -> None:
        """Send an alert; delivered at least once."""
        ...
