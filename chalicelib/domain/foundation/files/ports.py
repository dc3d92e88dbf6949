"""Where files are kept."""

from typing import Protocol


class Files(Protocol):
    """Stores files that are downloaded through links."""

    def has(self, key: str) -> bool:
        """Whether there is a file at `key`."""
        ...

    def keep(self, key: str, content: bytes, content_type: str) -> None:
        """Store a file under `key`."""
        ...

    def link(self, key: str, file_name: str, life_seconds: int) -> str:
        """A URL that downloads the file as `file_name`, for everybody who has it, for `life_seconds`."""
        ...
