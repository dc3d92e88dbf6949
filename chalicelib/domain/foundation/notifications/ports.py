"""The port of alerts to the operator."""

from typing import Protocol


class StaffAlerts(Protocol):
    """Sends alerts to the operator's staff."""

    def send(self, subject: str, text: str) -> None:
        """Send an alert; it is delivered at least once."""
        ...
