"""Port for drawing QR codes that a phone scans from a screen."""

from typing import Protocol


class QrCodes(Protocol):
    """Draws QR codes."""

    def svg(self, text: str) -> str:
        """A complete SVG document that shows `text` as a QR code, black on white, with its quiet zone."""
        ...
