"""QR codes as a port: what a phone can scan from a screen."""

from typing import Protocol


class QrCodes(Protocol):
    """Draws QR codes."""

    def svg(self, text: str) -> str:
        """A whole SVG document that shows `text` as a QR code, with its quiet zone; black on white."""
        ...
