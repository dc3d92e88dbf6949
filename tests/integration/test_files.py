"""Files in a bucket, through boto3 and S3's own protocol."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.aws import clients, files
from chalicelib.adapters.aws.files import S3Files

BUCKET = "hearth-test-reports"


class Bucket(ThreadingHTTPServer):
    """An S3 that answers as it does to whoever may get and put objects, and may not list them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.broken = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Bucket

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
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

    def _answer(self, status: int, content: bytes = b"", content_type: str = "application/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
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
