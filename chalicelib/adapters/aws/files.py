"""`Files` in the reports bucket: a file can be downloaded by everybody who has a signed link to it."""

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.adapters.aws.clients import s3
from chalicelib.adapters.shared import aws

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_ABSENT = {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}
"""Without permission to list the bucket, as here, S3 answers 403 for an object that does not exist."""


class S3Files:
    """Stores files in a bucket, under keys that contain a hash of the content."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def has(self, key: str) -> bool:
        """Whether there is a file; see `Files.has`."""
        try:
            s3().head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in _ABSENT:
                raise
            return False
        return True

    def keep(self, key: str, content: bytes, content_type: str) -> None:
        """Store a file; see `Files.keep`."""
        s3().put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)

    def link(self, key: str, file_name: str, life_seconds: int) -> str:
        """A signed URL; see `Files.link`."""
        disposition = f'attachment; filename="{file_name}"'
        return _signer().generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key, "ResponseContentDisposition": disposition},
            ExpiresIn=life_seconds,
        )


@cache
def _signer() -> "S3Client":
    """A client that signs links with Signature Version 4, as objects encrypted with KMS require."""
    signer: S3Client = aws.client("s3", Config(signature_version="s3v4", connect_timeout=2, read_timeout=8))
    return signer
