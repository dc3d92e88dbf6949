"""The port of encrypted secrets."""

from typing import Protocol


class SecretBox(Protocol):
    """Encrypts secrets that must be readable later (G46)."""

    def seal(self, secret: str, owner: str) -> str:
        """Return `secret` encrypted; only `open` with the same `owner` decrypts it."""
        ...

    def open(self, sealed: str, owner: str) -> str:
        """Decrypt the result of `seal`."""
        ...
