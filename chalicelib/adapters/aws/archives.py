"""`Archives` in the reports bucket: ZIP files, uploaded in parts while they are written."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from chalicelib.adapters.aws.clients import s3
from chalicelib.adapters.aws.files import S3Files
from chalicelib.domain.operations.departure.models import Member

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 8 * 1024 * 1024
"""S3 requires parts of at least 5 MB (except the last one), and accepts at most 10,000."""


class _Sink:
    """The file that a `ZipFile` writes to. It cannot seek, so the ZIP is written from beginning to end."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, piece: bytes) -> int:
        """Collect `piece` until `take` is called."""
        self._written += piece
        return len(piece)

    def flush(self) -> None:
        """Do nothing: there is no buffer below."""

    def close(self) -> None:
        """Do nothing: there is no open file below."""

    def __len__(self) -> int:
        return len(self._written)

    def take(self) -> bytes:
        """Return and remove everything collected so far."""
        taken, self._written = bytes(self._written), bytearray()
        return taken


def zipped(members: Iterator[Member], at: datetime, part_bytes: int = PART_BYTES) -> Iterator[bytes]:
    """A ZIP file in parts of at least `part_bytes` (except the last one). Memory holds hardly more than one
    part.
    """
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_DEFLATED) as archive:
        for member in members:
            entry = ZipInfo(member.name, at.timetuple()[:6])
            entry.compress_type = ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                for piece in member.content:
                    file.write(piece)
                    if len(sink) >= part_bytes:
                        yield sink.take()
    yield sink.take()


class S3Archives(S3Files):
    """Writes archives by multipart upload: an earlier file under the key stays until the last part is uploaded."""

    def write(self, key: str, members: Iterator[Member], at: datetime) -> int:
        """Store a ZIP of `members`; see `Archives.write`."""
        bucket = self._bucket
        started = s3().create_multipart_upload(Bucket=bucket, Key=key, ContentType="application/zip")
        upload_id = started["UploadId"]
        parts: list[CompletedPartTypeDef] = []
        size = 0
        try:
            for number, part in enumerate(zipped(members, at), start=1):
                done = s3().upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=part)
                parts.append({"PartNumber": number, "ETag": done["ETag"]})
                size += len(part)
            s3().complete_multipart_upload(
                Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )
        except BaseException:
            s3().abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
            raise
        return size
