"""The port of file storage."""

from typing import Protocol


class Files(Protocol):
    """Stores files that are downloaded through links."""

    def has(self, key: str) -> bool:
        """Whether a file exists at `key`."""
        ...

    def keep(self, key: str, content: bytes, content_type: str) -> None:
        """Store a file under `key`."""
        ...

    def link(self, key: str, file_name: str, life_seconds: int) -> str:
        """Return a URL that downloads the file as `file_name`, for any holder, for `life_seconds`."""
        ...
