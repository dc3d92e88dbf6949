"""Files in a bucket, through boto3 and S3's protocol."""

from collections.abc import Iterator
from io import BytesIO
from random import Random
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.archives import PART_BYTES, S3Archives
from chalicelib.adapters.aws.files import S3Files
from chalicelib.domain.operations.departure.models import Member
from tests.support.aws import PlayedAws, StoredFile
from tests.support.clock import START
from tests.support.settings import value_of

BUCKET = value_of("REPORTS_BUCKET")
KEY = "account-exports/x.zip"

pytestmark = pytest.mark.usefixtures("aws")


def test_what_is_kept_can_be_got_by_its_link(aws: PlayedAws) -> None:
    kept = S3Files(BUCKET)
    assert not kept.has("invoices/cus_1/x.pdf")
    kept.keep("invoices/cus_1/x.pdf", b"%PDF-1.7", "application/pdf")
    assert kept.has("invoices/cus_1/x.pdf")
    link = kept.link("invoices/cus_1/x.pdf", "HC-2031-000001.pdf", 300)
    assert aws.download(link) == StoredFile(b"%PDF-1.7", "application/pdf")


def test_a_link_is_signed_ends_and_names_the_file() -> None:
    query = parse_qs(urlsplit(S3Files(BUCKET).link("k", "ledger.csv", 300)).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["300"]
    assert query["response-content-disposition"] == ['attachment; filename="ledger.csv"']
    assert len(query["X-Amz-Signature"][0]) == 64


def test_s3_calls_a_missing_file_forbidden_where_the_bucket_may_not_be_listed() -> None:
    with stubbed(403):
        assert not S3Files(BUCKET).has("k")


def test_a_bucket_that_does_not_answer_is_no_missing_file() -> None:
    with stubbed(400), pytest.raises(ClientError):
        S3Files(BUCKET).has("k")


def stubbed(status: int) -> Stubber:
    """S3 that answers a request for a file with `status`, which moto cannot do."""
    stubber = Stubber(clients.s3())
    stubber.add_client_error("head_object", http_status_code=status)
    return stubber


def noise(pieces: int) -> Iterator[bytes]:
    """Megabytes that cannot be compressed."""
    source = Random(7)
    return (source.randbytes(1024 * 1024) for _ in range(pieces))


def uploads() -> int:
    """The number of uploads that are not complete."""
    return len(boto3.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()))


def test_an_archive_is_put_in_parts_of_a_size_that_s3_takes(aws: PlayedAws) -> None:
    """Every part but the last must have at least 5 MB."""
    size = S3Archives(BUCKET).write(KEY, iter([Member("noise", noise(20))]), START)
    content = aws.files[KEY].content
    assert aws.files[KEY].content_type == "application/zip"
    assert len(content) == size > 2 * PART_BYTES
    assert len(aws.asked("UploadPart")) == 3
    archive = ZipFile(BytesIO(content))
    assert archive.read("noise") == b"".join(noise(20))
    assert archive.getinfo("noise").date_time == START.timetuple()[:6]
    assert uploads() == 0


def test_an_archive_that_could_not_be_put_leaves_nothing(aws: PlayedAws) -> None:
    def fail(params: dict[str, object], **_: object) -> None:
        if params["PartNumber"] == 2:
            raise ClientError({"Error": {"Code": "InternalError"}}, "UploadPart")

    clients.s3().meta.events.register("before-parameter-build.s3.UploadPart", fail)
    with pytest.raises(ClientError):
        S3Archives(BUCKET).write(KEY, iter([Member("noise", noise(20))]), START)
    assert aws.asked("UploadPart"), "the first part was put"
    assert aws.files == {}
    assert uploads() == 0
