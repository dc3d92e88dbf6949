"""Files in a bucket, through boto3 and S3's own protocol."""

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from random import Random
from threading import Thread
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import httpx
import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.aws import clients, files
from chalicelib.adapters.aws.archives import PART_BYTES, S3Archives
from chalicelib.adapters.aws.files import S3Files
from chalicelib.domain.operations.departure.models import Member
from tests.support.clock import START

BUCKET = "hearth-test-reports"
_UPLOAD_STARTED = b"<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>"


class Bucket(ThreadingHTTPServer):
    """An S3 that answers as it does to whoever may get and put objects, and may not list them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.broken = False
        self.broken_part = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Bucket

    def do_POST(self) -> None:
        """Begin an upload of parts, or put them together (CreateMultipartUpload, CompleteMultipartUpload)."""
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "uploads" in query:
            self.server.uploads["upload-1"] = {}
            self._answer(200, _UPLOAD_STARTED)
            return
        parts = self.server.uploads.pop(query["uploadId"][0])
        assert [int(number) for number in re.findall(rb"<PartNumber>(\d+)", body)] == sorted(parts)
        self.server.objects[self._key()] = b"".join(parts[number] for number in sorted(parts)), "application/zip"
        self._answer(200, b"<CompleteMultipartUploadResult/>")

    def do_DELETE(self) -> None:
        """Give an upload up."""
        del self.server.uploads[parse_qs(urlsplit(self.path).query)["uploadId"][0]]
        self._answer(204)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        query = parse_qs(urlsplit(self.path).query)
        if "partNumber" in query:
            number = int(query["partNumber"][0])
            if number == self.server.broken_part:
                self._answer(400)
                return
            self.server.uploads[query["uploadId"][0]][number] = content
            self._answer(200, etag=f"part-{number}")
            return
        self.server.objects[self._key()] = content, self.headers["Content-Type"]
        self._answer(200)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.server.broken:
            self._answer(400)
        elif self._key() not in self.server.objects:
            self._answer(403)
        else:
            content, content_type = self.server.objects[self._key()]
            self._answer(200, content, content_type)

    def _key(self) -> str:
        return urlsplit(self.path).path

    def _answer(
        self, status: int, content: bytes = b"", content_type: str = "application/xml", etag: str = ""
    ) -> None:
        self.send_response(status)
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command in {"GET", "POST"}:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """The bucket, where boto3 finds it."""
    with Bucket() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        clients.s3.cache_clear()
        files._signer.cache_clear()
        yield server
        server.shutdown()
        thread.join()
    clients.s3.cache_clear()
    files._signer.cache_clear()


def test_what_is_kept_can_be_got_by_its_link(bucket: Bucket) -> None:
    kept = S3Files(BUCKET)
    assert not kept.has("invoices/cus_1/x.pdf")
    kept.keep("invoices/cus_1/x.pdf", b"%PDF-1.7", "application/pdf")
    assert kept.has("invoices/cus_1/x.pdf")
    link = kept.link("invoices/cus_1/x.pdf", "HC-2031-000001.pdf", 300)
    got = httpx.get(link)
    assert (got.content, got.headers["Content-Type"]) == (b"%PDF-1.7", "application/pdf")


def test_a_link_is_signed_ends_and_names_the_file(bucket: Bucket) -> None:
    query = parse_qs(urlsplit(S3Files(BUCKET).link("k", "ledger.csv", 300)).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["300"]
    assert query["response-content-disposition"] == ['attachment; filename="ledger.csv"']
    assert len(query["X-Amz-Signature"][0]) == 64


def test_a_bucket_that_does_not_answer_is_no_missing_file(bucket: Bucket) -> None:
    bucket.broken = True
    with pytest.raises(ClientError):
        S3Files(BUCKET).has("k")


def noise(pieces: int) -> Iterator[bytes]:
    """Megabytes that do not get smaller."""
    source = Random(7)
    return (source.randbytes(1024 * 1024) for _ in range(pieces))


def test_an_archive_is_put_in_parts_of_a_size_that_s3_takes(bucket: Bucket) -> None:
    size = S3Archives(BUCKET).write("account-exports/x.zip", iter([Member("noise", noise(20))]), START)
    content, content_type = bucket.objects[f"/{BUCKET}/account-exports/x.zip"]
    assert (len(content), content_type) == (size, "application/zip")
    assert size > 2 * PART_BYTES
    archive = ZipFile(BytesIO(content))
    assert archive.read("noise") == b"".join(noise(20))
    assert archive.getinfo("noise").date_time == START.timetuple()[:6]
    assert bucket.uploads == {}


def test_an_archive_that_could_not_be_put_leaves_nothing(bucket: Bucket) -> None:
    bucket.broken_part = 2
    with pytest.raises(ClientError):
        S3Archives(BUCKET).write("account-exports/x.zip", iter([Member("noise", noise(20))]), START)
    assert bucket.objects == {}
    assert bucket.uploads == {}
