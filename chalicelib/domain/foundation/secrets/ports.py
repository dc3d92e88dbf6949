"""How secrets are kept that must be read again."""

from typing import Protocol


class SecretBox(Protocol):
    """Keeps secrets that we must be able to read again (G46)."""

    def seal(self, secret: str, owner: str) -> str:
        """`secret`, encrypted so that it opens for `owner` alone."""
        ...

    def open(self, sealed: str, owner: str) -> str:
        """The inverse of `seal`."""
        ...
