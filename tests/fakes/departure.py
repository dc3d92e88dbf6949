"""Archives in memory."""

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from zipfile import ZipFile

from chalicelib.adapters.aws.archives import zipped
from chalicelib.domain.operations.departure.models import Member


class MemoryArchives:
    """`Archives` that are written as the real ones are, and kept here; a link names its key."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def write(self, key: str, members: Iterator[Member], at: datetime) -> int:
        """Write the archive."""
        self.kept[key] = b"".join(zipped(members, at))
        return len(self.kept[key])

    def link(self, key: str, file_name: str, life_seconds: int) -> str:
        """Where a test finds it."""
        assert key in self.kept
        return f"https://files.hearth.example/{key}?as={file_name}&for={life_seconds}"

    def opened(self, url: str) -> ZipFile:
        """The archive behind a link."""
        key = url.removeprefix("https://files.hearth.example/").partition("?")[0]
        return ZipFile(BytesIO(self.kept[key]))
